"""`custom.metrics.k8s.io`, for those who scale by a HorizontalPodAutoscaler: connections of each pod, read from the pods when asked."""

from carillon_operator.metricsapi.cluster import Cluster
from carillon_operator.metricsapi.serve import Serving

__all__ = ["Cluster", "Serving"]
