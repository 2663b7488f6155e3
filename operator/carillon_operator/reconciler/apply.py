"""Makes what is wanted, repairs what drifted, removes what is wanted no more; never touches what belongs to somebody else."""

import logging
from collections.abc import Iterable
from dataclasses import dataclass, field

from carillon_operator.kube import ApiError, Client, Conflict, Forbidden, Invalid, Kind, NotFound, Throttled, kind_of
from carillon_operator.kube.kinds import DEPLOYMENT
from carillon_operator.reconciler.drift import drifted, fingerprint, marked
from carillon_operator.reconciler.world import World, owner
from carillon_operator.resources import Cluster, Object
from carillon_operator.resources.metadata import MANAGER

log = logging.getLogger(__name__)

SCALER = f"{MANAGER}-scale"
"""Field manager of what is changed in revisions on their way out, whose template is no longer applied."""


@dataclass(slots=True)
class Report:
    """What could not be done, in words: see `status.Facts`. written: writes that were made."""

    problems: tuple[str, ...] = ()
    foreign: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    unchangeable: list[str] = field(default_factory=list)
    written: int = 0


class Applier:
    """accepted: what the API server made of the last apply, by uid of the child; see `drift`."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._accepted: dict[str, dict[str, str]] = {}

    def forget(self, uid: str) -> None:
        """A resource is gone."""
        self._accepted.pop(uid, None)

    async def apply(self, cluster: Cluster, wanted: Iterable[Object], world: World, report: Report) -> None:
        """What fails for a moment holds up no other child; it is raised in the end."""
        failure: ApiError | None = None
        for one in wanted:
            kind = kind_of(one)
            try:
                await self._one(cluster, one, kind, world.children.get((kind, one["metadata"]["name"])), report)
            except (Invalid, Forbidden) as refusal:
                if refusal.namespace_ends:
                    raise
                place = report.unchangeable if refusal.status == 422 and "immutable" in _lower(refusal) else report.refused
                place.append(f"{_name(one)}: {refusal.message}")
            except Throttled:
                raise
            except ApiError as passing:
                failure = failure or passing
        if failure:
            raise failure

    async def _one(self, cluster: Cluster, one: Object, kind: Kind, live: Object | None, report: Report) -> None:
        wanted = marked(one)
        if live is None:
            try:
                await self._client.make(wanted, kind)
                report.written += 1
                return
            except Conflict:
                live = await self._client.get(kind, cluster.namespace, one["metadata"]["name"])
        if owner(live) != cluster.uid:
            report.foreign.append(_stranger(one, live))
            return
        if live["metadata"].get("deletionTimestamp"):
            return
        uid = live["metadata"]["uid"]
        accepted = self._accepted.setdefault(cluster.uid, {})
        if drifted(wanted, live, accepted.get(uid, "")):
            answer = await self._client.apply(wanted, kind, uid)
            report.written += 1
            accepted[uid] = fingerprint(wanted, answer)

    async def scale(self, cluster: Cluster, live: Object, replicas: int, report: Report) -> None:
        """A Deployment of an older revision, whose template stays."""
        if live["spec"].get("replicas") != replicas:
            about = live["metadata"]
            change = {"metadata": {"uid": about["uid"]}, "spec": {"replicas": replicas}}
            await self._client.merge(DEPLOYMENT, cluster.namespace, about["name"], change, manager=SCALER)
            report.written += 1

    async def prune(
        self, cluster: Cluster, wanted: Iterable[Object], kept: Iterable[tuple[Kind, str]], world: World, report: Report
    ) -> None:
        """kept: what stays although it is not among the wanted. Raises Conflict for what is another one by now."""
        names = {(kind_of(one), one["metadata"]["name"]) for one in wanted} | set(kept)
        for (kind, name), live in world.children.items():
            about = live["metadata"]
            if (kind, name) in names or owner(live) != cluster.uid or about.get("deletionTimestamp"):
                continue
            try:
                await self._client.delete(kind, cluster.namespace, name, about["uid"])
                report.written += 1
            except NotFound:
                log.debug("%s is gone already", name)


def _stranger(one: Object, live: Object) -> str:
    of = next(
        (f" (it is {ref['kind']} {ref['name']}'s)" for ref in live["metadata"].get("ownerReferences") or [] if ref.get("controller")), ""
    )
    return f"{_name(one)} exists and is not this resource's{of}: it is left alone. Delete or rename it, or this resource."


def _name(one: Object) -> str:
    return f"{one['kind']} {one['metadata']['name']}"


def _lower(refusal: ApiError) -> str:
    return refusal.message.lower().replace("forbidden: updates to", "immutable")
