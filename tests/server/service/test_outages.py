"""What users see while Redis is away: each row of the design's table, on a Redis that is frozen or stopped."""

import asyncio
import dataclasses

import pytest
from harness.faults import FaultProxy
from harness.pods import MakePods, Pod, healthy, in_call
from harness.redis import RedisServer
from harness.waiting import until

from carillon.errors import Refused, StoreUnavailable


async def test_a_second_without_redis_is_invisible(own_redis: RedisServer, pods_on: MakePods) -> None:
    pods = await pods_on(own_redis.url, 2)
    alice, bob = await pods[0].join("alice", v1=True), await pods[1].join("bob", v1=True)
    own_redis.freeze()
    start = asyncio.create_task(alice.say("call.start", callee_id="bob"))
    await asyncio.sleep(1)
    own_redis.thaw()
    await start
    session = (await bob.heard("call.ring"))["session_id"]
    await bob.say("call.accept", session_id=session)
    await alice.heard("call.accepted")
    assert "error" not in alice.connection.types + bob.connection.types


async def test_a_long_outage_fails_starts_and_keeps_what_needs_no_redis(own_redis: RedisServer, pods_on: MakePods) -> None:
    (pod,) = await pods_on(own_redis.url, 1)
    alice, bob, carol = [await pod.join(name) for name in ("alice", "bob", "carol")]
    session = await in_call(alice, bob)
    own_redis.stop()
    await carol.say("call.start", callee_id="alice")
    assert (await carol.heard("error"))["code"] == "internal_error"
    await alice.say("webrtc.ice", session_id=session, candidate="inside one pod")
    await bob.heard("webrtc.ice", within=1)
    with pytest.raises(Refused) as refused:
        await pod.attacher.attach(carol.connection, carol.attached.user, v1=False, patience=1.0)
    assert refused.value.retry_after


@pytest.mark.parametrize("how", ["hangs up", "leaves"])
async def test_who_ends_a_call_in_an_outage_frees_a_peer_on_the_same_pod_at_once(
    own_redis: RedisServer, pods_on: MakePods, how: str
) -> None:
    (pod,) = await pods_on(own_redis.url, 1)
    alice, bob = await pod.join("alice"), await pod.join("bob")
    session = await in_call(alice, bob)
    own_redis.stop()
    saying = asyncio.create_task(alice.leave() if how == "leaves" else alice.say("call.end", session_id=session))
    await bob.heard("call.ended", within=3)
    own_redis.start()
    await healthy([pod])
    await saying
    await bob.say("call.start", callee_id="nobody")
    await bob.heard("error")
    assert bob.connection.types.count("call.ended") == 1


async def test_a_v1_start_that_fails_tells_when_to_try_again_and_keeps_its_number(own_redis: RedisServer, pods_on: MakePods) -> None:
    (pod,) = await pods_on(own_redis.url, 1)
    alice, bob = await pod.join("alice", v1=True), await pod.join("bob", v1=True)
    own_redis.stop()
    await alice.say("call.start", callee_id="bob")
    error = await alice.heard("error")
    assert error["code"] == "unavailable"
    assert error["n"] == 1
    assert error["retry_after"] > 0
    own_redis.start()
    await healthy([pod])
    await alice.say("call.start", n=1, callee_id="bob")
    await bob.heard("call.ring")


async def test_a_start_that_was_sent_and_given_up_rings_nobody_for_long(own_redis: RedisServer, pods_on: MakePods) -> None:
    """Redis may run it after the caller was told that it failed: it is ended as cancelled then."""
    pods = await pods_on(own_redis.url, 2)
    alice, bob = await pods[0].join("alice"), await pods[1].join("bob")
    parts = pods[0].service._parts
    pods[0].service._parts = dataclasses.replace(parts, hurry=0.5)
    own_redis.freeze()
    await alice.say("call.start", callee_id="bob")
    assert alice.connection.types == ["error"]
    own_redis.thaw()
    pods[0].service._parts = parts
    await until(lambda: not bob.connection.of("call.ring") or bob.connection.of("call.ended"))
    await healthy(pods)
    await alice.say("call.start", callee_id="bob")
    await alice.heard("call.ringing")


async def test_a_pod_that_is_cut_off_alone_does_not_end_what_others_carry_on(own_redis: RedisServer, pods_on: MakePods) -> None:
    pods = await pods_on(own_redis.url, 2)
    alice, bob = await pods[0].join("alice", v1=True), await pods[1].join("bob", v1=True)
    session = await in_call(alice, bob)
    await pods[0].kill()
    back = await pods[1].join("alice", v1=True, resume=alice.resume)
    await back.say("webrtc.ice", session_id=session, candidate="from the other pod")
    await bob.heard("webrtc.ice")
    await asyncio.sleep(3)  # pod lease and grace
    assert "call.ended" not in back.connection.types + bob.connection.types


async def test_a_hold_fires_no_ring_deadline_early_and_none_never(own_redis: RedisServer, pods_on: MakePods) -> None:
    pods = await pods_on(own_redis.url, 2)
    alice, bob = await pods[0].join("alice"), await pods[1].join("bob")
    await alice.say("call.start", callee_id="bob")
    await bob.heard("call.ring")
    own_redis.stop()
    own_redis.start()
    await healthy(pods)
    assert (await alice.heard("call.ended", within=15))["reason"] == "no_answer"
    await bob.heard("call.ended")


async def test_a_full_redis_refuses_starts_and_lets_calls_end(own_redis: RedisServer, pods_on: MakePods) -> None:
    (pod,) = await pods_on(own_redis.url, 1)
    alice, bob, carol, dave = [await pod.join(name) for name in ("alice", "bob", "carol", "dave")]
    session = await in_call(alice, bob)
    own_redis.ask("CONFIG", "SET", "maxmemory-policy", "noeviction")
    own_redis.ask("CONFIG", "SET", "maxmemory", "1")
    await carol.say("call.start", callee_id="dave")
    assert (await carol.heard("error"))["code"] == "internal_error"
    await bob.say("call.end", session_id=session)
    await alice.heard("call.ended")
    own_redis.ask("CONFIG", "SET", "maxmemory", "0")
    await carol.say("call.start", callee_id="dave")
    await dave.heard("call.ring")


async def test_a_full_redis_that_comes_back_as_another_one_lets_calls_end(own_redis: RedisServer, pods_on: MakePods) -> None:
    """As a failover to a replica that is as full."""
    (pod,) = await pods_on(own_redis.url, 1)
    alice, bob = [await pod.join(name) for name in ("alice", "bob")]
    session = await in_call(alice, bob)
    own_redis.ask("CONFIG", "SET", "maxmemory-policy", "noeviction")
    change_ledger(own_redis, "ledger[3] = 'another'")
    own_redis.ask("CONFIG", "SET", "maxmemory", "1")
    own_redis.ask("CLIENT", "KILL", "TYPE", "normal")
    await healthy([pod])
    await bob.say("call.end", session_id=session)
    assert (await alice.heard("call.ended"))["reason"] == "ended_by_user"


async def test_a_clock_of_redis_that_ran_ahead_and_came_back_holds_up_nothing_for_long(own_redis: RedisServer, pods_on: MakePods) -> None:
    (pod,) = await pods_on(own_redis.url, 1)
    alice, bob = [await pod.join(name) for name in ("alice", "bob")]
    await alice.say("call.start", callee_id="bob")
    await bob.heard("call.ring")
    change_ledger(own_redis, "ledger[4], ledger[5] = ledger[4] + 3600e6, ledger[4] + 3630e6")
    assert (await alice.heard("call.ended", within=15))["reason"] == "no_answer"


def change_ledger(redis: RedisServer, change: str) -> None:
    script = f"local ledger = cmsgpack.unpack(redis.call('GET', KEYS[1])) {change} redis.call('SET', KEYS[1], cmsgpack.pack(ledger))"
    redis.ask("EVAL", script, 1, redis.ask("KEYS", "*:ledger")[0])


@pytest.mark.parametrize("leaves", [False, True])
async def test_a_hang_up_behind_a_message_that_redis_did_not_take_ends_the_call(
    pods: list[Pod], behind_a_proxy: tuple[Pod, FaultProxy], leaves: bool
) -> None:
    """Though its number is not the next: who stays hears of the gap, as of any other, and says both again."""
    pod, proxy = behind_a_proxy
    pod.service._parts = dataclasses.replace(pod.service._parts, patience=0.3)
    alice, bob = await pod.join("alice", v1=True), await pods[1].join("bob", v1=True)
    session = await in_call(alice, bob)
    proxy.refusing = True
    proxy.cut()
    await until(lambda: not pod.link.connected)
    await alice.say("call.accept", n=2, session_id=session)
    assert [(error["n"], error["code"]) for error in alice.connection.of("error")] == [(2, "unavailable")]
    await alice.say("call.end", n=3, session_id=session)
    if leaves:
        leaving = asyncio.create_task(alice.leave())
    proxy.refusing = False
    assert (await bob.heard("call.ended"))["cause"] == "hangup"
    if leaves:
        await leaving
        return
    gap = await alice.heard("error", 2)
    assert (gap["n"], gap["code"], gap["expected"]) == (3, "out_of_sequence", 2)
    await alice.say("call.accept", n=2, session_id=session)
    await alice.say("call.end", n=3, session_id=session)
    answers = [(error["n"], error["code"]) for error in alice.connection.of("error")[2:]]
    assert answers == [(2, "session_not_found"), (3, "session_not_found")]
    assert [ack["n"] for ack in alice.connection.of("ack")] == [1]


@pytest.mark.parametrize("v1", [False, True])
@pytest.mark.parametrize("expired", ["p:alice", "p:bob", "c:"])
async def test_a_call_whose_keys_expired_in_an_outage_is_said_again(pods: list[Pod], expired: str, v1: bool) -> None:
    alice, bob = await pods[0].join("alice", v1=v1), await pods[1].join("bob", v1=v1)
    session = await in_call(alice, bob)
    base = pods[0].store.channel.partition("ch:")[0]
    key = base + (expired if expired != "c:" else expired + session)
    await pods[0].link.command("DEL", key, timeout=5)
    await asyncio.sleep(3)  # past lease and grace
    assert "call.ended" not in alice.connection.types + bob.connection.types
    await bob.say("call.end", session_id=session)
    await alice.heard("call.ended")


async def test_an_accept_arms_a_lease_that_may_have_lapsed_unrenewed(pods: list[Pod], monkeypatch: pytest.MonkeyPatch) -> None:
    """Who then dies with their pod must not be in a call for ever."""
    alice, bob = await pods[0].join("alice"), await pods[1].join("bob")
    await alice.say("call.start", callee_id="bob")
    session = (await bob.heard("call.ring"))["session_id"]

    async def fail(*_: object) -> None:
        raise StoreUnavailable("no answer", sent=True)

    monkeypatch.setattr(pods[1].store, "attend", fail)
    await until(lambda: bob.attached.leased == "")
    base = pods[0].store.channel.partition("ch:")[0]
    await pods[0].link.command("ZREM", base + "d", f"l:{session}:bob", timeout=5)
    await bob.say("call.accept", session_id=session)
    await alice.heard("call.accepted")
    await pods[1].kill()
    assert (await alice.heard("call.ended"))["reason"] == "peer_disconnected"
