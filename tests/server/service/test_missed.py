"""What a pod's channel lost is fetched: whole, or with the news that it is not."""

import asyncio
import dataclasses
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from harness.faults import FaultProxy
from harness.pods import QUICK_PACE, Deaf, Pod, in_call
from harness.redis import RedisServer
from harness.waiting import until

from carillon.errors import StoreUnavailable
from carillon.protocol import ResumePayload
from carillon.store.scripts import Script
from carillon.store.store import Keeping


async def test_more_than_an_inbox_keeps_is_announced_and_the_call_goes_on(pods: list[Pod]) -> None:
    alice, bob = await pods[0].join("alice", v1=True), await pods[1].join("bob", v1=True)
    session = await in_call(alice, bob)
    pods[0].store._keeping = Keeping(inbox_entries=8)
    deaf = Deaf(pods[1])
    for number in range(20):
        await alice.say("webrtc.ice", session_id=session, candidate=str(number))
    await deaf.hear()
    await alice.say("webrtc.ice", session_id=session, candidate="after")
    welcome = await bob.heard("session.welcome", 2)
    assert welcome["recovered"] is False
    assert welcome["call"] == session
    await alice.say("webrtc.ice", session_id=session, candidate="live")
    await until(lambda: "live" in [ice["candidate"] for ice in bob.connection.of("webrtc.ice")])
    last = max(at for at, type_ in enumerate(bob.connection.types) if type_ == "session.welcome")
    numbers = [message["seq"] for message in bob.connection.messages[last:] if "seq" in message]
    first = bob.connection.of("session.welcome")[-1]["seq"] + 1
    assert numbers == [*range(first, first + len(numbers))]


async def test_a_replay_that_fails_is_asked_for_again(pods: list[Pod], monkeypatch: pytest.MonkeyPatch) -> None:
    alice, bob = await pods[0].join("alice", v1=True), await pods[1].join("bob", v1=True)
    session = await in_call(alice, bob)
    deaf = Deaf(pods[1])
    await alice.say("webrtc.ice", session_id=session, candidate="unheard")
    await deaf.hear()
    replay, failures = pods[1].store.replay, [StoreUnavailable("the connection was lost", sent=True)] * 2

    async def fail_first(*arguments: object) -> object:
        if failures:
            raise failures.pop()
        return await replay(*arguments)  # type: ignore[arg-type] # passed on

    monkeypatch.setattr(pods[1].store, "replay", fail_first)
    await alice.say("webrtc.ice", session_id=session, candidate="heard")
    await until(lambda: [ice["candidate"] for ice in bob.connection.of("webrtc.ice")] == ["unheard", "heard"])


async def test_what_is_lost_while_a_replay_is_under_way_is_fetched_as_well(pods: list[Pod], monkeypatch: pytest.MonkeyPatch) -> None:
    alice, bob = await pods[0].join("alice", v1=True), await pods[1].join("bob", v1=True)
    session = await in_call(alice, bob)
    replay, answered, gate, before = pods[1].store.replay, asyncio.Event(), asyncio.Event(), bob.connection.last_seq

    async def slow(*arguments: object) -> object:
        found = await replay(*arguments)  # type: ignore[arg-type] # passed on
        answered.set()
        await gate.wait()
        return found

    monkeypatch.setattr(pods[1].store, "replay", slow)
    for unheard, heard in (("1", "2"), ("3", "4")):
        deaf = Deaf(pods[1])
        await alice.say("webrtc.ice", session_id=session, candidate=unheard)
        await deaf.hear()
        await alice.say("webrtc.ice", session_id=session, candidate=heard)
        await answered.wait()
    await until(lambda: any(seq == before + 4 for seq, *_ in bob.attached.held or []))
    gate.set()
    await until(lambda: [ice["candidate"] for ice in bob.connection.of("webrtc.ice")] == ["1", "2", "3", "4"])


@pytest.mark.parametrize("v1", [False, True])
async def test_a_ring_that_the_channel_lost_is_found_though_the_first_comparison_fails(
    pods: list[Pod], behind_a_proxy: tuple[Pod, FaultProxy], monkeypatch: pytest.MonkeyPatch, v1: bool
) -> None:
    pod, _ = behind_a_proxy
    alice, bob = await pods[0].join("alice"), await pod.join("bob", v1=v1)
    deaf = Deaf(pod)
    await alice.say("call.start", callee_id="bob")
    await alice.heard("call.ringing")
    attend, failures = pod.store.attend, [StoreUnavailable("the connection was lost", sent=True)] * 2

    async def fail_first(*arguments: object) -> object:
        if failures:
            raise failures.pop()
        return await attend(*arguments)  # type: ignore[arg-type] # passed on

    monkeypatch.setattr(pod.store, "attend", fail_first)
    await deaf.hear()
    await pod.subscriber.restart()
    await bob.heard("call.ring")


async def test_a_ring_that_was_fetched_is_confirmed_like_any_other(pods: list[Pod]) -> None:
    alice, bob = await pods[0].join("alice", v1=True), await pods[1].join("bob", v1=True)
    deaf = Deaf(pods[1])
    await alice.say("call.start", callee_id="bob")
    await deaf.hear()
    await pods[1].subscriber.restart()
    await bob.heard("call.ring")
    await bob.say("received", seq=bob.connection.last_seq)
    assert (await alice.heard("call.alerting"))["by"] == "socket"


class FirstRelay:
    """The answer to a pod's first relay is lost; with `kept` the request itself, until it is `sent`."""

    def __init__(self, pod: Pod, *, kept: bool) -> None:
        self._call, self._kept = pod.link.call, kept
        self._relay: Callable[[], Any] | None = None
        pod.link.call = self._ask  # type: ignore[method-assign] # the network's part

    def _ask(self, script: Script, *arguments: Any, **options: Any) -> "asyncio.Future[Any]":
        if script.name != "relay" or self._relay is not None:
            return self._call(script, *arguments, **options)
        self._relay = partial(self._call, script, *arguments, **options)
        if not self._kept:
            self._relay()
        lost: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        lost.set_exception(StoreUnavailable("the connection was lost", sent=True))
        return lost

    async def sent(self) -> None:
        assert self._relay is not None
        await self._relay()


@pytest.mark.parametrize("v1", [False, True])
async def test_a_relay_whose_answer_was_lost_reaches_a_peer_on_the_same_pod(redis_server: RedisServer, cell: str, v1: bool) -> None:
    """Soon, not at the next renewal of their attendance, which this pod never makes."""
    pod = await Pod("pod", redis_server.url, cell, pace=dataclasses.replace(QUICK_PACE, attend=3600)).start()
    alice, bob = await pod.join("alice", v1=v1), await pod.join("bob", v1=True)
    session = await in_call(alice, bob)
    FirstRelay(pod, kept=False)
    await alice.say("webrtc.ice", session_id=session, candidate="c")
    await bob.heard("webrtc.ice")
    await alice.say("call.end", session_id=session)
    await bob.heard("call.ended")
    assert bob.connection.types.count("webrtc.ice") == 1
    await pod.kill()


@pytest.mark.parametrize("v1", [False, True])
async def test_a_relay_that_a_dead_socket_delivers_late_comes_once(redis_server: RedisServer, cell: str, v1: bool) -> None:
    """The first attempt was never answered, and reaches Redis after the second."""
    pod = await Pod("pod", redis_server.url, cell).start()
    alice, bob = await pod.join("alice", v1=v1), await pod.join("bob", v1=True)
    session = await in_call(alice, bob)
    first = FirstRelay(pod, kept=True)
    await alice.say("webrtc.ice", session_id=session, candidate="1")
    await alice.say("webrtc.ice", session_id=session, candidate="2")
    await first.sent()
    await alice.say("call.end", session_id=session)
    await bob.heard("call.ended")
    assert [ice["candidate"] for ice in bob.connection.of("webrtc.ice")] == ["1", "2"]
    await pod.kill()


class LostCommit:
    """The answer to a pod's first commit that is made is lost, and unless `once` all answers to commits from then on, until `hear`."""

    def __init__(self, pod: Pod, *, once: bool) -> None:
        self._pod, self._call, self._once, self._lost = pod, pod.link.call, once, False
        pod.link.call = self._ask  # type: ignore[method-assign, assignment] # the network's part

    async def _ask(self, script: Script, *arguments: Any, **options: Any) -> Any:
        reply = await self._call(script, *arguments, **options)
        if script.name != "commit" or not (self._lost or reply[0] == b"ok"):
            return reply
        self._lost = True
        if self._once:
            self.hear()
        raise StoreUnavailable("the connection was lost", sent=True)

    def hear(self) -> None:
        self._pod.link.call = self._call  # type: ignore[method-assign] # as it was


@pytest.mark.parametrize("given_up", [False, True], ids=["asked again", "given up and said again"])
async def test_a_refusal_whose_answer_was_lost_is_told_at_once_and_not_acknowledged(
    redis_server: RedisServer, cell: str, given_up: bool
) -> None:
    """By the inbox alone: this pod never compares what it holds with Redis."""
    pod = await Pod("pod", redis_server.url, cell, pace=dataclasses.replace(QUICK_PACE, attend=3600)).start()
    alice = await pod.join("alice", v1=True)
    pod.service._parts = dataclasses.replace(pod.service._parts, hurry=0.3)
    lost = LostCommit(pod, once=not given_up)
    await alice.say("call.start", n=1, callee_id="nobody")
    if given_up:
        assert (await alice.heard("error"))["code"] == "unavailable"
        lost.hear()
        await alice.say("call.start", n=1, callee_id="nobody")
    refused = await alice.heard("error", 1 + given_up)
    assert (refused["n"], refused["code"]) == (1, "user_offline")
    await alice.say("call.end", n=2, session_id="none")
    assert [error["n"] for error in alice.connection.of("error")][1 + given_up :] == [2]
    assert not alice.connection.of("ack")
    await pod.kill()


@pytest.mark.parametrize("resume", [None, ResumePayload("another", "another", 3, 7)], ids=["fresh", "after a loss"])
async def test_what_comes_between_two_tries_of_an_attach_counts_in_one_inbox(
    pods: list[Pod], monkeypatch: pytest.MonkeyPatch, resume: ResumePayload | None
) -> None:
    """The first was never answered. What came then is parked, and must not be counted in another inbox that the second begins."""
    pod, alice = pods[0], await pods[1].join("alice")
    attach, tries = pod.store.attach, []

    async def unanswered(*arguments: Any, **options: Any) -> Any:
        tries.append(await attach(*arguments, **options))
        if len(tries) > 1:
            return tries[-1]
        await alice.say("call.start", callee_id="bob")
        await until(lambda: "bob" in pod.hub.parked)
        raise StoreUnavailable("the connection was lost", sent=True)

    monkeypatch.setattr(pod.store, "attach", unanswered)
    bob = await pod.join("bob", v1=True, resume=resume)
    session = (await alice.heard("call.ringing"))["session_id"]
    stated = list(bob.connection.messages)
    await alice.say("call.end", session_id=session)
    await bob.heard("call.missed")
    assert stated == [{"type": "session.welcome", "payload": {"recovered": False, "call": session, "n": 0, "seq": 1}}]
    first, second = tries
    assert (first.session, first.epoch, first.generation) == (second.session, second.epoch, second.generation)
