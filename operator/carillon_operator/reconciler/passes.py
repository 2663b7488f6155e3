"""One pass over one resource: read what is there, decide, write what differs, say how it stands.

Every pass begins from nothing but the API server's answers, so one that was cut off at any point is made good by the next.
"""

import logging
import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from carillon_operator import rollout
from carillon_operator import status as saying
from carillon_operator.kube import Client, Forbidden, NotFound
from carillon_operator.kube.kinds import DEPLOYMENT, RESOURCE, SERVICE
from carillon_operator.reconciler import detour, secrets
from carillon_operator.reconciler import pods as look
from carillon_operator.reconciler.apply import Applier, Report
from carillon_operator.reconciler.events import tell
from carillon_operator.reconciler.facts import facts
from carillon_operator.reconciler.lookout import Lookout
from carillon_operator.reconciler.record import record
from carillon_operator.reconciler.scaling import Basis, Scaler
from carillon_operator.reconciler.world import World, needed_by_older, observe, owner
from carillon_operator.resources import Cluster, Defaults, Object, Observed, desired, revision, unserved
from carillon_operator.resources.metadata import REVISION_LABEL, SERVER, deployment_name
from carillon_operator.resources.template import RESTARTED_ANNOTATION
from carillon_operator.spec import Status, decode, problems
from carillon_operator.spec.cluster import without_nulls
from carillon_operator.spec.status import RolloutStatus
from carillon_operator.spec.times import seconds

log = logging.getLogger(__name__)

LONGEST_WAIT = 600.0
"""Seconds after which a resource is looked at again at the latest, although nothing was heard of it; often sooner, so that those that were
first seen at once do not come back at once.
"""
REFUSED_AGAIN = 15.0
"""Seconds after which what the API server did not take, or what is in the way, is looked at again: both change without a word."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """again: seconds until the next pass, if nothing happens before. written: writes that this pass made. uid: of the resource; empty: it
    is gone. secrets: names of those of the user's that it looks into.
    """

    again: float | None = LONGEST_WAIT
    written: int = 0
    uid: str = ""
    secrets: frozenset[str] = frozenset()


class Reconciler:
    """identity: who the events are from. clock: Unix time in seconds."""

    def __init__(
        self,
        client: Client,
        applier: Applier,
        scaler: Scaler,
        lookout: Lookout,
        defaults: Defaults,
        identity: str,
        clock: Callable[[], float],
    ) -> None:
        self._client, self._applier, self._scaler, self._lookout = client, applier, scaler, lookout
        self._defaults, self._identity, self._clock = defaults, identity, clock

    def forget(self, uid: str) -> None:
        """A resource is gone."""
        self._applier.forget(uid)
        self._scaler.forget(uid)
        self._lookout.forget(uid)

    async def reconcile(self, namespace: str, name: str) -> Outcome:
        """Raises what `Client` raises: the same pass is worth another try then."""
        try:
            resource = await self._client.get(RESOURCE, namespace, name)
        except NotFound:
            return Outcome(None)
        about = resource["metadata"]
        if about.get("deletionTimestamp"):
            # Its children go with it, by their owner reference.
            return Outcome(None, uid=about["uid"])
        before = previous(resource)
        try:
            spec = decode({"spec": resource.get("spec") or {}}).spec
        except msgspec.ValidationError as wrong:
            return await self._say(resource, before, saying.unreadable(before, about["generation"], str(wrong), self._clock()), (), 0)
        cluster = Cluster(name, namespace, about["uid"], spec, self._defaults)
        try:
            world = await observe(self._client, namespace, name, secrets.wanted(cluster))
            return await self._reconcile(resource, cluster, world, before)
        except Forbidden as refusal:
            if refusal.namespace_ends:
                return Outcome(None, uid=cluster.uid)
            stuck = saying.forbidden(before, about["generation"], refusal.message, self._clock())
            await self._say(resource, before, stuck, (), 0)
            raise

    async def _reconcile(self, resource: Object, cluster: Cluster, world: World, before: Status | None) -> Outcome:
        report, now = Report(problems=tuple(problems(cluster.spec))), self._clock()
        acts = not report.problems and not cluster.spec.paused
        pods = detour.standings(world) if acts else ()
        self._lookout.know(cluster.uid, (cluster.namespace, cluster.name), pods)
        told = await detour.lead(self._client, cluster, self._lookout.nodes, pods, report)
        if acts:
            await secrets.generate(self._client, cluster, world, report)
        basis = Basis(resource, cluster, world, before, now, acts)
        scaled = await self._scaler.look(basis)
        plan, observed, target = situate(cluster, world, before, scaled.replicas, now)
        turned = secrets.Turned(before.keyring if before else None)
        if acts:
            report.refused += unserved(cluster, observed)
            await self._act(cluster, world, plan, observed, target, report)
            await secrets.hurry(self._client, cluster, world, world.component(SERVER), report)
            turned = await secrets.rotate(self._client, cluster, world, turned.status, scaled.keyrings, now, report)
        current = saying.status(facts(basis, plan, target, scaled, turned.status, report), before, now)
        told += [saying.Event("Normal", reason, said) for reason, said in (("RotatingKeys", turned.said), ("Scaled", scaled.said)) if said]
        outcome = await self._say(resource, before, current, told, report.written)
        # Writes of this pass come back as hints; but what was made may have been ready before its watch began.
        refused = REFUSED_AGAIN if report.refused or report.foreign else None
        again = (plan.again, turned.again, scaled.again, look.lost_in(world.pods, now), refused)
        waits = [one for one in again if one is not None]
        longest = LONGEST_WAIT * random.uniform(0.5, 1.0)  # noqa: S311 - no secret hangs on it
        return replace(outcome, again=max(min([*waits, longest]), 1.0), secrets=frozenset(secrets.references(cluster.spec)))

    async def _act(self, cluster: Cluster, world: World, plan: rollout.Plan, observed: Observed, target: str, report: Report) -> None:
        wanted = desired(cluster, observed)
        deployments = world.deployments(cluster.uid)
        if not cluster.spec.autoscaling and plan.serving in deployments and not plan.status.target:
            fewer = deployments[plan.serving]["spec"].get("replicas", 1) - plan.replicas[plan.serving]
            if fewer > 0:
                await self._scaler.choose(cluster, world, plan.serving, fewer)
        await self._applier.apply(cluster, wanted, world, report)
        kept = {(DEPLOYMENT, deployment_name(cluster, name)) for name in plan.replicas}
        if plan.status.target or report.written or look.drains(world.component(SERVER), self._clock()):
            kept |= needed_by_older(cluster, world)
        for name, count in plan.replicas.items():
            if name != target and name in deployments:
                await self._applier.scale(cluster, deployments[name], count, report)
        await self._applier.prune(cluster, wanted, kept, world, report)

    async def _say(self, resource: Object, before: Status | None, current: Status, told: Any, written: int) -> Outcome:
        """Writes the status if it changed, and tells of transitions."""
        about = resource["metadata"]
        if current != before:
            await record(self._client, resource, current)
            written += 1
        await tell(self._client, self._identity, resource, [*told, *saying.events(before, current)], self._clock())
        return Outcome(written=written, uid=about["uid"])


def previous(resource: Object) -> Status | None:
    """What was said last; None: nothing, or by somebody who writes another status."""
    try:
        return msgspec.convert(without_nulls(resource.get("status")), Status) if resource.get("status") else None
    except msgspec.ValidationError:
        return None


def situate(cluster: Cluster, world: World, before: Status | None, replicas: int, now: float) -> tuple[rollout.Plan, Observed, str]:
    """What is to run, and what the builders are told of it."""
    deployments = world.deployments(cluster.uid)
    said = (before.rollout if before else None) or RolloutStatus()
    restarted = max((_restarted(one) for one in deployments.values()), default="")
    observed = Observed(checksums=secrets.checksums(cluster, world), restarted_at=restarted, apis=world.apis)
    target = revision(cluster, observed)
    situation = rollout.Situation(
        target,
        replicas,
        _served(cluster, world) or (said.revision if said.revision in deployments else ""),
        _named(before.selector) if before else "",
        look.revisions(deployments, world.component(SERVER), now),
        said,
        cluster.spec.paused,
    )
    plan = rollout.plan(situation, now)
    return plan, replace(observed, serving=plan.serving, replicas=plan.replicas.get(target)), target


def _served(cluster: Cluster, world: World) -> str:
    """The revision to which the Service leads; empty: there is none, or somebody made it lead nowhere."""
    service = world.children.get((SERVICE, cluster.name))
    selector = (service["spec"].get("selector") or {}) if service and owner(service) == cluster.uid else {}
    return str(selector.get(REVISION_LABEL, ""))


def _restarted(deployment: Object) -> str:
    metadata = deployment["spec"]["template"].get("metadata") or {}
    found = str((metadata.get("annotations") or {}).get(RESTARTED_ANNOTATION, ""))
    return found if seconds(found) is not None else ""


def _named(selector: str) -> str:
    """The revision in a `status.selector`."""
    return dict(one.partition("=")[::2] for one in selector.split(",")).get(REVISION_LABEL, "")
