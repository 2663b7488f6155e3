"""How many pods there are to be, and which of them are to go.

Like the HPA (kubernetes/pkg/controller/podautoscaler), with these differences: a pod that could not be asked is unknown and never empty,
pods go only when nothing else is under way, the emptiest go first, and a storm of connections is met before the pods are full.
"""

import math
from collections.abc import Iterable

from carillon_operator.autoscaler import targets
from carillon_operator.autoscaler.model import DEFAULT_REPLICAS, Decision, History, Recommendation, Sample, Scale
from carillon_operator.spec.scaling import Autoscaling
from carillon_operator.spec.schedule import floor

UP_EVERY, DOWN_EVERY = 15.0, 60.0
"""Seconds between two rises, which scrapes of new pods need to show in the sum, and between two falls."""
GAP = 60.0
"""Seconds without a recommendation after which those before prove nothing."""


def decide(scaling: Autoscaling, scale: Scale, samples: Iterable[Sample], history: History, now: float) -> Decision:
    """now: Unix time in seconds."""
    known = tuple(samples)
    if conflict := _conflict(scale):
        return _stand_back(scaling, scale, known, history, conflict, now)
    seen = targets.remember(history.seen, sum(one.held for one in known), now) if all(one.known for one in known) else history.seen
    least = min(max(scaling.min_replicas, floor(scaling.schedules, now)), scaling.max_replicas)
    needs = targets.needs(scaling, scale.running, known, history.seen, now)
    most = max(needs, key=lambda need: need.replicas)
    wanted = min(max(most.replicas, least), scaling.max_replicas)
    needed = _remember(scaling, history.needed, Recommendation(now, wanted))
    past = _remember(scaling, history.past, Recommendation(now, wanted)) if targets.complete(scaling, known) else ()
    rise, again = _rise(scaling, scale, needed, wanted, least, now)
    count = rise if rise > scale.running else _fall(scaling, scale, known, past, now)
    return Decision(
        count,
        History(past, needed, seen),
        write=count if count != scale.written else None,
        victims=victims(known, scale.running - count),
        why=_why(scaling, scale.running, count, most.why if most.replicas >= least else f"at least {least} pods are to run"),
        again=again,
    )


def victims(samples: Iterable[Sample], count: int) -> tuple[str, ...]:
    """The pods whose leaving moves the fewest clients. Kubernetes takes unready ones first whatever their cost, so they are named first."""
    order = sorted(samples, key=lambda one: (one.ready, one.held if one.known else math.inf, one.pod))
    return tuple(one.pod for one in order[: max(count, 0)])


def _conflict(scale: Scale) -> str:
    """Known by value or by name: managedFields show neither defaults nor `kubectl scale`."""
    if scale.rivals:
        return f"{', '.join(scale.rivals)} scales this resource too. Remove it, or take spec.autoscaling out."
    expected = {DEFAULT_REPLICAS, scale.running if scale.last is None else scale.last}
    if scale.written in expected:
        return ""
    last = f" or set it back to {scale.last}" if scale.last is not None else ""
    return f"spec.replicas was set to {scale.written} by somebody else. Leave it out{last}, or take spec.autoscaling out."


def _stand_back(scaling: Autoscaling, scale: Scale, samples: tuple[Sample, ...], history: History, conflict: str, now: float) -> Decision:
    """Follows the other writer; a decrease only after the window, since most are a manifest that was applied without a thought."""
    if scale.written >= scale.running:
        return Decision(scale.written, History(), conflict=conflict)
    since = now if history.held_since is None else history.held_since
    held = now - since < scaling.scale_down_window_seconds
    count = scale.running if held else scale.written
    return Decision(count, History(held_since=since), victims=victims(samples, scale.running - count), conflict=conflict)


def _remember(scaling: Autoscaling, past: tuple[Recommendation, ...], latest: Recommendation) -> tuple[Recommendation, ...]:
    """Adds this moment. What lies before the window is left out, save the last of it, which shows that the window is covered."""
    if past and latest.at - past[-1].at > GAP:
        # A window with a hole in it proves nothing.
        past = ()
    added = (*past, latest)
    begin = latest.at - max(scaling.scale_down_window_seconds, scaling.scale_up_window_seconds)
    older = [index for index, one in enumerate(added) if one.at <= begin]
    return added[older[-1] :] if older else added


def _rise(
    scaling: Autoscaling, scale: Scale, past: tuple[Recommendation, ...], wanted: int, least: int, now: float
) -> tuple[int, float | None]:
    """As many as the pace allows of what was needed all through the window; what must run at least waits for neither.

    Beside it the seconds until the pace allows the rest, if there is one.
    """
    running = scale.running
    begin = now - scaling.scale_up_window_seconds
    steady = [one.replicas for one in past if one.at > begin]
    if past[0].at > begin:
        steady.append(running)  # of the rest of the window nothing is known
    wanted = max(least, min([wanted, *steady]))
    early = scale.changed_at + UP_EVERY - now
    if running >= least and early > 0:
        return running, early if wanted > running else None
    pace = max(math.ceil(running * (1 + scaling.scale_up_percent / 100)), running + scaling.scale_up_pods, least)
    return min(wanted, pace), UP_EVERY if wanted > pace else None


def _fall(scaling: Autoscaling, scale: Scale, samples: tuple[Sample, ...], past: tuple[Recommendation, ...], now: float) -> int:
    """The fewest pods that would have been enough all through the window; as many as run where that is not known or not the time."""
    running = scale.running
    covered = bool(past) and past[0].at <= now - scaling.scale_down_window_seconds
    all_ready = len(samples) == running and all(one.ready for one in samples)
    if scale.rollout or not covered or not all_ready or now - scale.changed_at < DOWN_EVERY:
        return running
    enough = max(one.replicas for one in past)
    return min(running, max(enough, running - scaling.scale_down_pods))


def _why(scaling: Autoscaling, running: int, count: int, need: str) -> str:
    if count == running:
        return ""
    lasted = f", and no more for {scaling.scale_down_window_seconds} s" if count < running else ""
    return f"{need}{lasted}: {running} → {count}"
