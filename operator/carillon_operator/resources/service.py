"""The Services: one for clients, which points to one revision, and one by which metrics of all pods are found."""

from carillon_operator.resources.environment import METRICS_PORT
from carillon_operator.resources.inputs import Cluster, Object, Observed
from carillon_operator.resources.metadata import LED, LED_LABEL, SERVER, child, selector
from carillon_operator.resources.template import revision

METRICS = {"carillon.dev/endpoint": "metrics"}
"""Label by which a ServiceMonitor tells the Services apart."""


def service(cluster: Cluster, observed: Observed) -> Object:
    """Points to the revision that serves, save pods on silent nodes; to the newest where none does yet."""
    wanted = cluster.spec.service
    found = child(cluster, "v1", "Service", cluster.name, SERVER, more_labels=wanted.labels, annotations=wanted.annotations)
    port: Object = {
        "name": "signaling",
        "port": wanted.port,
        "targetPort": "signaling",
        "protocol": "TCP",
        "appProtocol": "kubernetes.io/ws",
    }
    if wanted.node_port:
        port["nodePort"] = wanted.node_port
    serving = observed.serving or revision(cluster, observed)
    found["spec"] = {"type": wanted.type, "selector": selector(cluster, SERVER, serving) | {LED_LABEL: LED}, "ports": [port]}
    if wanted.type != "ClusterIP":
        found["spec"]["externalTrafficPolicy"] = wanted.external_traffic_policy or "Cluster"
    if wanted.load_balancer_class:
        found["spec"]["loadBalancerClass"] = wanted.load_balancer_class
    if wanted.load_balancer_source_ranges:
        found["spec"]["loadBalancerSourceRanges"] = list(wanted.load_balancer_source_ranges)
    return found


def metrics_service(cluster: Cluster) -> Object:
    """Headless and apart, so that the public one never shows the metrics port."""
    found = child(cluster, "v1", "Service", f"{cluster.name}-metrics", SERVER, more_labels=METRICS)
    found["spec"] = {
        "type": "ClusterIP",
        "clusterIP": "None",
        "publishNotReadyAddresses": True,
        "selector": selector(cluster, SERVER),
        "ports": [{"name": "metrics", "port": METRICS_PORT, "targetPort": "metrics", "protocol": "TCP"}],
    }
    return found
