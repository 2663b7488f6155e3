"""The ServiceMonitor of the Prometheus operator, where its CRD exists."""

from carillon_operator.resources.inputs import Cluster, Object, Observed
from carillon_operator.resources.metadata import CLUSTER_LABEL, SERVER, child
from carillon_operator.resources.service import METRICS

API = "monitoring.coreos.com/ServiceMonitor"


def service_monitor(cluster: Cluster, observed: Observed) -> Object | None:
    monitor = cluster.spec.telemetry.service_monitor
    if monitor is None or API not in observed.apis:
        return None
    found = child(cluster, "monitoring.coreos.com/v1", "ServiceMonitor", cluster.name, SERVER, more_labels=monitor.labels)
    found["spec"] = {
        "selector": {"matchLabels": {CLUSTER_LABEL: cluster.name, **METRICS}},
        "endpoints": [{"port": "metrics", "interval": f"{monitor.interval_seconds}s"}],
    }
    return found
