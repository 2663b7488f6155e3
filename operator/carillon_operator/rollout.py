"""Which revisions run, how many pods each, and to which one the Service points.

The new revision's pods are all made ready beside the old ones; the Service turns to them once; then the old ones go. So a client moves at
most once, and a revision that never gets ready has no clients. A rolling cluster has one revision, whose Deployment changes in place.
"""

from dataclasses import dataclass, field

from carillon_operator.spec.status import RolloutStatus
from carillon_operator.spec.times import seconds, stamp

CALM = 60.0
"""Seconds after a rollout in which replicas do not fall: until then an autoscaler has seen the clients of one revision only."""


@dataclass(frozen=True, slots=True)
class Revision:
    """A revision's Deployment and pods as observed.

    wanted: replicas of the Deployment. pods: all there are, terminating ones among them. ready: those that are ready and stay.
    settled: the Deployment has no older pods of its own left to replace (rolling).
    """

    name: str
    wanted: int = 0
    pods: int = 0
    ready: int = 0
    settled: bool = True


@dataclass(frozen=True, slots=True)
class Situation:
    """target: the revision that the resource now makes. serving: the one that the Service points to; empty: there is no Service yet.
    reported: the one that `status.selector` names. replicas: pods that the resource or its scaler wants.
    """

    target: str
    replicas: int
    serving: str = ""
    reported: str = ""
    revisions: tuple[Revision, ...] = ()
    status: RolloutStatus = field(default_factory=RolloutStatus)
    paused: bool = False

    def of(self, name: str) -> Revision:
        return next((one for one in self.revisions if one.name == name), Revision(name))

    def has(self, name: str) -> bool:
        return any(one.name == name for one in self.revisions)


@dataclass(frozen=True, slots=True)
class Plan:
    """replicas: of each revision's Deployment that is to exist. gone: revisions whose Deployments are to be deleted.
    reported: the one revision that `status.selector` and `status.replicas` speak of.
    again: seconds after which time alone changes the plan.
    """

    serving: str
    replicas: dict[str, int]
    reported: str
    status: RolloutStatus
    gone: tuple[str, ...] = ()
    again: float | None = None


def plan(seen: Situation, now: float) -> Plan:
    """now: Unix time in seconds."""
    if seen.paused:
        return _as_it_is(seen)
    serving = _serving(seen)
    # The old pods are only sent away once the Service is seen to point elsewhere.
    turned = seen.serving in ("", seen.target)
    status = _status(seen, serving, now)
    count, again = _count(seen, status, now)
    replicas = {seen.target: count}
    gone = []
    for one in seen.revisions:
        if one.name == seen.target:
            continue
        if one.name == seen.serving and not turned:
            replicas[one.name] = max(seen.replicas, one.wanted)
        elif one.pods or one.wanted:
            replicas[one.name] = 0
        else:
            gone.append(one.name)
    return Plan(serving, replicas, _reported(seen, serving), status, tuple(gone), again)


def _as_it_is(seen: Situation) -> Plan:
    replicas = {one.name: one.wanted for one in seen.revisions}
    return Plan(seen.serving, replicas, _reported(seen, seen.serving), seen.status)


def _serving(seen: Situation) -> str:
    """Turns to the target once it can take everybody; at once where the old revision serves nobody any more."""
    if seen.serving in ("", seen.target):
        return seen.target
    old, new = seen.of(seen.serving), seen.of(seen.target)
    needed = max(seen.replicas, old.wanted, 1)
    if new.ready >= needed or not seen.has(old.name) or (not old.ready and new.ready):
        return seen.target
    return seen.serving


def _under_way(seen: Situation) -> bool:
    if seen.serving not in ("", seen.target) or not seen.of(seen.target).settled:
        return True
    return any(one.pods or one.wanted for one in seen.revisions if one.name != seen.target)


def _status(seen: Situation, serving: str, now: float) -> RolloutStatus:
    before = seen.status
    if not _under_way(seen):
        ended = stamp(now) if before.target else before.ended_at
        return RolloutStatus(revision=serving, started_at=None, ended_at=ended)
    same = before.target == seen.target
    return RolloutStatus(
        revision=serving, target=seen.target, started_at=before.started_at if same else stamp(now), ended_at=before.ended_at
    )


def _count(seen: Situation, status: RolloutStatus, now: float) -> tuple[int, float | None]:
    """Pods of the target, and the seconds until a fall that waits may happen. A rise never waits."""
    most = max([seen.replicas, *(one.wanted for one in seen.revisions if one.name in (seen.target, seen.serving))])
    if status.target:
        return most, None
    calm = (seconds(status.ended_at) or 0.0) + CALM - now
    if most > seen.replicas and calm > 0:
        return most, calm
    return seen.replicas, None


def _reported(seen: Situation, serving: str) -> str:
    """The old revision until its last pod is gone: an autoscaler that saw the new one fill would count its clients as new."""
    return seen.reported if seen.reported and seen.of(seen.reported).pods else serving
