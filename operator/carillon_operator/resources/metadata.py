"""Names, labels and owners of children."""

from collections.abc import Mapping

from carillon_operator.resources.inputs import Cluster, Object
from carillon_operator.spec import API_VERSION, KIND

MANAGER = "carillon-operator"
CLUSTER_LABEL = "carillon.dev/cluster"
"""The inventory: every child carries it, and what carries it without being wanted is removed."""
COMPONENT_LABEL = "carillon.dev/component"
REVISION_LABEL = "carillon.dev/revision"
LED_LABEL, LED = "carillon.dev/led", "true"
"""Of pods to which the Service leads users: all, unless their node is silent."""
SERVER, REDIS = "server", "redis"


def labels(cluster: Cluster, component: str) -> dict[str, str]:
    return {
        "app.kubernetes.io/name": "carillon",
        "app.kubernetes.io/instance": cluster.name,
        "app.kubernetes.io/component": component,
        "app.kubernetes.io/part-of": "carillon",
        "app.kubernetes.io/managed-by": MANAGER,
        CLUSTER_LABEL: cluster.name,
        COMPONENT_LABEL: component,
    }


def selector(cluster: Cluster, component: str, revision: str = "") -> dict[str, str]:
    """Labels by which pods are chosen; those of all revisions without one."""
    found = {CLUSTER_LABEL: cluster.name, COMPONENT_LABEL: component}
    return found | {REVISION_LABEL: revision} if revision else found


def selector_text(cluster: Cluster, revision: str) -> str:
    """The same for `status.selector`, where the HPA reads it."""
    return ",".join(f"{name}={value}" for name, value in selector(cluster, SERVER, revision).items())


def child(
    cluster: Cluster,
    api_version: str,
    kind: str,
    name: str,
    component: str,
    *,
    more_labels: Mapping[str, str] | None = None,
    annotations: Mapping[str, str] | None = None,
) -> Object:
    """An object without its content, owned by the resource: deleting that deletes it, without finalizers."""
    owner = {"apiVersion": API_VERSION, "kind": KIND, "name": cluster.name, "uid": cluster.uid, "controller": True}
    metadata: Object = {
        "name": name,
        "namespace": cluster.namespace,
        "labels": dict(more_labels or {}) | labels(cluster, component),
        "ownerReferences": [owner],
    }
    if annotations:
        metadata["annotations"] = dict(annotations)
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata}


def redis_name(cluster: Cluster) -> str:
    return f"{cluster.name}-redis"


def keyring_name(cluster: Cluster) -> str:
    return f"{cluster.name}-jwt"


def deployment_name(cluster: Cluster, revision: str) -> str:
    return f"{cluster.name}-{revision}"
