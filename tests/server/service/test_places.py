"""Where users are: connections replaced, undone, silently gone; pods that die."""

import asyncio
import dataclasses
from collections.abc import AsyncIterator
from typing import Any

import pytest
from harness.faults import FaultProxy
from harness.pods import MS, QUICK, QUICK_PACE, Client, FakeConnection, MakePods, Pod, healthy, in_call
from harness.redis import RedisServer
from harness.waiting import until
from msgspec.structs import replace

from carillon.errors import Close, Refused
from carillon.protocol import UserInfo
from carillon.service import ask
from carillon.store.records import NOWHERE, Head


async def late_attach(pod: Pod, client: Client) -> None:
    """A second socket of the same client that dies before its attach is answered."""
    connection = FakeConnection()
    connection.closed = True
    assert await pod.attacher.attach(connection, client.attached.user, v1=client.v1, resume=client.resume) is None


@pytest.mark.parametrize("v1", [False, True])
@pytest.mark.parametrize("where", [0, 2], ids=["same pod", "another pod"])
async def test_a_socket_that_died_while_it_attached_harms_the_living_one_nothing(pods: list[Pod], v1: bool, where: int) -> None:
    alice, bob = await pods[0].join("alice", v1=v1), await pods[1].join("bob", v1=v1)
    session = await in_call(alice, bob)
    before = alice.attached.generation
    await late_attach(pods[where], alice)
    await alice.say("webrtc.ice", session_id=session, candidate="still here")
    await bob.heard("webrtc.ice")
    await until(lambda: alice.attached.generation > before)
    await bob.say("webrtc.ice", session_id=session, candidate="I see")
    await alice.heard("webrtc.ice")
    assert not alice.connection.closed


@pytest.mark.parametrize("v1", [False, True])
async def test_what_is_said_while_a_dying_socket_has_the_place_is_told_to_the_living_one(
    pods: list[Pod], monkeypatch: pytest.MonkeyPatch, v1: bool
) -> None:
    alice, bob = await pods[0].join("alice", v1=v1), await pods[1].join("bob")
    undo, asked, gate = pods[2].store.undo, asyncio.Event(), asyncio.Event()

    async def late(*arguments: Any, **options: Any) -> bool:
        asked.set()
        await gate.wait()
        return await undo(*arguments, **options)

    monkeypatch.setattr(pods[2].store, "undo", late)
    dying = asyncio.create_task(late_attach(pods[2], alice))
    await asked.wait()
    await bob.say("call.start", callee_id="alice")
    await bob.heard("call.ringing")
    gate.set()
    await dying
    await alice.heard("call.ring")


@pytest.mark.parametrize("v1", [False, True])
@pytest.mark.parametrize("undone", ["before", "after"])
async def test_a_socket_that_dies_while_it_attaches_to_a_redis_that_lost_its_data(
    own_redis: RedisServer, cell: str, monkeypatch: pytest.MonkeyPatch, v1: bool, undone: str
) -> None:
    """Its attach comes before the living connection is said again; its undoing before or after. A call that nobody else knows is kept."""
    pods = [await Pod(name, own_redis.url, cell, replace(QUICK, ring=60_000 * MS)).start() for name in ("living", "dying")]
    alice = await pods[0].join("alice", v1=v1)
    await alice.say("call.start", callee_id="bob", callee_device_token="device", callee_os="ios")
    session = (await alice.heard("call.ringing"))["session_id"]
    register, undo, taken, asked, gate = pods[0].store.register, pods[1].store.undo, asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def later(*arguments: Any, **options: Any) -> Any:
        await (gate if undone == "before" else taken).wait()
        asked.set()
        return await register(*arguments, **options)

    async def sooner_or_later(*arguments: Any, **options: Any) -> bool:
        taken.set()
        if undone == "after":
            await asked.wait()
            await pods[0].store.touch([])  # behind the registration on its link
        done = await undo(*arguments, **options)
        gate.set()
        return done

    monkeypatch.setattr(pods[0].store, "register", later)
    monkeypatch.setattr(pods[1].store, "undo", sooner_or_later)
    own_redis.ask("FLUSHALL")
    await late_attach(pods[1], alice)
    await healthy(pods)
    assert not alice.connection.closed
    bob = await pods[1].join("bob")
    assert (await bob.heard("call.ring"))["session_id"] == session
    await bob.say("call.accept", session_id=session)
    await alice.heard("call.accepted")
    for pod in pods:
        await pod.kill()


@pytest.mark.parametrize("v1", [False, True])
async def test_an_attach_that_is_given_up_and_runs_late_takes_no_place(
    pods: list[Pod], behind_a_proxy: tuple[Pod, FaultProxy], v1: bool
) -> None:
    """Who tries another pod in an outage keeps the old socket when it is refused there."""
    pod, proxy = behind_a_proxy
    alice, bob = await pods[0].join("alice", v1=v1), await pods[1].join("bob", v1=v1)
    session = await in_call(alice, bob)
    before = alice.attached.generation
    proxy.silence_replies()
    with pytest.raises(Refused):
        await pod.attacher.attach(FakeConnection(), alice.attached.user, v1=v1, resume=alice.resume, patience=0.5)
    proxy.resume()
    await until(lambda: alice.attached.generation > before)
    await bob.say("webrtc.ice", session_id=session, candidate="are you there")
    await alice.heard("webrtc.ice")
    await alice.say("webrtc.ice", session_id=session, candidate="still here")
    await bob.heard("webrtc.ice")
    assert not alice.connection.closed


class Reclaim:
    """A client's first connection takes its place back from one that died, its word to Redis held up until `let_go`."""

    def __init__(self, pod: Pod, monkeypatch: pytest.MonkeyPatch) -> None:
        self._attach, self._gate, self._asked, self._done = pod.store.attach, asyncio.Event(), asyncio.Event(), asyncio.Event()
        monkeypatch.setattr(pod.store, "attach", self._late)

    async def _late(self, *arguments: Any, **options: Any) -> Any:
        if self._asked.is_set():
            return await self._attach(*arguments, **options)
        self._asked.set()
        await self._gate.wait()
        try:
            return await self._attach(*arguments, **options)
        finally:
            self._done.set()

    async def asked(self) -> None:
        await self._asked.wait()

    async def let_go(self) -> None:
        self._gate.set()
        await self._done.wait()


@pytest.fixture
async def forgetful(redis_server: RedisServer, cell: str) -> AsyncIterator[list[Pod]]:
    """Pods that never compare what they hold with Redis: what is not told is not found."""
    pods = [await Pod(name, redis_server.url, cell, pace=dataclasses.replace(QUICK_PACE, attend=3600)).start() for name in ("a", "b", "c")]
    yield pods
    for pod in pods:
        await pod.kill()


@pytest.mark.parametrize("v1", [False, True])
@pytest.mark.parametrize("first", ["lives", "is lost"])
@pytest.mark.parametrize("where", [0, 1], ids=["same pod", "another pod"])
async def test_a_place_is_not_taken_back_from_a_later_connection(
    forgetful: list[Pod], monkeypatch: pytest.MonkeyPatch, v1: bool, first: str, where: int
) -> None:
    """It came when the place was empty, so nobody told the first one of it."""
    monkeypatch.setattr(ask, "RECLAIM", 0.5)
    alice, bob = await forgetful[0].join("alice", v1=v1), await forgetful[2].join("bob")
    reclaim = Reclaim(forgetful[0], monkeypatch)
    await late_attach(forgetful[1], alice)
    await reclaim.asked()
    if first == "is lost":
        await alice.lose()
    later = await forgetful[where].join("alice", v1=v1, resume=alice.resume)
    await reclaim.let_go()
    await bob.say("call.start", callee_id="alice")
    session = (await later.heard("call.ring"))["session_id"]
    await later.say("call.accept", session_id=session)
    await bob.heard("call.accepted")
    if first == "lives":
        await until(lambda: alice.connection.code == Close.NORMAL)
    await asyncio.sleep(1)  # for a close, which would be wrong
    assert not later.connection.closed


@pytest.mark.parametrize("v1", [False, True])
async def test_a_place_that_two_dying_sockets_had_goes_back_to_the_living_one(
    forgetful: list[Pod], monkeypatch: pytest.MonkeyPatch, v1: bool
) -> None:
    """The second attached when the first was undone, and before its place was taken back."""
    alice, bob = await forgetful[0].join("alice", v1=v1), await forgetful[2].join("bob")
    reclaim = Reclaim(forgetful[0], monkeypatch)
    await late_attach(forgetful[1], alice)
    await reclaim.asked()
    undo = forgetful[1].store.undo

    async def late(*arguments: Any, **options: Any) -> bool:
        await reclaim.let_go()
        return await undo(*arguments, **options)

    monkeypatch.setattr(forgetful[1].store, "undo", late)
    await late_attach(forgetful[1], alice)
    await bob.say("call.start", callee_id="alice")
    await alice.heard("call.ring")
    assert not alice.connection.closed


@pytest.mark.parametrize("v1", [False, True])
async def test_a_place_taken_by_a_dying_socket_is_found_empty_though_nobody_was_told(pods: list[Pod], v1: bool) -> None:
    """The pod that was to undo its attach died before it did, or its word was lost."""
    alice, bob = await pods[0].join("alice", v1=v1), await pods[1].join("bob", v1=v1)
    session = await in_call(alice, bob)
    before = alice.attached.generation
    doomed = pods.pop()
    await doomed.store.attach("alice", v1=v1, attach_id="dies", session=alice.attached.session, epoch=alice.attached.epoch)
    await doomed.kill()
    await until(lambda: alice.attached.generation > before)
    await bob.say("webrtc.ice", session_id=session, candidate="are you there")
    await alice.heard("webrtc.ice")
    assert not alice.connection.closed


async def test_an_attach_whose_answer_was_lost_still_replaces_the_old_connection(
    pods: list[Pod], behind_a_proxy: tuple[Pod, FaultProxy]
) -> None:
    pod, proxy = behind_a_proxy
    old = await pods[0].join("alice")
    proxy.lose_replies()
    new = await pod.join("alice")
    await until(lambda: old.connection.code == 1000)
    bob = await pods[1].join("bob")
    await bob.say("call.start", callee_id="alice")
    await new.heard("call.ring")


@pytest.mark.parametrize("token", [None, "device"])
async def test_a_ring_for_a_connection_that_is_not_there_goes_on_as_if_offline(pods: list[Pod], token: str | None) -> None:
    alice, bob = await pods[0].join("alice", v1=True), await pods[1].join("bob")
    pods[1].hub.remove(bob.attached)
    await alice.say("call.start", callee_id="bob", callee_device_token=token, callee_os="ios")
    alerting = await alice.heard("call.alerting")
    assert alerting["by"] == ("push" if token else "failed")
    await alice.say("call.end", session_id=(await alice.heard("call.ringing"))["session_id"])
    await alice.say("call.start", callee_id="bob")
    assert (await alice.heard("error"))["code"] == "user_offline"


async def test_nothing_more_is_sent_to_a_pod_that_nobody_hears(pods: list[Pod]) -> None:
    alice, bob = await pods[0].join("alice"), await pods[1].join("bob")
    session = await in_call(alice, bob)
    await pods[1].kill()
    await alice.say("webrtc.ice", session_id=session, candidate="into the void")
    await until(lambda: alice.attached.peer == NOWHERE)
    back = await pods[2].join("bob")
    await until(lambda: alice.attached.peer.pod == pods[2].name)
    await alice.say("webrtc.ice", session_id=session, candidate="found again")
    await back.heard("webrtc.ice")


async def test_a_start_is_judged_when_the_wait_for_a_lost_callee_is_over(redis_server: RedisServer, cell: str) -> None:
    """However short the patience with Redis: that bounds another wait."""
    pod = await Pod("patient", redis_server.url, cell, replace(QUICK, reattach=1200 * MS)).start()
    pod.service._parts = dataclasses.replace(pod.service._parts, hurry=0.5)
    alice, bob = await pod.join("alice", v1=True), await pod.join("bob")
    await bob.lose()
    await alice.say("call.start", callee_id="bob")
    assert (await alice.heard("error"))["code"] == "user_offline"
    await pod.kill()


async def test_a_ringing_caller_who_returns_keeps_the_ring_to_its_end(pods: list[Pod]) -> None:
    """A reference client need not say anything meanwhile, though its lease is shorter than the ring."""
    alice, bob = await pods[0].join("alice"), await pods[1].join("bob")
    await alice.say("call.start", callee_id="bob")
    await bob.heard("call.ring")
    await alice.lose()
    back = await pods[2].join("alice")
    assert (await back.heard("call.ended"))["reason"] == "no_answer"


async def test_an_end_is_stated_for_two_graces(pods: list[Pod]) -> None:
    async def ended(alice: Client, bob: Client) -> None:
        session = await in_call(alice, bob)
        await alice.lose()
        await bob.say("call.end", session_id=session)

    alice, bob = await pods[0].join("alice"), await pods[1].join("bob")
    await ended(alice, bob)
    back = await pods[0].join("alice")
    await back.heard("call.ended")
    await ended(back, bob)
    reservation = back.attached
    long_ago = 2 * QUICK.grace + 200 * MS
    await until(lambda: pods[0].store.now() > reservation.at + long_ago)
    later = await pods[2].join("alice")
    await later.say("call.check", session_id="none")
    assert later.connection.types == ["call.check_result"]


async def test_a_message_said_twice_is_acknowledged_twice_and_done_once(pods: list[Pod]) -> None:
    alice, bob = await pods[0].join("alice", v1=True), await pods[1].join("bob")
    for _ in range(2):
        await alice.say("call.start", n=1, callee_id="bob")
    assert [ack["n"] for ack in alice.connection.of("ack")] == [1, 1]
    await bob.heard("call.ring")
    assert len(alice.connection.of("call.ringing")) == 1


async def test_a_full_redis_still_lets_users_in_and_out(own_redis: RedisServer, pods_on: MakePods) -> None:
    (pod,) = await pods_on(own_redis.url, 1)
    alice, bob = await pod.join("alice"), await pod.join("bob")
    await in_call(alice, bob)
    own_redis.ask("CONFIG", "SET", "maxmemory-policy", "noeviction")
    own_redis.ask("CONFIG", "SET", "maxmemory", "1")
    await pod.join("carol")
    await alice.lose()
    assert (await bob.heard("call.ended"))["reason"] == "peer_disconnected"
    with pytest.raises(Refused):
        await pod.attacher.attach(FakeConnection(), UserInfo("dave"), v1=True, patience=0.0)


async def test_a_late_word_of_an_old_calls_peer_moves_nobody(pods: list[Pod]) -> None:
    """The channel may be slower than the replies: where bob is comes when alice has long called carol."""
    alice, bob, carol = [await pod.join(name) for pod, name in zip(pods, ("alice", "bob", "carol"), strict=True)]
    session = await in_call(alice, bob)
    assert alice.attached.call is not None
    place = bob.attached
    late = Head("p", "alice", alice.attached.generation, 0, alice.attached.call.revision, pods[1].name, place.generation, "r")
    await alice.say("call.end", session_id=session)
    session = await in_call(alice, carol)
    pods[0].router.on_frame(late, b"")
    await alice.say("webrtc.ice", session_id=session, candidate="c")
    await carol.heard("webrtc.ice")
