"""The call engine with values: what each command does in each state."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from carillon.call import (
    SECOND,
    Accept,
    Alert,
    Call,
    Cause,
    Check,
    Decision,
    End,
    Expire,
    Found,
    Kind,
    Outcome,
    Party,
    Refusal,
    Reject,
    Report,
    Rules,
    Start,
    State,
    Wait,
    World,
    cancel_is_owed,
    decide,
)
from carillon.errors import ErrorCode
from carillon.protocol import UserInfo

RULES = Rules()
NOW = 1_800_000_000 * SECOND
ALICE, BOB, CAROL = UserInfo("alice", "Alice"), UserInfo("bob", "Bob"), UserInfo("carol")
RINGING = Call("id", NOW, State.RINGING, ALICE, UserInfo("bob"), NOW, NOW + RULES.ring)
ACCEPTED = replace(RINGING, state=State.ACCEPTED, revision=NOW + 1, callee=BOB, accepted=NOW + 1)
ENDED = replace(ACCEPTED, state=State.ENDED, revision=NOW + 2, ended=NOW + 2, cause=Cause.HANGUP, ended_by="bob")


def world(call: Call | None = None, **peer: object) -> World:
    return World(Party("alice"), Party("bob", **peer), call)  # type: ignore[arg-type] # any field of Party


def start(**changes: object) -> Start:
    return replace(Start("id", ALICE, "bob", NOW), **changes)


def code(outcome: Outcome) -> ErrorCode:
    assert isinstance(outcome, Refusal)
    return outcome.code


def made(outcome: Outcome) -> Call:
    assert isinstance(outcome, Decision)
    assert outcome.call is not None
    return outcome.call


def test_a_start_reserves_both_and_rings() -> None:
    decision = decide(world(), start(), NOW, RULES)
    assert isinstance(decision, Decision)
    assert decision.reserve
    assert decision.online
    assert [(told.user_id, told.kind) for told in decision.deliveries] == [("alice", Kind.RINGING), ("bob", Kind.RING)]
    assert {(deadline.kind, deadline.user_id) for deadline in decision.deadlines} == {("ring", ""), ("lease", "alice"), ("lease", "bob")}


def test_what_no_push_can_use_is_not_stored() -> None:
    device = {"device_token": "t", "device_os": "ios"}
    kept = made(decide(world(), start(can_push=True, **device), NOW, RULES))
    assert (kept.device_token, kept.device_os) == ("t", "ios")
    for useless in (device, {"device_os": "x"}):
        call = made(decide(world(), start(**useless), NOW, RULES))
        assert call.device_token is call.device_os is None


def test_no_revision_falls_when_redis_forgets() -> None:
    far = NOW + 10**9
    assert made(decide(world(revision=far), start(), NOW, RULES)).revision == far + 1


@pytest.mark.parametrize(
    ("there", "command", "expected"),
    [
        (world(online=False), start(), ErrorCode.USER_OFFLINE),
        (world(call=replace(RINGING, id="other")), start(), None),
        (world(), start(callee_id="alice"), ErrorCode.INVALID_MESSAGE),
        (world(RINGING), Accept(ALICE), ErrorCode.UNAUTHORIZED),
        (world(RINGING), Reject(CAROL), ErrorCode.UNAUTHORIZED),
        (world(ACCEPTED), Accept(BOB), ErrorCode.INVALID_STATE),
        (world(ACCEPTED), Reject(BOB), ErrorCode.INVALID_STATE),
        (world(ACCEPTED), End(CAROL), ErrorCode.UNAUTHORIZED),
        (world(ENDED), Accept(BOB), ErrorCode.SESSION_NOT_FOUND),
        (world(ENDED), End(BOB), ErrorCode.SESSION_NOT_FOUND),
        (world(), End(BOB), ErrorCode.SESSION_NOT_FOUND),
    ],
)
def test_refusals(there: World, command: Start | Accept | Reject | End, expected: ErrorCode | None) -> None:
    if expected is None:
        there = World(Party("alice"), Party("bob", call=replace(RINGING, caller=CAROL)), None)
        expected = ErrorCode.USER_BUSY
    assert code(decide(there, command, NOW, RULES)) is expected


def test_a_v1_callee_may_accept_twice() -> None:
    assert decide(world(ACCEPTED), Accept(BOB, v1=True), NOW, RULES) == Decision(basis=ACCEPTED.revision)


def test_a_repeated_start_changes_nothing() -> None:
    assert decide(world(RINGING), start(), NOW, RULES) == Decision(basis=RINGING.revision)


def test_a_callee_just_lost_is_waited_for() -> None:
    lost = NOW - SECOND
    assert decide(world(online=False, lost_at=lost), start(), NOW, RULES) == Wait(lost + RULES.reattach)
    assert code(decide(world(online=False, lost_at=lost), start(), lost + RULES.reattach, RULES)) is ErrorCode.USER_OFFLINE


def test_an_offline_callee_is_pushed_or_hidden() -> None:
    decision = decide(world(online=False), start(can_push=True, device_token="t"), NOW, RULES)
    assert isinstance(decision, Decision)
    assert decision.push == "ring"
    assert made(decision).alert is Alert.PUSH
    hidden = decide(world(online=False), start(), NOW, replace(RULES, hide_offline=True))
    assert made(hidden).state is State.RINGING


@pytest.mark.parametrize(("age", "v1", "merged"), [(4, True, True), (6, True, False), (4, False, False)])
def test_opposing_starts(age: int, v1: bool, merged: bool) -> None:
    now = NOW + age * SECOND
    there = World(Party("bob", call=RINGING), Party("alice", call=RINGING))
    outcome = decide(there, Start("mine", BOB, "alice", now, v1=v1), now, RULES)
    if merged:
        assert made(outcome).state is State.ACCEPTED
        assert made(outcome).id == RINGING.id
    else:
        assert outcome == Refusal(ErrorCode.USER_BUSY, restate=True)


def test_a_forgotten_call_is_superseded() -> None:
    there = World(Party("alice", call=ACCEPTED), Party("carol"))
    outcome = decide(there, start(callee_id="carol", attached=NOW + SECOND), NOW + 2 * SECOND, RULES)
    assert isinstance(outcome, Decision)
    assert outcome.again
    assert made(outcome).cause is Cause.SUPERSEDED
    assert [told.user_id for told in outcome.deliveries] == ["bob"]
    named = decide(there, start(callee_id="carol", attached=NOW + SECOND, named=True), NOW + 2 * SECOND, RULES)
    assert code(named) is ErrorCode.USER_BUSY


@pytest.mark.parametrize(
    ("call", "command", "cause", "told"),
    [
        (RINGING, Reject(BOB), Cause.REJECTED, {"alice"}),
        (RINGING, End(ALICE), Cause.CANCELLED, {"bob"}),
        (RINGING, End(BOB), Cause.REJECTED, {"alice"}),
        (ACCEPTED, End(BOB), Cause.HANGUP, {"alice"}),
        (ACCEPTED, End(ALICE, left=True), Cause.LEFT, {"bob"}),
        (RINGING, Expire("ring"), Cause.NO_ANSWER, {"alice", "bob"}),
        (RINGING, Expire("lease", "alice"), Cause.LOST, {"alice", "bob"}),
        (ACCEPTED, Expire("lease", "bob"), Cause.LOST, {"alice", "bob"}),
    ],
)
def test_ways_to_end(call: Call, command: Reject | End | Expire, cause: Cause, told: set[str]) -> None:
    decision = decide(world(call), command, NOW + SECOND, RULES)
    assert isinstance(decision, Decision)
    assert made(decision).cause is cause
    assert made(decision).revision > call.revision
    assert decision.release
    assert {delivery.user_id for delivery in decision.deliveries} == told


def test_a_callees_lease_does_not_end_a_ring() -> None:
    outcome = decide(world(RINGING), Expire("lease", "bob"), NOW, RULES)
    assert isinstance(outcome, Decision)
    assert outcome.call is None
    assert outcome.drop


NONE, SOCKET, PUSH, FAILED = Alert


@pytest.mark.parametrize(
    ("call", "command", "taken_back", "owed"),
    [
        (replace(RINGING, alert=PUSH), End(ALICE), True, False),
        (replace(RINGING, alert=PUSH), Expire("ring"), True, False),
        (replace(RINGING, alert=PUSH), Reject(BOB), False, False),
        (replace(RINGING, alert=FAILED, rung=True), End(ALICE), True, False),
        (replace(RINGING, alert=FAILED), End(ALICE), False, True),
        (replace(RINGING, alert=NONE), End(ALICE), False, True),
        (replace(RINGING, alert=NONE), Reject(BOB), False, False),
        (replace(RINGING, alert=SOCKET, rung=True), End(ALICE), False, False),
        (replace(ACCEPTED, alert=PUSH), End(ALICE), False, False),
        (replace(ACCEPTED, alert=NONE), End(ALICE), False, False),
    ],
)
def test_a_push_is_taken_back_by_who_ends_the_ring_or_by_who_sent_it(
    call: Call, command: End | Expire | Reject, taken_back: bool, owed: bool
) -> None:
    decision = decide(world(call), command, NOW + SECOND, RULES)
    assert isinstance(decision, Decision)
    assert (decision.push == "cancel") == taken_back
    assert cancel_is_owed(made(decision)) == owed
    assert not cancel_is_owed(call)


def test_a_push_that_may_have_arrived_is_remembered() -> None:
    pushing = replace(RINGING, alert=PUSH, device_token="t")
    assert made(decide(world(pushing), Report(FAILED, may_have_arrived=True), NOW, RULES)).rung
    assert not made(decide(world(pushing), Report(FAILED), NOW, RULES)).rung
    assert made(decide(world(replace(pushing, alert=FAILED, rung=True)), Report(FAILED), NOW, RULES)).rung


@pytest.mark.parametrize(
    ("before", "report", "after"),
    [
        (replace(RINGING, alert=PUSH), Report(FAILED), FAILED),
        (replace(RINGING, alert=FAILED), Report(PUSH, may_have_arrived=True), PUSH),
        (replace(RINGING, alert=PUSH, rung=True), Report(SOCKET), SOCKET),
        (replace(RINGING, alert=PUSH, rung=True), Report(FAILED, may_have_arrived=True), None),
        (replace(RINGING, alert=SOCKET), Report(FAILED), None),
        (replace(RINGING, alert=SOCKET), Report(PUSH, may_have_arrived=True), None),
    ],
)
def test_what_failed_hides_nothing_that_did_not(before: Call, report: Report, after: Alert | None) -> None:
    outcome = decide(world(before), report, NOW, RULES)
    if after is not None:
        assert made(outcome).alert is after
        return
    assert not isinstance(outcome, Decision) or (outcome.call is None and not outcome.deliveries)


def test_where_it_is_hidden_who_is_online_no_caller_is_told_what_the_callees_device_does() -> None:
    hidden = replace(RULES, hide_offline=True)
    for call, report in ((RINGING, Report(SOCKET)), (replace(RINGING, alert=PUSH), Report(PUSH)), (RINGING, Report(FAILED))):
        told, silent = decide(world(call), report, NOW, RULES), decide(world(call), report, NOW, hidden)
        assert isinstance(told, Decision)
        assert isinstance(silent, Decision)
        assert told.deliveries
        assert not silent.deliveries
        assert made(silent) == made(told)


def test_who_reports_of_a_ring_that_is_over_learns_how_it_ended() -> None:
    for call in (ACCEPTED, ENDED, None):
        assert decide(world(call), Report(PUSH), NOW, RULES) == Found(call)


def test_check_tells_participants_only() -> None:
    assert decide(world(RINGING), Check("bob"), NOW, RULES) == Found(RINGING)
    assert decide(world(RINGING), Check("carol"), NOW, RULES) == Found(None)
    assert decide(world(ENDED), Check("bob"), NOW, RULES) == Found(None)


ids = st.sampled_from([ALICE, BOB, CAROL])
commands = st.one_of(
    st.builds(Accept, ids, st.booleans(), st.booleans()),
    st.builds(Reject, ids),
    st.builds(End, ids, st.booleans()),
    st.builds(Expire, st.sampled_from(["ring", "lease", "confirm", "push"]), st.sampled_from(["alice", "bob", "carol", ""])),
    st.builds(Report, st.sampled_from(Alert), st.booleans()),
    st.builds(Check, st.sampled_from(["alice", "bob", "carol"])),
)


@given(st.lists(st.tuples(commands, st.integers(-5 * SECOND, 120 * SECOND)), max_size=12))
def test_any_sequence_keeps_the_promises(steps: list[tuple[Accept | Reject | End | Expire | Report | Check, int]]) -> None:
    """Ended is final with one cause; the revision rises with every transition and only then; nobody but the two is told."""
    call = made(decide(world(), start(can_push=True, device_token="t"), NOW, RULES))
    now = NOW
    for command, step in steps:
        now += step
        outcome = decide(world(call), command, now, RULES)
        if not isinstance(outcome, Decision) or outcome.call is None:
            continue
        after = outcome.call
        assert call.live, "an ended call was changed"
        assert outcome.basis == call.revision
        if after.state is call.state:
            assert after.revision == call.revision
        else:
            assert after.revision > call.revision
        assert (after.cause is None) == after.live
        assert outcome.release == (not after.live)
        assert {told.user_id for told in outcome.deliveries} <= {"alice", "bob"}
        assert len({(told.user_id, told.kind) for told in outcome.deliveries}) == len(outcome.deliveries)
        call = after
