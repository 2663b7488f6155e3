"""What a pod's channel lost is fetched: whole, or with the news that it is not."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from harness.faults import FaultProxy
from harness.pods import Deaf, Pod, in_call, until
from harness.redis import RedisServer

from carillon.errors import StoreUnavailable
from carillon.store.store import Keeping


@pytest.fixture
async def behind_a_proxy(redis_server: RedisServer, cell: str) -> AsyncIterator[tuple[Pod, FaultProxy]]:
    async with FaultProxy(redis_server.port) as proxy:
        pod = await Pod("proxied", f"redis://127.0.0.1:{proxy.port}/0", cell).start()
        yield pod, proxy
        await pod.kill()


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
    numbers = [
        message["seq"] for message in bob.connection.messages[bob.connection.types.index("session.welcome", 1) :] if "seq" in message
    ]
    assert numbers == [*range(welcome["seq"] + 1, numbers[-1] + 1)]


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
