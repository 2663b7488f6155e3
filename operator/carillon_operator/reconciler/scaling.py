"""How many pods a resource wants: as it says, or as its load asks for; written to `/scale` like anybody else's wish.

Here too, since it comes from the same question to the pods: which keyring each has loaded, and whether it reaches an external Redis.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from msgspec import structs

from carillon_operator.autoscaler import DELETION_COST, Decision, History, Sample, Scale, decide, victims
from carillon_operator.kube import ApiError, Client, NotFound
from carillon_operator.kube.kinds import AUTOSCALER, RESOURCE, SCALED_OBJECT, Kind
from carillon_operator.metrics import Reading, Scraper
from carillon_operator.reconciler import pods as look
from carillon_operator.reconciler.mark import mark
from carillon_operator.reconciler.record import record
from carillon_operator.reconciler.world import World
from carillon_operator.resources import Cluster, Object
from carillon_operator.resources.metadata import SERVER
from carillon_operator.spec import KIND, Status
from carillon_operator.spec.scaling import Autoscaling
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


@dataclass(frozen=True, slots=True)
class Basis:
    """What a decision rests on. before: what was said last. now: Unix time in seconds. acts: whether anything may be written."""

    resource: Object
    cluster: Cluster
    world: World
    before: Status | None
    now: float
    acts: bool

    @property
    def serving(self) -> str:
        """The revision that serves."""
        return self.before.rollout.revision if self.before and self.before.rollout else ""

    @property
    def running(self) -> int:
        """Replicas as they were decided on: our own last write, which the Deployment may not have followed yet; else the Deployment's."""
        deployment = self.world.deployments(self.cluster.uid).get(self.serving)
        if self.last.replicas == self.cluster.spec.replicas or not deployment:
            return self.cluster.spec.replicas
        count: int = deployment["spec"].get("replicas", 1)
        return count

    @property
    def last(self) -> ScalerStatus:
        """What was last written to /scale. An announced write that was cut off was none."""
        found = (self.before.scaler if self.before else None) or ScalerStatus()
        if found.previous is not None and found.previous == self.cluster.spec.replicas:
            return ScalerStatus(replicas=found.previous)
        return structs.replace(found, previous=None)

    def announced(self, replicas: int) -> bool:
        """Whether the status says already that this is about to be written."""
        found = self.before.scaler if self.before else None
        return bool(found and found.replicas == replicas and found.previous == self.cluster.spec.replicas)


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

    async def look(self, seen: Basis) -> Scaled:
        spec = seen.cluster.spec
        external = spec.managed_redis is None
        periods = [(spec.autoscaling is not None, EVERY), (_rotates(seen), ROTATING_EVERY), (external, REDIS_EVERY)]
        if not any(asked for asked, _ in periods):
            return Scaled(spec.replicas)
        readings = await self._scraper.read(_askable(seen.world))
        found = Scaled(
            spec.replicas,
            {name: one.keyring if one else None for name, one in readings.items()},
            _external(readings) if external else None,
            seen.before.scaler if seen.before else None,
            again=min(period for asked, period in periods if asked),
        )
        if not spec.autoscaling:
            self.forget(seen.cluster.uid)
            # What the scaler last wrote is forgotten: others may write there now.
            return replace(found, status=None)
        if not seen.acts:
            return found
        decision = await self._decide(seen, spec.autoscaling, readings)
        status = await self._write(seen, decision)
        again = min(one for one in (found.again, decision.again) if one is not None)
        return replace(found, replicas=decision.replicas, status=status, conflict=decision.conflict, said=decision.why, again=again)

    async def _decide(self, seen: Basis, scaling: Autoscaling, readings: Mapping[str, Reading | None]) -> Decision:
        memory = self._memory.setdefault(seen.cluster.uid, _Memory())
        scale = Scale(
            seen.cluster.spec.replicas,
            seen.running,
            seen.last.replicas,
            seconds(seen.last.changed_at) or 0.0,
            await self._rivals(seen.cluster),
            bool(seen.before and seen.before.rollout and seen.before.rollout.target),
        )
        samples = [_sample(one, readings.get(one["metadata"]["name"]), memory, seen.now) for one in _askable(seen.world, seen.serving)]
        memory.totals = {name: (seen.now, one) for name, one in readings.items() if one}
        decision = decide(scaling, scale, samples, memory.history, seen.now)
        memory.history = decision.history
        return decision

    async def _write(self, seen: Basis, decision: Decision) -> ScalerStatus:
        """What the status is to say of it."""
        last = seen.last
        if decision.victims:
            await self._choose(seen.cluster, seen.world, decision.victims)
        if decision.write is not None:
            await self._set_replicas(seen, decision.write)
        if decision.conflict:
            return last
        changed = decision.replicas != seen.running or last.replicas is None
        if changed or decision.write is not None:
            return ScalerStatus(replicas=decision.replicas, changed_at=stamp(seen.now) if changed else last.changed_at)
        return last

    async def _set_replicas(self, seen: Basis, replicas: int) -> None:
        """The status says it first: whoever finds one of the two writes without the other still knows that it was us."""
        about = seen.resource["metadata"]
        if seen.before and seen.last.replicas != replicas and not seen.announced(replicas):
            intent = ScalerStatus(replicas=replicas, changed_at=stamp(seen.now), previous=seen.cluster.spec.replicas)
            said = structs.replace(seen.before, scaler=intent)
            answer = await record(self._client, seen.resource, said, unchanged_since=about["resourceVersion"])
            about["resourceVersion"] = answer["metadata"]["resourceVersion"]
        # With the version that was read: what somebody else wrote meanwhile is not overwritten unseen.
        change = {"metadata": {"resourceVersion": about["resourceVersion"]}, "spec": {"replicas": replicas}}
        answer = await self._client.merge(RESOURCE, seen.cluster.namespace, seen.cluster.name, change, sub="scale")
        about["resourceVersion"] = answer["metadata"]["resourceVersion"]

    async def choose(self, cluster: Cluster, world: World, serving: str, count: int) -> None:
        """Marks the emptiest pods of a revision, so that Kubernetes takes them when somebody else wants so many fewer."""
        pods = _askable(world, serving)
        readings = await self._scraper.read(pods)
        named = [(one, readings.get(one["metadata"]["name"])) for one in pods]
        samples = [Sample(pod["metadata"]["name"], one.connections if one else None, look.is_ready(pod)) for pod, one in named]
        await self._choose(cluster, world, victims(samples, count))

    async def _choose(self, cluster: Cluster, world: World, leaving: tuple[str, ...]) -> None:
        """Marks the pods that are to go before there are to be fewer, and no others."""
        for pod in world.pods:
            about = pod["metadata"]
            cost = str(DELETION_COST) if about["name"] in leaving else None
            marked = (about.get("annotations") or {}).get(COST)
            if marked != cost and (cost or marked == str(DELETION_COST)):
                await mark(self._client, cluster.namespace, about["name"], about["uid"], annotations={COST: cost})

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


def _askable(world: World, revision: str | None = None) -> list[Object]:
    """Server pods that may answer. revision: None for all."""
    pods = world.component(SERVER) if revision is None else [one for one in world.component(SERVER) if look.revision_of(one) == revision]
    return [one for one in pods if not look.leaving(one) and not look.ended(one)]


def _rotates(seen: Basis) -> bool:
    keyring = seen.before.keyring if seen.before else None
    return seen.cluster.spec.auth.rotation != (keyring.rotation if keyring else 0) or bool(keyring and keyring.phase != "Settled")


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
