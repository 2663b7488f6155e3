"""Notes on pods, for others to go by: Kubernetes' controllers, the Service."""

from typing import Any

from carillon_operator.kube import Client, Conflict, NotFound
from carillon_operator.kube.kinds import POD


async def mark(client: Client, namespace: str, name: str, uid: str, **metadata: Any) -> bool:
    """metadata: labels or annotations; None takes one away. False: the pod is gone, or another one of that name is there."""
    try:
        await client.merge(POD, namespace, name, {"metadata": {"uid": uid, **metadata}})
    except (NotFound, Conflict):
        return False
    return True
