"""The server's Deployment: one per revision."""

from carillon_operator.resources.inputs import ROLLING, Cluster, Object, Observed
from carillon_operator.resources.metadata import REVISION_LABEL, SERVER, child, deployment_name, selector
from carillon_operator.resources.template import revision, template

HISTORY = 1
"""Old ReplicaSets kept; earlier revisions come back by the resource, not by `kubectl rollout undo`."""
NONE = (0, "0%", "00%")


def deployment(cluster: Cluster, observed: Observed) -> Object:
    spec, name = cluster.spec, revision(cluster, observed)
    found = child(cluster, "apps/v1", "Deployment", deployment_name(cluster, name), SERVER, more_labels={REVISION_LABEL: name})
    found["spec"] = {
        "replicas": spec.replicas if observed.replicas is None else observed.replicas,
        "selector": {"matchLabels": selector(cluster, SERVER, name)},
        "revisionHistoryLimit": HISTORY,
        "progressDeadlineSeconds": spec.update.progress_deadline_seconds,
        "strategy": {"type": "RollingUpdate", "rollingUpdate": _pace(cluster, name)},
        "template": template(cluster, observed),
    }
    return found


def _pace(cluster: Cluster, revision: str) -> Object:
    if revision != ROLLING:
        # Its template never changes; `kubectl rollout restart` alone gets so far before another revision takes over.
        return {"maxSurge": 1, "maxUnavailable": 0}
    update = cluster.spec.update
    # Neither more nor fewer: nothing could ever move, and the API server refuses it.
    stuck = update.max_unavailable in NONE and update.max_surge in NONE
    return {"maxSurge": 1 if stuck else update.max_surge, "maxUnavailable": update.max_unavailable}
