"""What the operator says of a cluster: conditions that change only with what they tell, and events for their changes.

The same facts give the same status, so that idle clusters are never written to.
"""

from dataclasses import dataclass, field
from typing import Literal

from msgspec.structs import replace

from carillon_operator.spec.status import Condition, ConditionType, KeyringStatus, RolloutStatus, ScalerStatus, Status
from carillon_operator.spec.times import seconds, stamp

LONGEST = 2048
"""Characters of a message, as the schema bounds it."""
GOOD: dict[ConditionType, Literal["True", "False"]] = {
    "Ready": "True",
    "Progressing": "False",
    "Degraded": "False",
    "RedisReady": "True",
    "SecretsReady": "True",
    "ScalerConflict": "False",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """Whether something is well (None: not known), why in a word for programs, and what to do for people."""

    well: bool | None
    reason: str
    message: str = ""


@dataclass(frozen=True, slots=True)
class Facts:
    """All that a status is made of.

    wanted: pods that should serve. serving_ready: ready pods of the serving revision. target_ready: those of the one on its way.
    in_place: the pods of the one revision are replaced, rather than moved from one to another.
    reported_pods, reported_ready, selector: of the one revision that an autoscaler is shown.
    waiting: why pods do not get ready, in words. problems: what is wrong with the spec. foreign: children that belong to somebody else.
    refused: what the API server did not take. unchangeable: changes that cannot be made to what exists.
    conflict: who else scales, in words; empty: nobody.
    """

    generation: int
    wanted: int
    serving_ready: int
    selector: str
    endpoint: str
    redis: Finding
    secrets: Finding
    rollout: RolloutStatus = field(default_factory=RolloutStatus)
    reported_pods: int = 0
    reported_ready: int = 0
    target_ready: int = 0
    progress_deadline: float = 600.0
    in_place: bool = False
    waiting: str = ""
    problems: tuple[str, ...] = ()
    foreign: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    unchangeable: tuple[str, ...] = ()
    conflict: str = ""
    paused: bool = False
    scaler: ScalerStatus | None = None
    keyring: KeyringStatus | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """A change worth telling. type: as Kubernetes has it."""

    type: Literal["Normal", "Warning"]
    reason: str
    message: str


def status(facts: Facts, previous: Status | None, now: float) -> Status:
    """now: Unix time in seconds; it shows only where something changed."""
    found: dict[ConditionType, Finding] = {
        "Ready": _ready(facts),
        "Progressing": _progressing(facts),
        "Degraded": _degraded(facts, now),
        "RedisReady": facts.redis,
        "SecretsReady": facts.secrets,
        "ScalerConflict": Finding(True, "OtherWriter", facts.conflict) if facts.conflict else Finding(False, "NoOtherWriter"),
    }
    before = {one.type: one for one in previous.conditions} if previous else {}
    return Status(
        observed_generation=facts.generation,
        replicas=facts.reported_pods,
        ready_replicas=facts.reported_ready,
        selector=facts.selector,
        endpoint=facts.endpoint,
        conditions=tuple(_condition(kind, one, before.get(kind), facts.generation, now) for kind, one in found.items()),
        rollout=facts.rollout,
        scaler=facts.scaler,
        keyring=facts.keyring,
    )


def unreadable(previous: Status | None, generation: int, why: str, now: float) -> Status:
    """Of a resource that this operator cannot read, as when its definition is newer."""
    return _stuck(previous, generation, Finding(True, "InvalidSpec", f"This operator cannot read the resource: {why}"), now)


def forbidden(previous: Status | None, generation: int, why: str, now: float) -> Status:
    """Of a resource for which the operator lacks a right. why: the API server's own sentence."""
    message = f"The operator lacks a right: {why}. Its chart and manifests/ grant all that it needs."
    return _stuck(previous, generation, Finding(True, "Forbidden", message), now)


def _stuck(previous: Status | None, generation: int, finding: Finding, now: float) -> Status:
    """What was said stays, and that nothing is done."""
    before = {one.type: one for one in previous.conditions} if previous else {}
    told = Finding(True, finding.reason, f"{finding.message} Everything is left as it is.")
    degraded = _condition("Degraded", told, before.get("Degraded"), generation, now)
    others = tuple(one for one in previous.conditions if one.type != "Degraded") if previous else ()
    return replace(previous or Status(), observed_generation=generation, conditions=(*others, degraded))


def events(previous: Status | None, current: Status) -> list[Event]:
    """One for each condition whose truth or reason changed; what was well from the start goes without saying."""
    before = {one.type: one for one in previous.conditions} if previous else {}
    return [_event(one) for one in current.conditions if _told(one, before.get(one.type))]


def _told(one: Condition, old: Condition | None) -> bool:
    if old is None:
        return one.status not in (GOOD[one.type], "Unknown")
    return (one.status, one.reason) != (old.status, old.reason)


def _event(one: Condition) -> Event:
    # A rollout is no bad news, though it is not what should last.
    bad = one.status != GOOD[one.type] and one.status != "Unknown" and one.type != "Progressing"
    return Event("Warning" if bad else "Normal", one.reason, one.message or f"{one.type} is {one.status}")


def _condition(kind: ConditionType, finding: Finding, old: Condition | None, generation: int, now: float) -> Condition:
    truth: Literal["True", "False", "Unknown"] = "Unknown" if finding.well is None else "True" if finding.well else "False"
    same = old is not None and old.status == truth
    message = finding.message if len(finding.message) <= LONGEST else finding.message[: LONGEST - 1] + "…"
    return Condition(
        type=kind,
        status=truth,
        reason=finding.reason,
        message=message,
        last_transition_time=old.last_transition_time if same and old else stamp(now),
        observed_generation=generation,
    )


def _ready(facts: Facts) -> Finding:
    """Whether people can call. A service with fewer pods than wanted is ready; how many there are, it says."""
    count = f"{facts.serving_ready} of {facts.wanted} pods are ready."
    if not facts.serving_ready:
        if facts.secrets.well is False:
            return Finding(False, "SecretsNotReady", facts.secrets.message)
        return Finding(False, "NoPodReady", f"{count} {facts.waiting}".strip())
    if facts.redis.well is False:
        return Finding(False, "RedisNotReady", f"Calls cannot start without Redis. {facts.redis.message}".strip())
    return Finding(True, "Serving" if facts.serving_ready >= facts.wanted else "ServingInPart", count)


def _progressing(facts: Facts) -> Finding:
    if facts.paused:
        return Finding(False, "Paused", "spec.paused is set: nothing is changed until it is taken out.")
    if facts.rollout.target and facts.in_place:
        return Finding(True, "RollingOut", f"Pods are replaced one after the other. {facts.waiting}".strip())
    if facts.rollout.target:
        count = f"{facts.target_ready} of {facts.wanted} pods"
        turned = facts.rollout.revision == facts.rollout.target
        said = "the pods of the old one drain" if turned else f"{count} of the new one are ready"
        return Finding(True, "RollingOut", f"Revision {facts.rollout.target}: {said}. {facts.waiting}".strip())
    if facts.keyring and facts.keyring.phase != "Settled":
        return Finding(True, "RotatingKeys", f"JWT key rotation {facts.keyring.rotation}: {facts.keyring.phase.lower()}.")
    if facts.serving_ready != facts.wanted:
        return Finding(True, "Scaling", facts.waiting)
    return Finding(False, "Settled")


def _degraded(facts: Facts, now: float) -> Finding:
    """The worst first; the message tells all of its kind."""
    for reason, said in (
        ("InvalidSpec", facts.problems),
        ("ForeignObject", facts.foreign),
        ("Refused", facts.refused),
        ("Unchangeable", facts.unchangeable),
    ):
        if said:
            return Finding(True, reason, " ".join(said))
    started = seconds(facts.rollout.started_at)
    unready = facts.in_place or facts.rollout.target != facts.rollout.revision
    if facts.rollout.target and unready and started and now - started > facts.progress_deadline:
        what = "The new pods are" if facts.in_place else f"Revision {facts.rollout.target} is"
        kept = f"Revision {facts.rollout.revision} serves on." if facts.rollout.revision and not facts.in_place else ""
        message = f"{what} not ready after {facts.progress_deadline:.0f} s. {facts.waiting} {kept}"
        return Finding(True, "ProgressDeadlineExceeded", " ".join(message.split()))
    return Finding(False, "AsWanted")
