"""Who may reach the pods. Egress stays open: providers of pushes, keys and traces are anywhere."""

from carillon_operator.resources.environment import METRICS_PORT, PORT, REDIS_PORT
from carillon_operator.resources.inputs import Cluster, Object
from carillon_operator.resources.metadata import MANAGER, REDIS, SERVER, child, redis_name, selector
from carillon_operator.resources.pods import plain
from carillon_operator.spec.network import Peer


def network_policies(cluster: Cluster) -> list[Object]:
    if not cluster.spec.network_policy.enabled:
        return []
    return [_server(cluster), *([_redis(cluster)] if cluster.spec.managed_redis else [])]


def _server(cluster: Cluster) -> Object:
    policy = cluster.spec.network_policy
    metrics = _peers(policy.metrics_from) or [{"namespaceSelector": {}}]
    if policy.metrics_from and cluster.defaults.namespace:
        metrics.append(_operator(cluster.defaults.namespace))
    clients: Object = {"ports": [{"port": PORT, "protocol": "TCP"}]}
    if policy.clients_from:
        clients["from"] = _peers(policy.clients_from)
    rules = [clients, {"ports": [{"port": METRICS_PORT, "protocol": "TCP"}], "from": metrics}]
    return _policy(cluster, cluster.name, SERVER, rules)


def _redis(cluster: Cluster) -> Object:
    rule = {"ports": [{"port": REDIS_PORT, "protocol": "TCP"}], "from": [{"podSelector": {"matchLabels": selector(cluster, SERVER)}}]}
    return _policy(cluster, redis_name(cluster), REDIS, [rule])


def _policy(cluster: Cluster, name: str, component: str, ingress: list[Object]) -> Object:
    found = child(cluster, "networking.k8s.io/v1", "NetworkPolicy", name, component)
    pods = {"matchLabels": selector(cluster, component)}
    found["spec"] = {"podSelector": pods, "policyTypes": ["Ingress"], "ingress": ingress}
    return found


def _peers(peers: tuple[Peer, ...]) -> list[Object]:
    return [plain(one) or {"podSelector": {}} for one in peers]


def _operator(namespace: str) -> Object:
    return {
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
        "podSelector": {"matchLabels": {"app.kubernetes.io/name": MANAGER}},
    }
