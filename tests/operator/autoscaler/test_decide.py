"""Scaling decisions, with values; and a cluster whose clients come and go."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carillon_operator.autoscaler import Decision, History, Sample, Scale, decide, victims
from carillon_operator.spec.scaling import Autoscaling

NOW = 1_790_000_000.0
SCALING = Autoscaling(min_replicas=2, max_replicas=20, connections_per_pod=100)


def pods(*connections: int | None) -> tuple[Sample, ...]:
    return tuple(Sample(f"p{index}", one) for index, one in enumerate(connections))


def scale(running: int, **fields: Any) -> Scale:
    return Scale(**{"written": running, "running": running, "last": running} | fields)


def after_window(seen: Scale, samples: tuple[Sample, ...], scaling: Autoscaling = SCALING) -> Decision:
    """The decision when nothing has changed for a whole window."""
    history, now = History(), NOW
    for _ in range(scaling.scale_down_window_seconds // 15 + 1):
        found = decide(scaling, seen, samples, history, now)
        history, now = found.history, now + 15
    return found


@pytest.mark.parametrize(
    ("connections", "replicas"),
    [
        ((100, 100), 2),
        ((110, 110), 2),
        ((111, 110), 3),
        ((300, 300), 6),
        ((2000, 2000), 8),
        ((0, 0), 2),
        ((None, 330), 4),
    ],
)
def test_rises(connections: tuple[int | None, ...], replicas: int) -> None:
    """Within the tolerance nothing; at most four times as many at once; what is unknown counts for nothing."""
    found = decide(SCALING, scale(2), pods(*connections), History(), NOW)
    assert found.replicas == replicas
    assert found.write == (replicas if replicas != 2 else None)
    assert bool(found.why) == (replicas != 2)


def test_a_rise_waits_until_the_last_one_can_be_seen() -> None:
    busy = pods(*[200] * 4)
    assert decide(SCALING, scale(4, changed_at=NOW - 10), busy, History(), NOW).replicas == 4
    assert decide(SCALING, scale(4, changed_at=NOW - 15), busy, History(), NOW).replicas == 8


def test_what_the_pace_held_back_is_asked_for_again_as_soon_as_it_may_come() -> None:
    assert decide(SCALING, scale(2), pods(500, 500), History(), NOW).again == 15
    assert decide(SCALING, scale(8, changed_at=NOW - 4), pods(500, 500, *[0] * 6), History(), NOW).again == 11
    assert decide(SCALING, scale(8, changed_at=NOW - 15), pods(500, 500, *[0] * 6), History(), NOW).again is None
    assert decide(SCALING, scale(10, changed_at=NOW - 4), pods(500, 500, *[0] * 8), History(), NOW).again is None


def test_never_fewer_than_the_least_nor_more_than_the_most() -> None:
    assert decide(SCALING, scale(1, written=2, changed_at=NOW), pods(0), History(), NOW).replicas == 2
    assert decide(SCALING, scale(18), pods(*[1000] * 18), History(), NOW).replicas == 20


def test_a_fall_takes_a_whole_window_and_goes_pod_by_pod() -> None:
    quiet = pods(10, 10, 10, 10, 10)
    assert decide(SCALING, scale(5), quiet, History(), NOW).replicas == 5
    assert after_window(scale(5), quiet).replicas == 4


def test_one_busy_moment_in_the_window_is_remembered() -> None:
    found = decide(SCALING, scale(5), pods(*[100] * 5), History(), NOW)
    history, now = found.history, NOW
    for _ in range(19):
        now += 15
        found = decide(SCALING, scale(5), pods(*[10] * 5), history, now)
        history = found.history
        assert found.replicas == 5
    for _ in range(2):
        now += 15
        found = decide(SCALING, scale(5), pods(*[10] * 5), history, now)
        history = found.history
    assert found.replicas == 4


@pytest.mark.parametrize(
    ("seen", "samples"),
    [
        (scale(5, rollout=True), pods(*[10] * 5)),
        (scale(5), (*pods(*[10] * 4), Sample("p4", 0, ready=False))),
        (scale(5), pods(*[10] * 4)),
        (scale(5), pods(10, 10, 10, 10, None)),
        (scale(5), ()),
        (scale(5, changed_at=NOW + 290), pods(*[10] * 5)),
    ],
    ids=["rollout", "unready", "missing", "unknown", "nothing", "just fell"],
)
def test_nothing_falls_while(seen: Scale, samples: tuple[Sample, ...]) -> None:
    assert after_window(seen, samples).replicas == 5


def test_a_rise_waits_for_its_window_whatever_cannot_be_asked() -> None:
    """A new operator knows nothing of the past, and a pod that cannot be asked has no part in what the others need."""
    scaling = Autoscaling(min_replicas=2, max_replicas=20, connections_per_pod=100, scale_up_window_seconds=60)
    for samples in (pods(300, 300, 300), pods(300, 300, None)):
        history = History()
        for second in range(0, 60, 15):
            found = decide(scaling, scale(3), samples, history, NOW + second)
            assert found.replicas == 3
            history = found.history
        assert decide(scaling, scale(3), samples, history, NOW + 60).replicas > 3
    quiet = decide(scaling, scale(3), pods(100, 100, None), history, NOW + 60)
    assert quiet.replicas == 3
    spike = decide(scaling, scale(3), pods(300, 300, None), quiet.history, NOW + 75)
    assert spike.replicas == 3


def test_what_must_run_waits_for_no_window() -> None:
    scaling = Autoscaling(min_replicas=5, max_replicas=20, connections_per_pod=100, scale_up_window_seconds=300)
    assert decide(scaling, scale(2), pods(0, 0), History(), NOW).replicas == 5


def test_a_window_with_a_hole_proves_nothing() -> None:
    first = decide(SCALING, scale(5), pods(*[10] * 5), History(), NOW)
    assert decide(SCALING, scale(5), pods(*[10] * 5), first.history, NOW + 400).replicas == 5


def test_a_manifest_without_replicas_is_put_right_at_once() -> None:
    """Taking `replicas` out of a manifest resets it to the default: no pod goes for that."""
    found = decide(SCALING, scale(6, written=2), pods(*[100] * 6), History(), NOW)
    assert (found.replicas, found.write, found.conflict) == (6, 6, "")


def test_another_writer_is_reported_and_not_fought() -> None:
    found = decide(SCALING, scale(6, written=9), pods(*[10] * 6), History(), NOW)
    assert (found.replicas, found.write) == (9, None)
    assert "9 by somebody else" in found.conflict
    rival = decide(SCALING, scale(6, rivals=("HorizontalPodAutoscaler calls",)), pods(*[500] * 6), History(), NOW)
    assert (rival.replicas, rival.write) == (6, None)
    assert rival.conflict.startswith("HorizontalPodAutoscaler calls")


def test_an_outside_decrease_is_held_for_the_window() -> None:
    seen = scale(9, written=3)
    found = decide(SCALING, seen, pods(*[10] * 9), History(), NOW)
    assert (found.replicas, found.write) == (9, None)
    later = decide(SCALING, seen, pods(*[10] * 9), found.history, NOW + 299)
    assert later.replicas == 9
    assert decide(SCALING, seen, pods(*[10] * 9), later.history, NOW + 300).replicas == 3


def test_what_runs_when_the_scaler_is_switched_on_is_no_conflict() -> None:
    assert not decide(SCALING, scale(7, last=None), pods(*[100] * 7), History(), NOW).conflict


def test_the_emptiest_pods_go_and_unready_ones_before_them() -> None:
    samples = (*pods(50, 3, None, 7), Sample("x", 900, ready=False))
    assert victims(samples, 3) == ("x", "p1", "p3")
    assert victims(samples, 0) == ()


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 20), st.lists(st.integers(0, 2500), min_size=1, max_size=4))
def test_it_settles_where_the_connections_are(start: int, load: list[int]) -> None:
    """Whatever came before, a steady load ends with enough pods and, beyond the tolerance, none too many; and then nothing changes."""
    state, history, now = scale(start, last=None), History(), NOW
    for total in (*load, *[load[-1]] * 120):
        samples = pods(*[total // state.running + (index < total % state.running) for index in range(state.running)])
        found = decide(SCALING, state, samples, history, now)
        assert not found.conflict
        changed_at = now if found.replicas != state.running else state.changed_at
        state = replace(state, running=found.replicas, written=found.replicas, last=found.replicas, changed_at=changed_at)
        history, now = found.history, now + 15
    assert now - state.changed_at > 300
    enough, most = -(-load[-1] // 110), -(-load[-1] // 90)
    assert min(max(enough, 2), 20) <= state.running <= min(max(most, 2), 20)
