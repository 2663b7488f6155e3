"""How many pods the connections need. Numbers in, a number out; whoever calls keeps the history and writes `/scale`.

Like the HPA's arithmetic (kubernetes/pkg/controller/podautoscaler), with three differences: a pod that could not be asked is unknown and
never empty, pods go only when nothing else is under way, and the emptiest go first.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from carillon_operator.spec.cluster import Spec
from carillon_operator.spec.scaling import Autoscaling

UP_EVERY, DOWN_EVERY = 15.0, 60.0
"""Seconds between two rises, which scrapes of new pods need to show in the sum, and between two falls."""
GAP = 60.0
"""Seconds without a recommendation after which those before prove nothing."""
DEFAULT_REPLICAS = Spec().replicas
"""What `spec.replicas` reads when a manifest without it is applied."""
DELETION_COST = -1000
"""Kubernetes deletes pods of lower `controller.kubernetes.io/pod-deletion-cost` first; without the annotation it is 0."""


@dataclass(frozen=True, slots=True)
class Sample:
    """A pod of the revision that serves; those that terminate are left out. connections: None where it could not be asked."""

    pod: str
    connections: int | None
    ready: bool = True


@dataclass(frozen=True, slots=True)
class Recommendation:
    """What would have been right at a time, in Unix seconds."""

    at: float
    replicas: int


@dataclass(frozen=True, slots=True)
class Scale:
    """written: `spec.replicas` as it is. running: replicas of the Deployment that serves. last, changed_at: what this scaler last wrote
    there, and when. rivals: HPAs and ScaledObjects that name this resource. rollout: whether one is under way.
    """

    written: int
    running: int
    last: int | None = None
    changed_at: float = 0.0
    rivals: tuple[str, ...] = ()
    rollout: bool = False


@dataclass(frozen=True, slots=True)
class History:
    """Recommendations of one window, oldest first, and since when an outside decrease has been held."""

    past: tuple[Recommendation, ...] = ()
    held_since: float | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """replicas: pods to run. write: what to write to `/scale`; None: nothing. conflict: who else writes there, in words; empty: nobody.
    why: for the event of a change.
    """

    replicas: int
    history: History
    write: int | None = None
    conflict: str = ""
    why: str = ""


def decide(scaling: Autoscaling, scale: Scale, samples: Iterable[Sample], history: History, now: float) -> Decision:
    """now: Unix time in seconds."""
    known = tuple(samples)
    if conflict := _conflict(scale):
        return _stand_back(scaling, scale, history, conflict, now)
    past = _remember(scaling, scale, known, history.past, now)
    count, why = _count(scaling, scale, known, past, now)
    return Decision(count, History(past), count if count != scale.written else None, why=why)


def victims(samples: Iterable[Sample], count: int) -> tuple[str, ...]:
    """The pods whose leaving moves the fewest clients. Kubernetes takes unready ones first whatever their cost, so they are named first."""
    order = sorted(samples, key=lambda one: (one.ready, math.inf if one.connections is None else one.connections, one.pod))
    return tuple(one.pod for one in order[:count])


def needed(scaling: Autoscaling, running: int, samples: tuple[Sample, ...]) -> int:
    """Pods for the connections that are known of; within the tolerance, as many as there are."""
    total = sum(one.connections or 0 for one in samples)
    room = scaling.connections_per_pod * running
    if abs(total - room) * 100 <= scaling.tolerance_percent * room:
        return _within(scaling, running)
    return _within(scaling, math.ceil(total / scaling.connections_per_pod))


def _within(scaling: Autoscaling, count: int) -> int:
    return min(max(count, scaling.min_replicas), scaling.max_replicas)


def _conflict(scale: Scale) -> str:
    """Known by value or by name: managedFields show neither defaults nor `kubectl scale`."""
    if scale.rivals:
        return f"{', '.join(scale.rivals)} scales this resource too. Remove it, or take spec.autoscaling out."
    expected = {DEFAULT_REPLICAS, scale.running if scale.last is None else scale.last}
    if scale.written in expected:
        return ""
    last = f" or set it back to {scale.last}" if scale.last is not None else ""
    return f"spec.replicas was set to {scale.written} by somebody else. Leave it out{last}, or take spec.autoscaling out."


def _stand_back(scaling: Autoscaling, scale: Scale, history: History, conflict: str, now: float) -> Decision:
    """Follows the other writer; a decrease only after the window, since most are a manifest that was applied without a thought."""
    if scale.written >= scale.running:
        return Decision(scale.written, History(), conflict=conflict)
    since = now if history.held_since is None else history.held_since
    held = now - since < scaling.scale_down_window_seconds
    return Decision(scale.running if held else scale.written, History(held_since=since), conflict=conflict)


def _remember(
    scaling: Autoscaling, scale: Scale, samples: tuple[Sample, ...], past: tuple[Recommendation, ...], now: float
) -> tuple[Recommendation, ...]:
    """Adds this moment. What lies before the window is left out, save the last of it, which shows that the window is covered."""
    if not samples or any(one.connections is None for one in samples):
        # Unknown is no recommendation, and a window with a hole in it proves nothing.
        return ()
    if past and now - past[-1].at > GAP:
        past = ()
    added = (*past, Recommendation(now, needed(scaling, scale.running, samples)))
    begin = now - scaling.scale_down_window_seconds
    older = [index for index, one in enumerate(added) if one.at <= begin]
    return added[older[-1] :] if older else added


def _count(
    scaling: Autoscaling, scale: Scale, samples: tuple[Sample, ...], past: tuple[Recommendation, ...], now: float
) -> tuple[int, str]:
    running = scale.running
    wanted = needed(scaling, running, samples)
    total = sum(one.connections or 0 for one in samples)
    if wanted > running:
        if now - scale.changed_at < UP_EVERY and running >= scaling.min_replicas:
            return running, ""
        pace = max(math.ceil(running * (1 + scaling.scale_up_percent / 100)), running + scaling.scale_up_pods, scaling.min_replicas)
        count = min(wanted, pace)
        return count, f"{total} connections need {wanted} pods of {scaling.connections_per_pod}: {running} → {count}"
    lowest = _lowest(scaling, scale, samples, past, now)
    if lowest >= running:
        return running, ""
    count = max(lowest, running - scaling.scale_down_pods)
    return count, f"{total} connections needed no more than {lowest} pods for {scaling.scale_down_window_seconds} s: {running} → {count}"


def _lowest(scaling: Autoscaling, scale: Scale, samples: tuple[Sample, ...], past: tuple[Recommendation, ...], now: float) -> int:
    """The fewest pods that would have been enough all through the window; as many as run where that is not known or not the time."""
    covered = bool(past) and past[0].at <= now - scaling.scale_down_window_seconds
    all_ready = len(samples) == scale.running and all(one.ready for one in samples)
    if scale.rollout or not covered or not all_ready or now - scale.changed_at < DOWN_EVERY:
        return scale.running
    return max(one.replicas for one in past)
