"""Redis lost its data: what pods say again must be the truth, whole, and nobody's alone."""

import asyncio
import dataclasses
from typing import Any

import msgspec.structs
import pytest
from harness.faults import FaultProxy
from harness.pods import QUICK, Deaf, MakePods, Pod, RecordingPusher, healthy, in_call
from harness.redis import RedisServer
from harness.waiting import until

from carillon.call import SECOND, Call, Report
from carillon.hub import Attached

PATIENT = msgspec.structs.replace(QUICK, grace=10 * SECOND, lease=12 * SECOND)
"""As in life, a grace far longer than the way back to a Redis that started again takes."""


@pytest.mark.parametrize("v1", [False, True])
async def test_an_ended_call_is_not_brought_back_by_who_had_not_heard(own_redis: RedisServer, pods_on: MakePods, v1: bool) -> None:
    pods = await pods_on(own_redis.url, 2)
    alice, bob = await pods[0].join("alice", v1=v1), await pods[1].join("bob", v1=v1)
    session = await in_call(alice, bob)
    deaf = Deaf(pods[1])
    await alice.say("call.end", session_id=session)
    await alice.leave()
    own_redis.ask("FLUSHALL")
    await deaf.hear()
    await healthy(pods)
    await until(lambda: bob.attached.live_call is None)
    await bob.say("call.check", session_id=session)
    assert (await bob.heard("call.check_result"))["exists"] is False


@pytest.mark.parametrize("v1", [False, True])
async def test_a_ring_that_only_the_caller_knows_of_reaches_the_callee(own_redis: RedisServer, pods_on: MakePods, v1: bool) -> None:
    pods = await pods_on(own_redis.url, 2)
    alice, bob = await pods[0].join("alice", v1=v1), await pods[1].join("bob", v1=v1)
    deaf = Deaf(pods[1])
    await alice.say("call.start", callee_id="bob")
    session = (await alice.heard("call.ringing"))["session_id"]
    own_redis.ask("FLUSHALL")
    await deaf.hear()
    if v1:
        await until(lambda: any(welcome["call"] == session for welcome in bob.connection.of("session.welcome")))
    else:
        await bob.heard("call.ring")
    await bob.say("call.accept", session_id=session)
    await alice.heard("call.accepted")


async def test_a_look_that_overtakes_the_answer_to_what_was_said_is_not_lost(
    own_redis: RedisServer, pods_on: MakePods, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one comes through the pod's channel, the other is a command's answer: the callee said themselves just before their caller did."""
    pods = await pods_on(own_redis.url, 2)
    alice, bob = await pods[0].join("alice", v1=True), await pods[1].join("bob", v1=True)
    said, looked = asyncio.Event(), asyncio.Event()
    register, register_late, look = pods[0].store.register, pods[1].store.register, pods[1].engine.registrar.look_again

    async def after_bob(*args: Any, **more: Any) -> Any:
        await said.wait()
        return await register(*args, **more)

    async def answered_late(*args: Any, **more: Any) -> Any:
        result = await register_late(*args, **more)
        said.set()
        await looked.wait()
        return result

    async def look_again(attached: Attached) -> None:
        looked.set()
        await look(attached)

    monkeypatch.setattr(pods[0].store, "register", after_bob)
    monkeypatch.setattr(pods[1].store, "register", answered_late)
    monkeypatch.setattr(pods[1].engine.registrar, "look_again", look_again)
    deaf = Deaf(pods[1])
    await alice.say("call.start", callee_id="bob")
    session = (await alice.heard("call.ringing"))["session_id"]
    own_redis.ask("FLUSHALL")
    await deaf.hear()
    await until(lambda: any(welcome["call"] == session for welcome in bob.connection.of("session.welcome")))


async def test_what_is_told_right_after_a_loss_is_not_missed(own_redis: RedisServer, pods_on: MakePods) -> None:
    """The first event of a new inbox may be there before its owner's pod knows of the new inbox."""
    pods = await pods_on(own_redis.url, 2)
    alice, bob = await pods[0].join("alice", v1=True), await pods[1].join("bob", v1=True)
    for number in range(5):
        own_redis.ask("FLUSHALL")
        await alice.say("call.start", callee_id="bob")
        session = (await bob.heard("call.ring", number + 1))["session_id"]
        await alice.say("call.end", session_id=session)
        await bob.heard("call.missed", number + 1)


@pytest.mark.parametrize("how", ["hangs up", "leaves"])
async def test_a_hang_up_outlives_an_outage_of_many_graces(own_redis: RedisServer, pods_on: MakePods, how: str) -> None:
    pods = await pods_on(own_redis.url, 2)
    alice, bob = await pods[0].join("alice"), await pods[1].join("bob")
    session = await in_call(alice, bob)
    parts = pods[0].service._parts
    pods[0].service._parts = dataclasses.replace(parts, patience=0.3)
    own_redis.freeze()
    saying = asyncio.create_task(alice.leave() if how == "leaves" else alice.say("call.end", session_id=session))
    await asyncio.sleep(4)  # well over two graces
    own_redis.thaw()
    ended = await bob.heard("call.ended")
    await saying
    assert ended["reason"] == ("peer_disconnected" if how == "leaves" else "ended_by_user")
    await bob.say("call.check", session_id=session)
    assert (await bob.heard("call.check_result"))["exists"] is False


async def test_an_accept_that_was_sent_is_not_answered_by_an_error(own_redis: RedisServer, pods_on: MakePods) -> None:
    pods = await pods_on(own_redis.url, 2)
    alice, bob = await pods[0].join("alice"), await pods[1].join("bob", v1=True)
    await alice.say("call.start", callee_id="bob")
    session = (await bob.heard("call.ring"))["session_id"]
    pods[1].service._parts = dataclasses.replace(pods[1].service._parts, patience=0.3)
    own_redis.freeze()
    await bob.say("call.accept", session_id=session)
    assert "error" not in bob.connection.types
    own_redis.thaw()
    await alice.heard("call.accepted")
    assert (await bob.heard("ack"))["n"] == 1


async def test_a_v1_caller_whose_start_was_given_up_hears_no_ringing_without_its_end(own_redis: RedisServer, pods_on: MakePods) -> None:
    pods = await pods_on(own_redis.url, 2)
    alice, bob = await pods[0].join("alice", v1=True), await pods[1].join("bob")
    pods[0].service._parts = dataclasses.replace(pods[0].service._parts, hurry=0.5)
    own_redis.freeze()
    await alice.say("call.start", callee_id="bob")
    assert (await alice.heard("error"))["code"] == "unavailable"
    own_redis.thaw()
    await healthy(pods)
    await until(lambda: len(alice.connection.of("call.ended")) == len(alice.connection.of("call.ringing")))
    await until(lambda: len(bob.connection.of("call.ended")) == len(bob.connection.of("call.ring")))
    await bob.say("call.start", callee_id="alice")
    await alice.heard("call.ring")


@pytest.mark.parametrize("v1", [False, True])
@pytest.mark.parametrize("how", ["hangs up", "leaves"])
async def test_a_hang_up_outlives_the_loss_of_redis(own_redis: RedisServer, pods_on: MakePods, how: str, v1: bool) -> None:
    pods = await pods_on(own_redis.url, 2, PATIENT)
    alice, bob = await pods[0].join("alice", v1=v1), await pods[1].join("bob", v1=True)
    session = await in_call(alice, bob)
    pods[0].service._parts = dataclasses.replace(pods[0].service._parts, patience=0.3)
    own_redis.stop()
    if how == "hangs up":
        await alice.say("call.end", session_id=session)
        losing = asyncio.create_task(alice.lose())
    else:
        losing = asyncio.create_task(alice.leave())
    own_redis.start()
    ended = await bob.heard("call.ended")
    assert ended["cause"] == ("hangup" if how == "hangs up" else "left")
    await losing


@pytest.mark.parametrize("v1", [False, True])
@pytest.mark.parametrize("how", ["hangs up", "leaves"])
async def test_a_hang_up_that_redis_did_not_take_counts_though_its_user_is_elsewhere_by_now(
    redis_server: RedisServer, pods: list[Pod], cell: str, how: str, v1: bool
) -> None:
    async with FaultProxy(redis_server.port) as proxy:
        cut_off = await Pod("cut off", f"redis://127.0.0.1:{proxy.port}/0", cell).start()
        cut_off.service._parts = dataclasses.replace(cut_off.service._parts, patience=0.3)
        alice, bob = await cut_off.join("alice", v1=v1), await pods[1].join("bob", v1=True)
        session = await in_call(alice, bob)
        proxy.refusing = True
        proxy.cut()
        if how == "hangs up":
            await alice.say("call.end", session_id=session)
            losing = asyncio.create_task(alice.lose())
        else:
            losing = asyncio.create_task(alice.leave())
        await pods[2].join("alice", v1=v1)
        proxy.refusing = False
        assert (await bob.heard("call.ended"))["cause"] == ("hangup" if how == "hangs up" else "left")
        await losing
        await asyncio.sleep(0.1)  # for an answer, which would be wrong: the number is not used up
        assert [ack["n"] for ack in alice.connection.of("ack")] == ([1] if v1 else [])
        await cut_off.kill()


async def test_a_replica_whose_clock_is_behind_and_that_knows_less_takes_over(
    own_redis: RedisServer, pods_on: MakePods, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Revisions must rise all the same, or its users would be told nothing of new calls."""
    pods = await pods_on(own_redis.url, 2)
    alice, bob = await pods[0].join("alice"), await pods[1].join("bob")
    await in_call(alice, bob)
    await alice.say("call.end", session_id=(await bob.heard("call.ring"))["session_id"])
    await bob.heard("call.ended")
    base = pods[0].store.channel.partition("ch:")[0]
    for user in ("alice", "bob"):
        own_redis.ask("COPY", f"{base}r:{user}", f"{base}replica:{user}")
    await alice.say("call.end", session_id=await in_call(alice, bob))
    await bob.heard("call.ended", 2)
    for user in ("alice", "bob"):
        own_redis.ask("RENAME", f"{base}replica:{user}", f"{base}r:{user}")
    for pod in pods:
        monkeypatch.setattr(pod.store, "now", lambda now=pod.store.now: now() - 60 * SECOND)
    own_redis.ask("DEL", base + "ledger")
    await healthy(pods)
    await alice.say("call.start", callee_id="bob")
    await alice.heard("call.ringing", 3)
    await bob.heard("call.ring", 3)


@pytest.mark.parametrize("pushed", [False, True])
async def test_a_ring_that_nobody_has_answered_is_pushed_after_a_loss(
    own_redis: RedisServer, pods_on: MakePods, monkeypatch: pytest.MonkeyPatch, pushed: bool
) -> None:
    pods = await pods_on(own_redis.url, 2)
    alice = await pods[0].join("alice", v1=True)
    if not pushed:
        await pods[1].join("bob", alive=False)

    async def hang(pusher: RecordingPusher, call: Call) -> Report:
        pusher.rung.append(call.id)
        await asyncio.Event().wait()
        return pusher.answer

    monkeypatch.setattr(RecordingPusher, "ring", hang)
    await alice.say("call.start", callee_id="bob", callee_device_token="device", callee_os="ios")
    own_redis.ask("FLUSHALL")
    await healthy(pods)
    await until(lambda: len([call for pod in pods for call in pod.pusher.rung]) > pushed)


async def test_a_deadline_that_this_release_cannot_read_holds_up_no_other(own_redis: RedisServer, pods_on: MakePods) -> None:
    (pod,) = await pods_on(own_redis.url, 1)
    alice, bob = await pod.join("alice"), await pod.join("bob")
    session = await in_call(alice, bob)
    base = pod.store.channel.partition("ch:")[0]
    await alice.lose()
    own_redis.ask("ZADD", base + "d", own_redis.ask("ZSCORE", base + "d", f"l:{session}:alice"), f"y:{session}:")
    await bob.heard("call.ended")
