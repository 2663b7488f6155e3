"""Pods that each target asks for: the HPA's arithmetic (kubernetes/pkg/controller/podautoscaler), and a look ahead at connections.

What is unknown counts for nothing here, so that it never makes pods; that it makes none go either is seen to in `decide`.
"""

import math
from dataclasses import dataclass

from carillon_operator.autoscaler.model import Point, Sample
from carillon_operator.spec.quantity import number
from carillon_operator.spec.scaling import Autoscaling

MEMORY = 60.0
"""Seconds of connections that are remembered to see them grow."""
SHORTEST = 10.0
"""Seconds between two points that tell a pace: connections come in bursts."""


@dataclass(frozen=True, slots=True)
class Need:
    """replicas: pods that one target asks for. why: of what there is how much, in words."""

    replicas: int
    why: str


def needs(scaling: Autoscaling, running: int, samples: tuple[Sample, ...], seen: tuple[Point, ...], now: float) -> list[Need]:
    """One per target, that of connections first."""
    total = sum(one.held for one in samples)
    ahead = expected(seen, total, now, scaling.storm_lead_seconds)
    found = [_need(scaling, running, ahead, scaling.connections_per_pod, _words(total, ahead, scaling))]
    known = [one for one in samples if one.known]
    if scaling.messages_per_pod:
        rate = sum(one.messages or 0.0 for one in known)
        found.append(_need(scaling, running, rate, scaling.messages_per_pod, f"{rate:.0f} messages a second"))
    if scaling.cpu_per_pod:
        cores = sum(one.cpu or 0.0 for one in known)
        found.append(_need(scaling, running, cores, number(scaling.cpu_per_pod), f"{cores:.2f} CPU cores"))
    return found


def complete(scaling: Autoscaling, samples: tuple[Sample, ...]) -> bool:
    """Whether every pod has told all that the targets go by."""
    return bool(samples) and all(
        one.known and (not scaling.messages_per_pod or one.messages is not None) and (not scaling.cpu_per_pod or one.cpu is not None)
        for one in samples
    )


def expected(seen: tuple[Point, ...], total: int, now: float, lead: float) -> float:
    """Connections in `lead` seconds if they go on growing as they do.

    Measured from the highest point of the last minute: who only comes back, after a pod died, is no growth.
    """
    earlier = [one for one in seen if SHORTEST <= now - one.at <= MEMORY]
    if not earlier:
        return total
    peak = max(earlier, key=lambda one: (one.connections, one.at))
    return total + max(0.0, (total - peak.connections) / (now - peak.at) * lead)


def remember(seen: tuple[Point, ...], total: int, now: float) -> tuple[Point, ...]:
    return (*(one for one in seen if now - one.at <= MEMORY), Point(now, total))


def _need(scaling: Autoscaling, running: int, amount: float, per_pod: float, words: str) -> Need:
    room = per_pod * running
    # To the billionth, since 3 × 0.7 cores are a little more than 2.1.
    replicas = running if abs(amount - room) * 100 <= scaling.tolerance_percent * room else math.ceil(round(amount / per_pod, 9))
    return Need(replicas, f"{words} need {replicas} pods")


def _words(total: int, ahead: float, scaling: Autoscaling) -> str:
    if ahead <= total:
        return f"{total} connections"
    return f"{total} connections, {ahead:.0f} in {scaling.storm_lead_seconds} s as they grow now,"
