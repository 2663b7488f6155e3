"""Where clients connect, for people to copy from the status."""

from carillon_operator.resources.inputs import Cluster

PATH = "/ws"


def endpoint(cluster: Cluster, balancer: str = "") -> str:
    """balancer: name or address of the Service's load balancer; empty while it has none, and the cluster's own name serves."""
    spec = cluster.spec
    if spec.route and spec.route.hostnames:
        return f"wss://{spec.route.hostnames[0]}{PATH}"
    if spec.ingress:
        return f"{'wss' if spec.ingress.tls_secret else 'ws'}://{spec.ingress.hosts[0]}{PATH}"
    host = balancer or f"{cluster.name}.{cluster.namespace}.svc"
    if ":" in host:
        host = f"[{host}]"
    port = "" if spec.service.port == 80 else f":{spec.service.port}"
    return f"ws://{host}{port}{PATH}"
