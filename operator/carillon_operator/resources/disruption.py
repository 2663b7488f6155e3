"""The server's PodDisruptionBudget. By maxUnavailable only: minAvailable on one replica blocks a drain for good. None for managed Redis."""

from carillon_operator.resources.inputs import Cluster, Object
from carillon_operator.resources.metadata import SERVER, child, selector


def disruption_budget(cluster: Cluster) -> Object | None:
    budget = cluster.spec.disruption_budget
    if not budget.enabled:
        return None
    found = child(cluster, "policy/v1", "PodDisruptionBudget", cluster.name, SERVER)
    found["spec"] = {
        "maxUnavailable": budget.max_unavailable,
        "selector": {"matchLabels": selector(cluster, SERVER)},
        "unhealthyPodEvictionPolicy": "AlwaysAllow",
    }
    return found
