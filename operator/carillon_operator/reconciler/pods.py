"""What pods tell: whether they serve, why they do not, whether Redis is lost."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from carillon_operator.resources import ROLLING, Cluster, Object
from carillon_operator.resources.metadata import REVISION_LABEL, redis_name
from carillon_operator.rollout import Revision
from carillon_operator.status import Finding

LOST_AFTER = 60.0
"""Seconds beyond its grace that a pod takes to end before its node is held to be lost."""
PASSING = frozenset({"ContainerCreating", "PodInitializing"})


def is_ready(pod: Object) -> bool:
    """Ready, and not on its way out."""
    return not leaving(pod) and _condition(pod, "Ready").get("status") == "True"


def leaving(pod: Object) -> bool:
    return bool(pod["metadata"].get("deletionTimestamp"))


def ended(pod: Object) -> bool:
    """It ran, and will not run again: evicted, or its node was short of something."""
    return (pod.get("status") or {}).get("phase") in ("Failed", "Succeeded")


def revision_of(one: Object) -> str:
    return str((one["metadata"].get("labels") or {}).get(REVISION_LABEL, ""))


def lost(pod: Object, now: float) -> bool:
    """It does not end, most likely since its node is gone: whether it still runs nobody knows. now: Unix time in seconds."""
    return leaving(pod) and now > _lost_at(pod)


def drains(pods: Iterable[Object], now: float) -> bool:
    """Whether one of them still serves its last clients."""
    return any(leaving(pod) and not lost(pod, now) for pod in pods)


def lost_in(pods: Iterable[Object], now: float) -> float | None:
    """Seconds until the next of those that are leaving would be lost."""
    return min((_lost_at(pod) - now for pod in pods if leaving(pod) and not lost(pod, now)), default=None)


def _lost_at(pod: Object) -> float:
    """Its grace is in its deletionTimestamp already."""
    return datetime.fromisoformat(pod["metadata"]["deletionTimestamp"]).timestamp() + LOST_AFTER


def revisions(deployments: dict[str, Object], pods: Iterable[Object], now: float) -> tuple[Revision, ...]:
    """One for each Deployment. Pods that are lost do not count: no rollout waits for them. now: Unix time in seconds."""
    by_name: dict[str, list[Object]] = {name: [] for name in deployments}
    for pod in pods:
        if revision_of(pod) in by_name and not ended(pod) and not lost(pod, now):
            by_name[revision_of(pod)].append(pod)
    return tuple(
        Revision(
            name, one["spec"].get("replicas", 1), len(by_name[name]), sum(map(is_ready, by_name[name])), name != ROLLING or _settled(one)
        )
        for name, one in deployments.items()
    )


def _settled(deployment: Object) -> bool:
    """The Deployment controller has seen its newest template, and no pod of an older one is left."""
    status = deployment.get("status") or {}
    seen = status.get("observedGeneration", 0) >= deployment["metadata"].get("generation", 1)
    return bool(seen and status.get("updatedReplicas", 0) >= status.get("replicas", 0))


def waiting(pods: Iterable[Object], deployments: Iterable[Object]) -> str:
    """Why pods are not ready: one sentence for each reason, the pod it was seen on named; at most three."""
    found: dict[str, str] = {}
    for pod in pods:
        if is_ready(pod) or leaving(pod):
            continue
        reason, said = _why(pod)
        if reason:
            found.setdefault(reason, f"{pod['metadata']['name']}: {reason}{f' ({said})' if said else ''}.")
    for one in deployments:
        for condition in (one.get("status") or {}).get("conditions") or []:
            if condition.get("type") == "ReplicaFailure" and condition.get("status") == "True":
                found.setdefault("ReplicaFailure", f"Pods cannot be made: {condition.get('message', '')}")
    return " ".join(list(found.values())[:3])


def _why(pod: Object) -> tuple[str, str]:
    status = pod.get("status") or {}
    scheduled = _condition(pod, "PodScheduled")
    if scheduled.get("status") == "False":
        return str(scheduled.get("reason", "Unschedulable")), _short(scheduled.get("message"))
    for container in status.get("containerStatuses") or []:
        state = container.get("state") or {}
        if (wait := state.get("waiting")) and wait.get("reason") not in PASSING:
            last = ((container.get("lastState") or {}).get("terminated") or {}).get("exitCode")
            told = _short(wait.get("message")) if last is None else f"it ended with exit code {last}; its log says why"
            return str(wait.get("reason", "Waiting")), told
        if end := state.get("terminated"):
            return str(end.get("reason", "Terminated")), f"exit code {end.get('exitCode')}"
    return ("", "") if status.get("phase") in ("Running", "Pending", None) else (str(status.get("reason") or status["phase"]), "")


def _short(text: Any, longest: int = 300) -> str:
    found = " ".join(str(text or "").split()).rstrip(".")
    return found if len(found) <= longest else found[: longest - 1] + "…"


def _condition(pod: Object, kind: str) -> dict[str, Any]:
    return next((one for one in (pod.get("status") or {}).get("conditions") or [] if one.get("type") == kind), {})


def managed_redis(cluster: Cluster, pods: list[Object], now: float) -> Finding:
    """now: Unix time in seconds."""
    stored = bool(cluster.spec.managed_redis and cluster.spec.managed_redis.storage)
    for pod in pods:
        if stored and lost(pod, now):
            about, node = pod["metadata"], (pod.get("spec") or {}).get("nodeName", "?")
            return Finding(
                False,
                "NodeLost",
                f"Pod {about['name']} on node {node} does not end, and Kubernetes starts no second Redis on the same volume while it may "
                f"still run. If the node is gone for good: kubectl delete node {node}; if it is certainly off: kubectl delete pod "
                f"--force --grace-period=0 -n {cluster.namespace} {about['name']}.",
            )
    if any(is_ready(pod) for pod in pods):
        return Finding(True, "Running")
    if not pods:
        return Finding(False, "NoPod", f"{redis_name(cluster)} has no pod yet.")
    return Finding(False, "NotReady", waiting(pods, ()) or f"{pods[0]['metadata']['name']} starts.")
