"""Rollouts, with values; and a cluster that plays them through."""

from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carillon_operator.rollout import CALM, Plan, Revision, Situation, plan
from carillon_operator.spec.status import RolloutStatus
from carillon_operator.spec.times import seconds, stamp

NOW = 1_790_000_000.0


def rev(name: str, wanted: int, ready: int | None = None, pods: int | None = None) -> Revision:
    return Revision(name, wanted, wanted if pods is None else pods, wanted if ready is None else ready)


def test_the_first_revision_serves_from_the_start() -> None:
    found = plan(Situation("a", 3), NOW)
    assert (found.serving, found.replicas, found.reported) == ("a", {"a": 3}, "a")
    assert not found.status.target


def test_a_new_revision_is_made_beside_the_old_one() -> None:
    found = plan(Situation("b", 3, "a", "a", (rev("a", 3),)), NOW)
    assert (found.serving, found.replicas, found.reported) == ("a", {"a": 3, "b": 3}, "a")
    assert found.status == RolloutStatus(revision="a", target="b", started_at=stamp(NOW))


def test_the_service_turns_only_when_all_new_pods_are_ready() -> None:
    assert plan(Situation("b", 3, "a", "a", (rev("a", 3), rev("b", 3, 2))), NOW).serving == "a"
    turned = plan(Situation("b", 3, "a", "a", (rev("a", 3), rev("b", 3, 3))), NOW)
    assert (turned.serving, turned.replicas) == ("b", {"a": 3, "b": 3})


def test_then_the_old_pods_go_and_are_reported_until_the_last_is_gone() -> None:
    going = plan(Situation("b", 3, "b", "a", (rev("a", 3), rev("b", 3))), NOW)
    assert (going.replicas, going.reported, going.status.target) == ({"a": 0, "b": 3}, "a", "b")
    draining = plan(Situation("b", 3, "b", "a", (rev("a", 0, 0, pods=1), rev("b", 3))), NOW)
    assert (draining.gone, draining.reported) == ((), "a")
    over = plan(Situation("b", 3, "b", "a", (rev("a", 0), rev("b", 3)), RolloutStatus(revision="b", target="b")), NOW)
    assert (over.gone, over.reported, over.replicas) == (("a",), "b", {"b": 3})
    assert over.status == RolloutStatus(revision="b", ended_at=stamp(NOW))


def test_a_revision_that_never_gets_ready_changes_nothing_and_can_be_taken_back() -> None:
    stuck = plan(Situation("b", 3, "a", "a", (rev("a", 3), rev("b", 3, 0))), NOW)
    assert (stuck.serving, stuck.replicas["a"]) == ("a", 3)
    back = plan(Situation("a", 3, "a", "a", (rev("a", 3), rev("b", 3, 0))), NOW)
    assert (back.serving, back.replicas) == ("a", {"a": 3, "b": 0})


def test_a_third_revision_replaces_the_second_which_nobody_saw() -> None:
    found = plan(Situation("c", 3, "a", "a", (rev("a", 3), rev("b", 3, 1))), NOW)
    assert (found.serving, found.replicas) == ("a", {"a": 3, "b": 0, "c": 3})


def test_a_rise_goes_to_both_and_a_fall_waits() -> None:
    risen = plan(Situation("b", 5, "a", "a", (rev("a", 3), rev("b", 3))), NOW)
    assert (risen.serving, risen.replicas) == ("a", {"a": 5, "b": 5})
    fallen = plan(Situation("b", 1, "a", "a", (rev("a", 3), rev("b", 3, 2))), NOW)
    assert fallen.replicas == {"a": 3, "b": 3}


def test_a_fall_waits_another_minute_after_the_end() -> None:
    ended = RolloutStatus(revision="b", ended_at=stamp(NOW - 20))
    waiting = plan(Situation("b", 1, "b", "b", (rev("b", 3),), ended), NOW)
    assert (waiting.replicas, waiting.again) == ({"b": 3}, CALM - 20)
    assert plan(Situation("b", 1, "b", "b", (rev("b", 3),), ended), NOW + CALM).replicas == {"b": 1}
    assert plan(Situation("b", 4, "b", "b", (rev("b", 3),), ended), NOW).replicas == {"b": 4}


def test_who_serves_nobody_is_left_at_once() -> None:
    assert plan(Situation("b", 3, "a", "a", (rev("b", 3, 0),)), NOW).serving == "b"
    assert plan(Situation("b", 3, "a", "a", (rev("a", 3, 0), rev("b", 3, 1))), NOW).serving == "b"


def test_paused_leaves_everything_as_it_is() -> None:
    seen = Situation("b", 9, "a", "a", (rev("a", 3), rev("old", 1)), RolloutStatus(revision="a"), paused=True)
    found = plan(seen, NOW)
    assert (found.serving, found.replicas, found.gone, found.status) == ("a", {"a": 3, "old": 1}, (), seen.status)
    assert plan(Situation("a", 2, paused=True), NOW).replicas == {}


def test_a_rolling_deployment_is_under_way_until_it_is_settled() -> None:
    found = plan(Situation("rolling", 3, "rolling", "rolling", (replace(rev("rolling", 3), settled=False),)), NOW)
    assert found.status.target
    assert plan(Situation("rolling", 3, "rolling", "rolling", (rev("rolling", 3),), found.status), NOW).status.ended_at == stamp(NOW)


@pytest.mark.parametrize("text", [None, "", "yesterday"])
def test_a_time_that_is_none(text: str | None) -> None:
    assert seconds(text) is None


@dataclass
class World:
    """A cluster that does what it is told, pod by pod, in any order."""

    target: str = "r0"
    replicas: int = 2
    serving: str = ""
    reported: str = ""
    revisions: dict[str, Revision] = field(default_factory=dict)
    status: RolloutStatus = field(default_factory=RolloutStatus)
    now: float = NOW

    def reconcile(self) -> Plan:
        seen = Situation(self.target, self.replicas, self.serving, self.reported, tuple(self.revisions.values()), self.status)
        found = plan(seen, self.now)
        before = self.revisions.get(self.serving)
        if found.serving != self.serving and before and before.ready:
            assert self.revisions[found.serving].ready >= before.wanted, "the Service turned to a revision that cannot take everybody"
        for name, count in found.replicas.items():
            old = self.revisions.get(name, Revision(name))
            if name == self.serving == found.serving and name != self.target:
                assert count >= old.wanted, "the revision that serves lost pods during a rollout"
            self.revisions[name] = replace(old, wanted=count)
        for name in found.gone:
            assert name not in (found.serving, self.target)
            assert not self.revisions.pop(name).pods
        self.serving, self.reported, self.status = found.serving, found.reported, found.status
        return found

    def step(self, name: str) -> None:
        """One pod of a revision comes, gets ready, or goes."""
        one = self.revisions[name]
        if one.pods > one.wanted:
            self.revisions[name] = replace(one, pods=one.pods - 1, ready=min(one.ready, one.pods - 1, one.wanted))
        elif one.ready < one.pods:
            self.revisions[name] = replace(one, ready=one.ready + 1)
        elif one.pods < one.wanted:
            self.revisions[name] = replace(one, pods=one.pods + 1)


CHANGES = st.one_of(
    st.tuples(st.just("revise"), st.sampled_from(["r0", "r1", "r2"])),
    st.tuples(st.just("scale"), st.integers(1, 5)),
    st.tuples(st.just("step"), st.integers(0, 3)),
    st.tuples(st.just("wait"), st.integers(1, 90)),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(CHANGES, max_size=40))
def test_whatever_happens_the_service_has_pods_and_everything_settles(changes: list[tuple[str, int | str]]) -> None:
    world = World()
    world.reconcile()
    for kind, value in changes:
        match kind, value:
            case "revise", str(name):
                world.target = name
            case "scale", int(count):
                world.replicas = count
            case "step", int(index) if world.revisions:
                world.step(sorted(world.revisions)[index % len(world.revisions)])
            case "wait", int(passed):
                world.now += passed
        world.reconcile()
    for _ in range(100):
        for name in list(world.revisions):
            world.step(name)
        world.now += 5
        world.reconcile()
    assert world.revisions == {world.target: Revision(world.target, world.replicas, world.replicas, world.replicas)}
    assert (world.serving, world.reported, world.status.target) == (world.target, world.target, "")
