"""Sockets, pods and Redis come and go; calls do not."""

import asyncio

import pytest
from harness.pods import Client, MakePods, Pod, healthy, in_call
from harness.redis import RedisServer
from harness.waiting import until


def candidates(client: Client) -> list[str]:
    return [ice["candidate"] for ice in client.connection.of("webrtc.ice")]


async def test_a_lost_v1_client_resumes_on_another_pod_and_misses_nothing(pods: list[Pod]) -> None:
    alice, bob = await pods[0].join("alice", v1=True), await pods[1].join("bob", v1=True)
    session = await in_call(alice, bob)
    await alice.lose()
    for number in range(5):
        await bob.say("webrtc.ice", session_id=session, candidate=str(number))
    back = await pods[2].join("alice", v1=True, resume=alice.resume)
    assert back.connection.messages[0]["payload"]["recovered"] is True
    await bob.say("webrtc.ice", session_id=session, candidate="live")
    await until(lambda: "live" in candidates(back))
    assert candidates(back) == ["0", "1", "2", "3", "4", "live"]
    await back.say("webrtc.ice", session_id=session, candidate="from alice")
    await bob.heard("webrtc.ice")
    await asyncio.sleep(2)  # longer than the grace: the call must not end by it
    assert "call.ended" not in bob.connection.types


async def test_a_reference_client_that_returns_and_speaks_keeps_its_call(pods: list[Pod]) -> None:
    alice, bob = await pods[0].join("alice"), await pods[1].join("bob")
    session = await in_call(alice, bob)
    await alice.lose()
    back = await pods[2].join("alice")
    await back.say("webrtc.ice", session_id=session, candidate="here again")
    await bob.heard("webrtc.ice")
    await asyncio.sleep(2)  # longer than the grace
    await bob.say("webrtc.ice", session_id=session, candidate="so am I")
    await back.heard("webrtc.ice")


async def test_a_reference_client_that_returns_silently_loses_its_call(pods: list[Pod]) -> None:
    alice, bob = await pods[0].join("alice"), await pods[1].join("bob")
    await in_call(alice, bob)
    await alice.lose()
    back = await pods[0].join("alice")
    assert (await bob.heard("call.ended"))["reason"] == "peer_disconnected"
    await back.heard("call.ended")


async def test_an_accept_by_a_pod_whose_clock_is_ahead_is_stated_once(pods: list[Pod]) -> None:
    alice, bob = await pods[0].join("alice"), await pods[1].join("bob")
    await alice.say("call.start", callee_id="bob")
    ring = await bob.heard("call.ring")
    pods[1].misjudge(1.0)
    await bob.say("call.accept", session_id=ring["session_id"])
    await alice.heard("call.accepted")
    await alice.lose()
    back = await pods[2].join("alice")
    assert (await bob.heard("call.ended"))["reason"] == "peer_disconnected"
    assert "call.accepted" not in back.connection.types


@pytest.mark.parametrize("noticed", [False, True])
async def test_an_accept_that_was_told_to_a_dead_socket_is_stated_on_the_next(pods: list[Pod], noticed: bool) -> None:
    alice, bob = await pods[0].join("alice", alive=False), await pods[1].join("bob")
    session = await in_call(alice, bob)
    if noticed:
        await alice.lose()
    back = await pods[2].join("alice")
    assert (await back.heard("call.accepted"))["session_id"] == session


async def test_who_does_not_return_is_lost_after_the_grace(pods: list[Pod]) -> None:
    alice, bob = await pods[0].join("alice"), await pods[1].join("bob")
    await in_call(alice, bob)
    await alice.lose()
    ended = await bob.heard("call.ended")
    assert ended["reason"] == "peer_disconnected"
    assert "peer_info" not in ended
    back = await pods[1].join("alice")
    assert (await back.heard("call.ended"))["reason"] == "peer_disconnected"
    await back.say("call.start", callee_id="bob")
    await bob.heard("call.ring", 2)


async def test_who_leaves_in_order_ends_the_call_at_once(pods: list[Pod]) -> None:
    alice, bob = await pods[0].join("alice"), await pods[1].join("bob")
    await in_call(alice, bob)
    await alice.leave()
    assert bob.connection.of("call.ended") or await bob.heard("call.ended", within=1)


async def test_a_new_connection_takes_the_place_of_the_old(pods: list[Pod]) -> None:
    alice, bob = await pods[0].join("alice"), await pods[1].join("bob")
    session = await in_call(alice, bob)
    second = await pods[2].join("alice")
    await until(lambda: alice.connection.code == 1000)
    await alice.lose()
    await second.say("webrtc.ice", session_id=session, candidate="c")
    await bob.heard("webrtc.ice")


async def test_a_start_waits_for_a_callee_who_is_just_reconnecting(pods: list[Pod]) -> None:
    alice, bob = await pods[0].join("alice"), await pods[1].join("bob")
    await bob.lose()
    start = asyncio.create_task(alice.say("call.start", callee_id="bob"))
    bob = await pods[2].join("bob")
    await start
    await bob.heard("call.ring")


async def test_a_start_ends_a_call_that_the_caller_forgot(pods: list[Pod]) -> None:
    alice, bob, carol = [await pod.join(name) for pod, name in zip(pods, ("alice", "bob", "carol"), strict=True)]
    await in_call(alice, bob)
    await alice.lose()
    alice = await pods[1].join("alice")
    await alice.say("call.start", callee_id="carol")
    await carol.heard("call.ring")
    assert (await bob.heard("call.ended"))["reason"] == "peer_disconnected"
    assert "call.ended" not in alice.connection.types


@pytest.mark.parametrize("v1", [False, True])
async def test_a_pod_dies_and_its_calls_go_on(pods: list[Pod], v1: bool) -> None:
    pairs = [(await pods[0].join(f"a{n}", v1=v1), await pods[1].join(f"b{n}", v1=v1)) for n in range(8)]
    sessions = [await in_call(alice, bob) for alice, bob in pairs]
    await pods[0].kill()
    for (_, bob), session in zip(pairs, sessions, strict=True):
        await bob.say("webrtc.ice", session_id=session, candidate="into the void")
    back = [await pods[2].join(alice.attached.user_id, v1=v1, resume=alice.resume) for alice, _ in pairs]
    for alice, session in zip(back, sessions, strict=True):
        await alice.say("webrtc.ice", session_id=session, candidate="back")
    for _, bob in pairs:
        await bob.heard("webrtc.ice")
    await asyncio.sleep(3)  # longer than grace and pod lease together
    for alice, (_, bob) in zip(back, pairs, strict=True):
        assert not {"call.ended", "error"} & {*alice.connection.types, *bob.connection.types}
        assert candidates(bob) == ["back"]
        if v1:
            assert candidates(alice) == ["into the void"]


async def test_a_pod_dies_and_nobody_returns(pods: list[Pod]) -> None:
    alice, bob = await pods[0].join("alice", v1=True), await pods[1].join("bob", v1=True)
    await in_call(alice, bob)
    await pods[0].kill()
    assert (await bob.heard("call.ended"))["cause"] == "lost"


async def test_a_ring_deadline_fires_although_its_pod_is_dead(pods: list[Pod]) -> None:
    alice, bob = await pods[0].join("alice"), await pods[1].join("bob")
    await alice.say("call.start", callee_id="bob")
    await bob.heard("call.ring")
    await pods[0].kill()
    await bob.heard("call.ended")


@pytest.mark.parametrize("v1", [False, True])
async def test_redis_loses_everything(own_redis: RedisServer, pods_on: MakePods, v1: bool) -> None:
    pods = await pods_on(own_redis.url, 2)
    alice, bob = await pods[0].join("alice", v1=v1), await pods[1].join("bob", v1=v1)
    session = await in_call(alice, bob)
    own_redis.stop()
    own_redis.start()
    await healthy(pods)
    await alice.say("webrtc.ice", session_id=session, candidate="after the loss")
    await bob.heard("webrtc.ice")
    await asyncio.sleep(3)  # past hold and grace
    assert "call.ended" not in alice.connection.types + bob.connection.types
    await bob.say("call.end", session_id=session)
    await alice.heard("call.ended")
    await alice.say("call.start", callee_id="bob")
    await bob.heard("call.ring", 2)


@pytest.mark.parametrize("v1", [False, True])
async def test_redis_is_frozen_beyond_the_grace(own_redis: RedisServer, pods_on: MakePods, v1: bool) -> None:
    pods = await pods_on(own_redis.url, 2)
    alice, bob = await pods[0].join("alice", v1=v1), await pods[1].join("bob", v1=v1)
    session = await in_call(alice, bob)
    own_redis.freeze()
    await asyncio.sleep(3)  # twice the grace
    own_redis.thaw()
    if not v1:
        await healthy(pods)
    await alice.say("webrtc.ice", session_id=session, candidate="after the freeze")
    await bob.heard("webrtc.ice")
    await asyncio.sleep(2)  # a lease that fired would show
    assert "call.ended" not in alice.connection.types + bob.connection.types


async def test_a_hang_up_during_an_outage_is_said_when_it_is_over(own_redis: RedisServer, pods_on: MakePods) -> None:
    pods = await pods_on(own_redis.url, 2)
    alice, bob = await pods[0].join("alice"), await pods[1].join("bob")
    session = await in_call(alice, bob)
    own_redis.freeze()
    hang_up = asyncio.create_task(alice.say("call.end", session_id=session))
    await asyncio.sleep(1)  # an outage that everybody notices
    own_redis.thaw()
    await hang_up
    await bob.heard("call.ended")


async def test_nothing_stays_in_redis_without_an_expiry(pods: list[Pod], cell: str) -> None:
    alice, bob = await pods[0].join("alice", v1=True), await pods[1].join("bob")
    session = await in_call(alice, bob)
    await alice.say("webrtc.ice", session_id=session, candidate="c")
    await bob.say("call.end", session_id=session)
    await alice.heard("call.ended")
    link = pods[0].link
    keys = await link.command("KEYS", f"*{{carillon:{cell}}}*", timeout=5)
    assert keys
    assert [key for key in keys if await link.command("PTTL", key, timeout=5) < 0] == []
