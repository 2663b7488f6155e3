"""Calls between two users, on one pod and across two, of every pair of protocols."""

import asyncio

import pytest
from harness.pods import Client, Pod, in_call
from harness.waiting import until

KINDS = [(False, False), (False, True), (True, False), (True, True)]


@pytest.fixture(params=[0, 1], ids=["one pod", "two pods"])
def two(request: pytest.FixtureRequest, pods: list[Pod]) -> tuple[Pod, Pod]:
    return pods[0], pods[request.param]


@pytest.mark.parametrize(("v1_caller", "v1_callee"), KINDS)
async def test_a_whole_call(two: tuple[Pod, Pod], v1_caller: bool, v1_callee: bool) -> None:
    alice, bob = await two[0].join("alice", v1=v1_caller), await two[1].join("bob", v1=v1_callee)
    await alice.say("call.start", callee_id="bob", media="video")
    ringing, ring = await alice.heard("call.ringing"), await bob.heard("call.ring")
    session = ring["session_id"]
    assert ringing == {"session_id": session, "callee_id": "bob"}
    assert ring["caller_info"] == {"user_id": "alice", "name": "Alice"}
    await bob.say("call.accept", session_id=session)
    assert (await alice.heard("call.accepted"))["callee_info"] == {"user_id": "bob", "name": "Bob"}
    await alice.say("webrtc.offer", session_id=session, sdp="o", unknown=[1, {"x": None}])
    assert await bob.heard("webrtc.offer") == {"session_id": session, "sdp": "o", "unknown": [1, {"x": None}]}
    await bob.say("webrtc.answer", session_id=session, sdp="a")
    for number in range(10):
        await alice.say("webrtc.ice", session_id=session, candidate=f"a{number}")
        await bob.say("webrtc.ice", session_id=session, candidate=f"b{number}")
    await bob.heard("webrtc.ice", 10)
    await alice.heard("webrtc.ice", 10)
    assert [ice["candidate"] for ice in bob.connection.of("webrtc.ice")] == [f"a{n}" for n in range(10)]
    assert [ice["candidate"] for ice in alice.connection.of("webrtc.ice")] == [f"b{n}" for n in range(10)]
    await alice.say("call.end", session_id=session)
    ended = await bob.heard("call.ended")
    assert ended["reason"] == "ended_by_user"
    assert ended["peer_info"]["user_id"] == "alice"
    assert "error" not in alice.connection.types + bob.connection.types


async def test_a_hang_up_does_not_overtake_what_was_said_before_it(two: tuple[Pod, Pod]) -> None:
    alice, bob = await two[0].join("alice"), await two[1].join("bob")
    session = await in_call(alice, bob)
    for _ in range(10):
        await alice.say("webrtc.ice", session_id=session, candidate="c")
    await alice.say("call.end", session_id=session)
    await bob.heard("call.ended")
    assert bob.connection.types == ["call.ring", *["webrtc.ice"] * 10, "call.ended"]


async def test_reference_clients_see_the_reference_only(two: tuple[Pod, Pod]) -> None:
    alice, bob = await two[0].join("alice"), await two[1].join("bob")
    session = await in_call(alice, bob)
    await bob.say("call.end", session_id=session)
    await alice.heard("call.ended")
    assert alice.connection.types == ["call.ringing", "call.accepted", "call.ended"]
    assert bob.connection.types == ["call.ring"]
    for message in alice.connection.messages + bob.connection.messages:
        assert set(message) == {"type", "payload"}
        assert not {"cause", "role", "expires_at"} & set(message["payload"])


async def test_who_is_told_what_of_a_rejected_call(two: tuple[Pod, Pod]) -> None:
    alice, bob = await two[0].join("alice"), await two[1].join("bob")
    await alice.say("call.start", callee_id="bob")
    session = (await bob.heard("call.ring"))["session_id"]
    await bob.say("call.reject", session_id=session)
    assert (await alice.heard("call.rejected"))["callee_info"]["user_id"] == "bob"
    await bob.say("call.accept", session_id=session)
    assert (await bob.heard("error"))["code"] == "session_not_found"


async def test_cancel_reaches_the_callee(two: tuple[Pod, Pod]) -> None:
    alice, bob = await two[0].join("alice"), await two[1].join("bob", v1=True)
    await alice.say("call.start", callee_id="bob")
    session = (await bob.heard("call.ring"))["session_id"]
    await alice.say("call.end", session_id=session)
    assert (await bob.heard("call.missed"))["cause"] == "cancelled"
    await alice.say("call.start", callee_id="bob")
    await bob.heard("call.ring", 2)


async def test_errors_of_the_reference(pods: list[Pod]) -> None:
    alice, bob, carol = await pods[0].join("alice"), await pods[1].join("bob"), await pods[2].join("carol")

    async def code(client: Client, kind: str, count: int, **payload: object) -> str:
        await client.say(kind, **payload)
        return str((await client.heard("error", count))["code"])

    assert await code(alice, "call.start", 1, callee_id="nobody") == "user_offline"
    assert await code(alice, "call.start", 2, callee_id="alice") == "invalid_message"
    assert await code(alice, "call.start", 3) == "invalid_message"
    assert await code(alice, "nonsense", 4) == "invalid_message"
    assert await code(alice, "call.accept", 5, session_id="no such") == "session_not_found"
    assert await code(alice, "webrtc.ice", 6, session_id="no such", candidate="c") == "session_not_found"
    await alice.say("call.start", callee_id="bob")
    session = (await bob.heard("call.ring"))["session_id"]
    assert await code(carol, "call.start", 1, callee_id="bob") == "user_busy"
    assert await code(carol, "call.start", 2, callee_id="alice") == "user_busy"
    assert await code(carol, "call.accept", 3, session_id=session) == "unauthorized"
    assert await code(carol, "call.end", 4, session_id=session) == "unauthorized"
    assert await code(carol, "webrtc.ice", 5, session_id=session, candidate="c") == "unauthorized"
    assert await code(alice, "call.accept", 7, session_id=session) == "unauthorized"
    assert await code(alice, "webrtc.offer", 8, session_id=session, sdp="early") == "invalid_state"
    await bob.say("call.accept", session_id=session)
    assert await code(bob, "call.accept", 1, session_id=session) == "invalid_state"
    assert await code(bob, "call.reject", 2, session_id=session) == "invalid_state"


async def test_check_answers_participants_only(pods: list[Pod]) -> None:
    alice, bob, carol = await pods[0].join("alice"), await pods[1].join("bob"), await pods[2].join("carol")
    await alice.say("call.start", callee_id="bob")
    session = (await bob.heard("call.ring"))["session_id"]
    for client in (alice, bob, carol):
        await client.say("call.check", session_id=session)
    known = {"session_id": session, "exists": True, "state": "ringing", "caller_id": "alice"}
    assert await alice.heard("call.check_result") == await bob.heard("call.check_result") == known
    assert await carol.heard("call.check_result") == {"session_id": session, "exists": False}


@pytest.mark.parametrize("v1", [False, True])
async def test_an_unanswered_call_ends(two: tuple[Pod, Pod], v1: bool) -> None:
    alice, bob = await two[0].join("alice", v1=v1), await two[1].join("bob", v1=v1)
    await alice.say("call.start", callee_id="bob")
    assert (await alice.heard("call.ended"))["reason"] == "no_answer"
    if v1:
        assert (await bob.heard("call.missed"))["cause"] == "no_answer"
    else:
        assert (await bob.heard("call.ended"))["reason"] == "no_answer"


async def test_opposing_calls_of_v1_become_one(two: tuple[Pod, Pod]) -> None:
    alice, bob = await two[0].join("alice", v1=True), await two[1].join("bob", v1=True)
    await asyncio.gather(alice.say("call.start", callee_id="bob"), bob.say("call.start", callee_id="alice"))
    first, second = await alice.heard("call.accepted"), await bob.heard("call.accepted")
    assert first["session_id"] == second["session_id"]
    assert {first["role"], second["role"]} == {"offer", "answer"}
    offerer, answerer = (alice, bob) if first["role"] == "offer" else (bob, alice)
    await offerer.say("webrtc.offer", session_id=first["session_id"], sdp="o")
    await answerer.heard("webrtc.offer")


async def test_opposing_calls_of_reference_clients(two: tuple[Pod, Pod]) -> None:
    alice, bob = await two[0].join("alice"), await two[1].join("bob")
    await asyncio.gather(alice.say("call.start", callee_id="bob"), bob.say("call.start", callee_id="alice"))
    await until(lambda: "error" in alice.connection.types or "error" in bob.connection.types)
    loser, winner = (alice, bob) if "error" in alice.connection.types else (bob, alice)
    assert loser.connection.of("error")[0]["code"] == "user_busy"
    await until(lambda: loser.connection.types[-1] == "call.ring")
    await loser.say("call.accept", session_id=loser.connection.of("call.ring")[-1]["session_id"])
    await winner.heard("call.accepted")


async def test_push_wakes_who_is_offline(two: tuple[Pod, Pod]) -> None:
    alice = await two[0].join("alice", v1=True)
    await alice.say("call.start", callee_id="bob", callee_device_token="t", callee_os="ios")
    session = (await alice.heard("call.ringing"))["session_id"]
    assert (await alice.heard("call.alerting"))["by"] == "push"
    assert two[0].pusher.rung == [session]
    bob = await two[1].join("bob")
    assert (await bob.heard("call.ring"))["session_id"] == session
    await bob.say("call.check", session_id=session)
    assert (await bob.heard("call.check_result"))["exists"]
    await bob.say("call.accept", session_id=session)
    await alice.heard("call.accepted")
    assert two[0].pusher.cancelled == []


async def test_a_cancelled_push_is_taken_back(pods: list[Pod]) -> None:
    alice = await pods[0].join("alice")
    await alice.say("call.start", callee_id="bob", callee_device_token="t", callee_os="android")
    session = (await alice.heard("call.ringing"))["session_id"]
    await alice.say("call.end", session_id=session)
    await until(lambda: pods[0].pusher.cancelled == [session])
    bob = await pods[1].join("bob")
    await bob.say("call.check", session_id=session)
    assert (await bob.heard("call.check_result"))["exists"] is False


async def test_a_suspended_app_is_pushed_as_well(pods: list[Pod], two: tuple[Pod, Pod]) -> None:
    """Its socket stands, but nobody answers the ping: the commonest failure of phones."""
    alice, bob = await two[0].join("alice"), await two[1].join("bob", alive=False)
    await alice.say("call.start", callee_id="bob", callee_device_token="t", callee_os="ios")
    await bob.heard("call.ring")
    await until(lambda: any(pod.pusher.rung for pod in pods))


async def test_a_living_app_is_not_pushed(two: tuple[Pod, Pod]) -> None:
    alice, bob = await two[0].join("alice", v1=True), await two[1].join("bob")
    await alice.say("call.start", callee_id="bob", callee_device_token="t", callee_os="ios")
    await bob.heard("call.ring")
    assert (await alice.heard("call.alerting"))["by"] == "socket"
    assert not two[0].pusher.rung
