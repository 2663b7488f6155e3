"""When a node is silent, and to which pods users are led meanwhile."""

from hypothesis import given
from hypothesis import strategies as st

from carillon_operator.silence import MISSES, Nodes, Standing, detours, judge

NAMES = st.sampled_from("abcde")
LOOKS = st.lists(st.dictionaries(NAMES, st.booleans(), max_size=5), max_size=12)
PODS = st.lists(st.builds(Standing, st.uuids().map(str), st.just("u"), st.sampled_from("xy"), NAMES, st.just("10.0.0.1"), st.booleans()))


def after(*looks: dict[str, bool]) -> Nodes:
    found = Nodes()
    for answered in looks:
        found = judge(found, answered)
    return found


def pod(name: str, node: str, *, led: bool = True, revision: str = "x") -> Standing:
    return Standing(name, f"uid of {name}", revision, node, "10.0.0.1", led)


def test_a_node_that_leaves_two_looks_unanswered_is_silent_until_it_answers() -> None:
    both, one = {"a": True, "b": True}, {"a": True, "b": False}
    assert after(both, one).silent == frozenset()
    assert after(both, one).doubtful
    assert after(both, one, one).silent == {"b"}
    assert not after(both, one, one).doubtful
    assert after(both, one, one, one, both).silent == frozenset()


def test_an_operator_that_is_cut_off_holds_nobody_to_be_silent() -> None:
    nobody = {"a": False, "b": False, "c": False}
    assert after(*[nobody] * 9).silent == frozenset()
    assert after({"a": False}, {"a": False}, {"a": False}).silent == frozenset()
    most = {"a": True, "b": False, "c": False}
    assert after(most, most).silent == frozenset()


def test_a_node_that_was_silent_stays_so_when_others_follow() -> None:
    one, most = {"a": True, "b": True, "c": False}, {"a": True, "b": False, "c": False}
    assert after(one, one, most, most).silent == {"c"}


@given(LOOKS)
def test_the_silent_are_never_most_and_never_among_those_that_answered(looks: list[dict[str, bool]]) -> None:
    found = Nodes()
    for answered in looks:
        before, found = found, judge(found, answered)
        assert found.missed.keys() == answered.keys()
        assert not any(answered[node] for node in found.silent)
        assert all(found.missed[node] >= MISSES for node in found.silent)
        new = found.silent - before.silent
        assert not new or 2 * len(found.silent) <= len(answered)


def test_users_are_led_around_a_silent_node_and_back_when_it_answers() -> None:
    silent, well = Nodes({"a": 0, "b": MISSES}, frozenset("b")), Nodes({"a": 0, "b": 0})
    assert detours(silent, [pod("1", "a"), pod("2", "b")]) == [pod("2", "b")]
    assert detours(silent, [pod("1", "a"), pod("2", "b", led=False)]) == []
    assert detours(well, [pod("1", "a"), pod("2", "b", led=False)]) == [pod("2", "b", led=False)]


def test_a_successor_leaves_what_it_has_not_seen_itself() -> None:
    assert detours(Nodes(), [pod("1", "a"), pod("2", "b", led=False)]) == []


@given(st.dictionaries(NAMES, st.integers(0, 4)), PODS)
def test_no_revision_is_left_without_a_pod_that_had_one(missed: dict[str, int], pods: list[Standing]) -> None:
    nodes = Nodes(missed, frozenset(node for node, count in missed.items() if count >= MISSES))
    changes = detours(nodes, pods)
    assert all(one.node in nodes.silent if one.led else missed[one.node] == 0 for one in changes)
    for revision in {one.revision for one in changes if one.led}:
        assert any(one.revision == revision and one.node not in nodes.silent for one in pods)
