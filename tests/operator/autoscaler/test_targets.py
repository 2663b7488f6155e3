"""Targets beside connections, storms that are met before pods are full, known peaks, windows."""

from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from carillon_operator.autoscaler import History, Sample, Scale, decide
from carillon_operator.spec import Spec
from carillon_operator.spec.checks import problems
from carillon_operator.spec.scaling import Autoscaling, Schedule

NOW = 1_790_000_000.0
SCALING = Autoscaling(min_replicas=2, max_replicas=20, connections_per_pod=100)


def at(*moment: int, zone: str = "UTC") -> float:
    return datetime(*moment, tzinfo=ZoneInfo(zone)).timestamp()  # type: ignore[misc,arg-type]  # year to minute, no more


def still(running: int) -> Scale:
    return Scale(running, running, last=running)


def even(total: int, running: int) -> list[Sample]:
    return [Sample(f"p{index}", total // running + (index < total % running)) for index in range(running)]


def play(scaling: Autoscaling, totals: list[int], running: int, every: float = 5.0) -> list[int]:
    """Pods after each look, for connections that are spread evenly over those that run."""
    scale, history, counts, now = still(running), History(), [], NOW
    for total in totals:
        found = decide(scaling, scale, even(total, scale.running), history, now)
        if found.replicas != scale.running:
            scale = replace(scale, written=found.replicas, running=found.replicas, last=found.replicas, changed_at=now)
        history, now = found.history, now + every
        counts.append(found.replicas)
    return counts


# ---------------------------------------------------------------- targets


def test_the_target_that_needs_most_decides() -> None:
    scaling = structs.replace(SCALING, messages_per_pod=50, cpu_per_pod="500m")
    calm = [Sample(f"p{index}", 50, messages=10.0, cpu=0.1) for index in range(4)]
    busy = [replace(one, messages=100.0) for one in calm]
    hot = [replace(one, cpu=0.9) for one in calm]
    assert decide(scaling, still(4), calm, History(), NOW).replicas == 4
    assert decide(scaling, still(4), busy, History(), NOW).replicas == 8
    found = decide(scaling, still(4), hot, History(), NOW)
    assert found.replicas == 8
    assert found.why == "3.60 CPU cores need 8 pods: 4 → 8"


def test_a_rate_that_is_not_known_yet_adds_no_pod_and_takes_none_away() -> None:
    scaling = structs.replace(SCALING, messages_per_pod=50, scale_down_window_seconds=0)
    samples = [Sample(f"p{index}", 1, messages=None if index else 1.0) for index in range(5)]
    assert decide(scaling, still(5), samples, History(), NOW).replicas == 5
    assert decide(SCALING, still(5), samples, History(), NOW).replicas == 5


def test_an_old_sample_is_an_unknown_one() -> None:
    scaling = structs.replace(SCALING, scale_down_window_seconds=0)
    fresh = [Sample(f"p{index}", 1, age=30) for index in range(5)]
    assert decide(scaling, still(5), fresh, History(), NOW).replicas == 4
    assert decide(scaling, still(5), [*fresh[1:], replace(fresh[0], age=46)], History(), NOW).replicas == 5
    assert decide(SCALING, still(2), [Sample("a", 900, age=46), Sample("b", 100)], History(), NOW).replicas == 2


# ---------------------------------------------------------------- storms


def test_a_storm_is_met_before_the_pods_are_full() -> None:
    """A hundred and fifty more every five seconds: in half a minute the pods would be full, of which two in five are free."""
    counts = play(SCALING, [200, 200, 200, 300, 450, 600], running=10)
    assert counts[-1] > 10
    slow = play(structs.replace(SCALING, storm_lead_seconds=0), [200, 200, 200, 300, 450, 600], running=10)
    assert slow[-1] == 10


def test_clients_who_come_back_are_no_storm() -> None:
    """A pod died and its clients return: there are no more of them than a minute ago."""
    assert set(play(SCALING, [900, 900, 900, 450, 600, 750, 900, 900], running=10)) == {10}


def test_a_storm_that_ends_keeps_its_pods_for_the_window() -> None:
    counts = play(SCALING, [200] * 3 + [300, 450, 600, 750] + [200] * 12, running=10)
    peak = max(counts)
    assert peak > 10
    assert counts[-1] == peak


# ---------------------------------------------------------------- windows, bounds, schedules


def test_a_rise_can_be_made_to_wait() -> None:
    scaling = structs.replace(SCALING, scale_up_window_seconds=60, storm_lead_seconds=0)
    counts = play(scaling, [200] * 13 + [800] * 14, running=2)
    assert counts[:14] == [2] * 14
    assert counts[-1] == 8
    assert play(scaling, [200] * 13 + [800] * 5 + [200] * 10, running=2)[-1] == 2


def test_a_known_peak_has_its_pods_beforehand_and_keeps_the_bounds() -> None:
    peak = Schedule(start="0 8 * * 1-5", duration_seconds=3600, min_replicas=12, time_zone="Europe/Berlin")
    scaling = structs.replace(SCALING, schedules=(peak,))
    monday = at(2026, 11, 23, 8, 0, zone="Europe/Berlin")
    for now, replicas in ((monday - 1, 3), (monday, 12), (monday + 3599, 12), (monday + 3600, 3), (monday - 86_400, 3)):
        assert decide(scaling, still(3), even(300, 3), History(), now).replicas == replicas, now - monday
    assert decide(structs.replace(scaling, max_replicas=5), still(3), even(300, 3), History(), monday).replicas == 5
    found = decide(scaling, still(3), even(300, 3), History(), monday)
    assert found.why == "at least 12 pods are to run: 3 → 12"


def test_a_peak_may_span_midnight_and_a_change_of_clocks() -> None:
    night = Schedule(start="30 22 * * *", duration_seconds=6 * 3600, min_replicas=9, time_zone="Europe/Berlin")
    scaling = structs.replace(SCALING, schedules=(night,))
    for moment, replicas in (
        ((2026, 10, 25, 0, 15), 9),
        ((2026, 10, 24, 20, 29), 3),
        ((2026, 10, 24, 20, 30), 9),
        ((2026, 10, 25, 2, 29), 9),
        ((2026, 10, 25, 2, 31), 3),
    ):
        assert decide(scaling, still(3), even(300, 3), History(), at(*moment)).replicas == replicas, moment


@pytest.mark.parametrize(
    ("schedule", "word"),
    [
        (Schedule(start="61 8 * * *", duration_seconds=60, min_replicas=1), "61 8 * * *"),
        (Schedule(start="every day at eight", duration_seconds=60, min_replicas=1), "every day"),
        (Schedule(start="0 8 * * *", duration_seconds=60, min_replicas=1, time_zone="Mars/Base"), "Mars/Base"),
        (Schedule(start="0 8 * * *", duration_seconds=60, min_replicas=1, time_zone="../../etc/passwd"), "no time zone"),
    ],
)
def test_a_schedule_that_never_comes_is_said_and_does_nothing(schedule: Schedule, word: str) -> None:
    scaling = structs.replace(SCALING, schedules=(schedule,))
    (found,) = problems(Spec(autoscaling=scaling))
    assert word in found
    assert decide(scaling, still(3), even(300, 3), History(), NOW).replicas == 3


@given(st.text(max_size=40), st.text(max_size=20))
def test_no_schedule_stumbles(start: str, zone: str) -> None:
    schedule = Schedule(start=start, duration_seconds=60, min_replicas=2, time_zone=zone)
    decide(structs.replace(SCALING, schedules=(schedule,)), still(3), even(300, 3), History(), NOW)


@given(st.lists(st.none() | st.integers(0, 5000), max_size=12), st.integers(1, 12), st.floats(0, 120), st.booleans())
def test_whatever_is_seen_the_bounds_hold(counts: list[int | None], running: int, age: float, rollout: bool) -> None:
    samples = [Sample(f"p{index}", one, ready=bool(index % 3), age=age) for index, one in enumerate(counts)]
    found = decide(SCALING, Scale(running, running, last=running, rollout=rollout), samples, History(), NOW)
    assert min(running, 2) <= found.replicas <= 20
    if found.replicas < running:
        assert not rollout
        assert age <= 45
        assert None not in counts
        assert len(found.victims) == running - found.replicas
    else:
        assert not found.victims
