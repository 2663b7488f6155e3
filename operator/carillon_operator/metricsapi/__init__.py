"""`custom.metrics.k8s.io`, for those who scale by a HorizontalPodAutoscaler: connections of each pod, read from the pods when asked."""

from carillon_operator.metricsapi.api import GROUP, METRIC, VERSIONS, Query, Value
from carillon_operator.metricsapi.certificates import Certificate, issue
from carillon_operator.metricsapi.identity import Front
from carillon_operator.metricsapi.server import Backend, MetricsServer

__all__ = ["GROUP", "METRIC", "VERSIONS", "Backend", "Certificate", "Front", "MetricsServer", "Query", "Value", "issue"]
