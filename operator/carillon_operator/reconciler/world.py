"""What is there: read anew for each pass, so that no decision rests on what a watch may have missed."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field

from carillon_operator.kube.client import Client
from carillon_operator.kube.errors import NotFound
from carillon_operator.kube.kinds import CHILDREN, POD, SECRET, SERVICE_ACCOUNT, Kind
from carillon_operator.resources import Cluster, Object
from carillon_operator.resources.metadata import CLUSTER_LABEL, COMPONENT_LABEL, REDIS, REVISION_LABEL, SERVER


@dataclass(frozen=True, slots=True)
class World:
    """children: by kind and name, strangers that carry the label among them. secrets: those asked for that exist. apis: optional kinds
    that are served.
    """

    children: dict[tuple[Kind, str], Object] = field(default_factory=dict)
    pods: tuple[Object, ...] = ()
    secrets: dict[str, Object] = field(default_factory=dict)
    apis: frozenset[str] = frozenset()

    def deployments(self, uid: str) -> dict[str, Object]:
        """The resource's own server Deployments, by revision."""
        found = {}
        for (kind, _), one in self.children.items():
            labels = one["metadata"].get("labels") or {}
            if kind.kind == "Deployment" and labels.get(COMPONENT_LABEL) == SERVER and owner(one) == uid:
                found[labels.get(REVISION_LABEL, "")] = one
        return found

    def component(self, name: str) -> list[Object]:
        return [one for one in self.pods if (one["metadata"].get("labels") or {}).get(COMPONENT_LABEL) == name]


def owner(found: Object) -> str:
    """uid of its controller; empty: it has none."""
    return next((one["uid"] for one in found["metadata"].get("ownerReferences") or [] if one.get("controller")), "")


def needed_by_older(cluster: Cluster, world: World) -> set[tuple[Kind, str]]:
    """Children without which pods of the revision before cannot go on, or be replaced, although the newest wants them no more: its
    ServiceAccount, and the managed Redis where the newest has an external one.
    """

    def needed(kind: Kind, child: Object) -> bool:
        redis = (child["metadata"].get("labels") or {}).get(COMPONENT_LABEL) == REDIS
        return kind == SERVICE_ACCOUNT or (redis and cluster.spec.managed_redis is None)

    return {(kind, name) for (kind, name), child in world.children.items() if needed(kind, child)}


async def observe(client: Client, namespace: str, name: str, secrets: Iterable[str]) -> World:
    """Raises what `Client` raises; that an optional kind is not served is no error."""
    selector = f"{CLUSTER_LABEL}={name}"
    wanted = sorted(set(secrets))
    lists = await asyncio.gather(*(_children(client, kind, namespace, selector) for kind in CHILDREN))
    pods = await client.find(POD, namespace, selector=selector)
    found = await asyncio.gather(*(_secret(client, namespace, one) for one in wanted))
    children = {(kind, one["metadata"]["name"]): one for kind, items in zip(CHILDREN, lists, strict=True) for one in items or []}
    apis = {kind.api for kind, items in zip(CHILDREN, lists, strict=True) if kind.optional and items is not None}
    return World(children, tuple(pods), {name: one for name, one in zip(wanted, found, strict=True) if one}, frozenset(apis))


async def _children(client: Client, kind: Kind, namespace: str, selector: str) -> list[Object] | None:
    """None where the kind is not served."""
    try:
        return [
            # Lists leave them out of their items.
            {"apiVersion": kind.api_version, "kind": kind.kind} | one
            for one in await client.find(kind, namespace, selector=selector)
        ]
    except NotFound:
        if kind.optional:
            return None
        raise


async def _secret(client: Client, namespace: str, name: str) -> Object | None:
    try:
        return await client.get(SECRET, namespace, name)
    except NotFound:
        return None
