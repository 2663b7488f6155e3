"""How clients come in from outside: an Ingress or an HTTPRoute."""

from carillon_operator.resources.inputs import Cluster, Object, Observed
from carillon_operator.resources.metadata import SERVER, child
from carillon_operator.resources.pods import plain

ROUTE_API = "gateway.networking.k8s.io/HTTPRoute"


def ingress(cluster: Cluster) -> Object | None:
    wanted = cluster.spec.ingress
    if wanted is None:
        return None
    found = child(cluster, "networking.k8s.io/v1", "Ingress", cluster.name, SERVER, annotations=wanted.annotations)
    path = {"path": "/", "pathType": "Prefix", "backend": {"service": {"name": cluster.name, "port": {"name": "signaling"}}}}
    found["spec"] = {"rules": [{"host": host, "http": {"paths": [path]}} for host in wanted.hosts]}
    if wanted.class_name:
        found["spec"]["ingressClassName"] = wanted.class_name
    if wanted.tls_secret:
        found["spec"]["tls"] = [{"hosts": list(wanted.hosts), "secretName": wanted.tls_secret}]
    return found


def route(cluster: Cluster, observed: Observed) -> Object | None:
    """None, too, where the cluster has no Gateway API."""
    wanted = cluster.spec.route
    if wanted is None or ROUTE_API not in observed.apis:
        return None
    found = child(cluster, "gateway.networking.k8s.io/v1", "HTTPRoute", cluster.name, SERVER, annotations=wanted.annotations)
    backend = {"name": cluster.name, "port": cluster.spec.service.port}
    found["spec"] = {"parentRefs": [plain(one) for one in wanted.parent_refs], "rules": [{"backendRefs": [backend]}]}
    if wanted.hostnames:
        found["spec"]["hostnames"] = list(wanted.hostnames)
    return found
