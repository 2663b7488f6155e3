"""How many pods a resource wants: as it says, or as its load asks for; written to `/scale` like anybody else's wish.

Here too, since it comes from the same question to the pods: which keyring each has loaded, and whether it reaches an external Redis.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from carillon_operator.autoscaler import DELETION_COST, Decision, History, Sample, Scale, decide
from carillon_operator.kube import ApiError, Client, Conflict, NotFound
from carillon_operator.kube.kinds import AUTOSCALER, POD, RESOURCE, SCALED_OBJECT, Kind
from carillon_operator.metrics import Reading, Scraper
from carillon_operator.reconciler import pods as look
from carillon_operator.reconciler.world import World
from carillon_operator.resources import Cluster, Object
from carillon_operator.resources.metadata import SERVER
from carillon_operator.spec import KIND, Status
from carillon_operator.spec.status import ScalerStatus
from carillon_operator.spec.times import seconds, stamp
from carillon_operator.status import Finding

EVERY = 15.0
"""Seconds between two looks at the load, as the HPA's."""
ROTATING_EVERY, REDIS_EVERY = 10.0, 60.0
COST = "controller.kubernetes.io/pod-deletion-cost"


@dataclass(frozen=True, slots=True)
class Scaled:
    """replicas: pods that are to serve. keyrings: see `secrets.rotate`. redis: what the pods say of an external one; None: not asked."""

    replicas: int
    keyrings: Mapping[str, str | None] = field(default_factory=dict)
    redis: Finding | None = None
    status: ScalerStatus | None = None
    conflict: str = ""
    said: str = ""
    again: float | None = None


@dataclass(slots=True)
class _Memory:
    """Of one resource: the scaler's history, and the last totals of its pods with their time, from which rates come."""

    history: History = field(default_factory=History)
    totals: dict[str, tuple[float, Reading]] = field(default_factory=dict)


class Scaler:
    def __init__(self, client: Client, scraper: Scraper) -> None:
        self._client, self._scraper = client, scraper
        self._memory: dict[str, _Memory] = {}

    def forget(self, uid: str) -> None:
        self._memory.pop(uid, None)

    async def look(self, resource: Object, cluster: Cluster, world: World, before: Status | None, now: float, *, acts: bool) -> Scaled:
        """acts: whether anything may be written. now: Unix time in seconds."""
        spec, status = cluster.spec, before.scaler if before else None
        keyring = before.keyring if before else None
        rotating = spec.auth.rotation != (keyring.rotation if keyring else 0) or bool(keyring and keyring.phase != "Settled")
        external = spec.managed_redis is None
        if not (spec.autoscaling or rotating or external):
            return Scaled(spec.replicas)
        servers = [one for one in world.component(SERVER) if not look.leaving(one) and not look.ended(one)]
        readings = await self._scraper.read(servers)
        again = min(period for asked, period in ((spec.autoscaling, EVERY), (rotating, ROTATING_EVERY), (external, REDIS_EVERY)) if asked)
        found = Scaled(
            spec.replicas,
            {name: one.keyring if one else None for name, one in readings.items()},
            _external(readings) if external else None,
            status,
            again=again,
        )
        if not spec.autoscaling:
            self.forget(cluster.uid)
            return found
        return await self._scale(found, resource, cluster, world, before, readings, now, acts)

    async def _scale(
        self,
        found: Scaled,
        resource: Object,
        cluster: Cluster,
        world: World,
        before: Status | None,
        readings: Mapping[str, Reading | None],
        now: float,
        acts: bool,
    ) -> Scaled:
        scaling = cluster.spec.autoscaling
        assert scaling is not None
        memory = self._memory.setdefault(cluster.uid, _Memory())
        serving = before.rollout.revision if before and before.rollout else ""
        deployment = world.deployments(cluster.uid).get(serving)
        running = deployment["spec"].get("replicas", 1) if deployment else cluster.spec.replicas
        status = found.status or ScalerStatus()
        scale = Scale(
            cluster.spec.replicas,
            running,
            status.replicas,
            seconds(status.changed_at) or 0.0,
            await self._rivals(cluster),
            bool(before and before.rollout and before.rollout.target),
        )
        samples = [
            _sample(one, readings.get(one["metadata"]["name"]), memory, now)
            for one in world.component(SERVER)
            if look.revision_of(one) == serving and not look.leaving(one) and not look.ended(one)
        ]
        memory.totals = {name: (now, one) for name, one in readings.items() if one}
        decision = decide(scaling, scale, samples, memory.history, now)
        memory.history = decision.history
        if not acts:
            return found
        return await self._write(found, resource, cluster, world, decision, status, running, now)

    async def _write(
        self,
        found: Scaled,
        resource: Object,
        cluster: Cluster,
        world: World,
        decision: Decision,
        status: ScalerStatus,
        running: int,
        now: float,
    ) -> Scaled:
        about = resource["metadata"]
        if decision.victims:
            await self._choose(cluster, world, decision.victims)
        if decision.write is not None:
            # With the resourceVersion that was read: what somebody else wrote meanwhile is not overwritten unseen.
            change = {"metadata": {"resourceVersion": about["resourceVersion"]}, "spec": {"replicas": decision.write}}
            answer = await self._client.merge(RESOURCE, cluster.namespace, cluster.name, change, sub="scale")
            about["resourceVersion"] = answer["metadata"]["resourceVersion"]
        if decision.replicas != running or status.replicas is None:
            status = ScalerStatus(replicas=decision.replicas, changed_at=stamp(now))
        elif decision.write is not None:
            status = ScalerStatus(replicas=decision.replicas, changed_at=status.changed_at)
        if decision.conflict:
            status = found.status or ScalerStatus()
        return Scaled(decision.replicas, found.keyrings, found.redis, status, decision.conflict, decision.why, found.again)

    async def _choose(self, cluster: Cluster, world: World, victims: tuple[str, ...]) -> None:
        """Marks the pods that are to go before there are to be fewer."""
        for pod in world.pods:
            about = pod["metadata"]
            if about["name"] in victims and (about.get("annotations") or {}).get(COST) != str(DELETION_COST):
                change = {"metadata": {"uid": about["uid"], "annotations": {COST: str(DELETION_COST)}}}
                try:
                    await self._client.merge(POD, cluster.namespace, about["name"], change)
                except (NotFound, Conflict):
                    continue

    async def _rivals(self, cluster: Cluster) -> tuple[str, ...]:
        found = []
        for kind in (AUTOSCALER, SCALED_OBJECT):
            found += [f"{kind.kind} {one['metadata']['name']}" for one in await self._named(kind, cluster) if _targets(one, cluster.name)]
        return tuple(found)

    async def _named(self, kind: Kind, cluster: Cluster) -> list[Object]:
        try:
            return await self._client.find(kind, cluster.namespace)
        except NotFound:
            return []
        except ApiError:
            if kind.optional:
                return []
            raise


def _targets(autoscaler: Object, name: str) -> bool:
    target = (autoscaler.get("spec") or {}).get("scaleTargetRef") or {}
    return target.get("kind") == KIND and target.get("name") == name


def _sample(pod: Object, reading: Reading | None, memory: _Memory, now: float) -> Sample:
    name = pod["metadata"]["name"]
    if reading is None:
        return Sample(name, None, look.is_ready(pod))
    then, old = memory.totals.get(name, (now, reading))
    took = now - then
    if took <= 0 or reading.messages < old.messages or reading.cpu < old.cpu:
        return Sample(name, reading.connections, look.is_ready(pod))
    rates = ((reading.messages - old.messages) / took, (reading.cpu - old.cpu) / took)
    return Sample(name, reading.connections, look.is_ready(pod), *rates)


def _external(readings: Mapping[str, Reading | None]) -> Finding:
    known = [one for one in readings.values() if one]
    if not known:
        return Finding(None, "NotKnown", "No pod has said yet whether it reaches Redis.")
    cut_off = sum(not one.redis_up for one in known)
    if not cut_off:
        return Finding(True, "Reached")
    message = f"{cut_off} of {len(known)} pods do not reach Redis. Look at spec.redis.external, the network, and the pods' log."
    return Finding(cut_off < len(known), "ReachedInPart" if cut_off < len(known) else "NotReached", message)
