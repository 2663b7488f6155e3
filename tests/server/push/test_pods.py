"""Pushes of several pods: who sends one often has neither user, and hears last of what becomes of the call."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

import pytest
from harness.pods import MS, QUICK_PACE, Pod
from harness.redis import RedisServer
from harness.waiting import until

from carillon.call import Rules
from carillon.config import PushSettings
from carillon.push import Kind, Outcome, PushRequest, PushSender
from carillon.push.outcome import Attempt
from carillon.sweeper import Pace

RULES = Rules(ring=6000 * MS, grace=3000 * MS, lease=4000 * MS, confirm=200 * MS, merge=5000 * MS, reattach=400 * MS, push_retry=1500 * MS)
CLAIMS_NOTHING = Pace(lease=1.0, renew=0.2, sweep=600, attend=0.3, echo=0.6, oldest_tick=1.5)
DEVICE = {"callee_device_token": "token", "callee_os": "android"}
OK, TROUBLE, DEAD = Attempt(Outcome.DELIVERED, 200), Attempt(Outcome.PROVIDER_ERROR, 503), Attempt(Outcome.DEAD_TOKEN, 404)
RING, CANCEL = Kind.INCOMING_CALL, Kind.CALL_CANCELLED


@dataclass
class Provider:
    """What one pod sends. answer: the next attempt's; may wait."""

    name = "fcm"
    remarks: list[str] = field(default_factory=list)
    sent: list[Kind] = field(default_factory=list)
    arrived: list[Kind] = field(default_factory=list)
    answer: Callable[[], Awaitable[Attempt]] = field(default=lambda: asyncio.sleep(0, OK))

    async def attempt(self, request: PushRequest, kind: Kind, timeout: float) -> tuple[Attempt, tuple[str, ...]]:
        self.sent.append(kind)
        attempt = await self.answer()
        if attempt is OK:
            self.arrived.append(kind)
        return attempt, ()

    async def close(self) -> None:
        pass

    def answers(self, *attempts: Attempt) -> None:
        """In this order, the last one for ever."""
        left = list(attempts)
        self.answer = lambda: asyncio.sleep(0, left.pop(0) if len(left) > 1 else left[0])

    def hangs(self, then: Attempt) -> Callable[[], None]:
        """Answer nothing until the function that this returns is called."""
        gate = asyncio.Event()

        async def answer() -> Attempt:
            await gate.wait()
            return then

        self.answer = answer
        return gate.set


@dataclass
class Cell:
    """Callers are at the first pod, callees at the second; the third has nobody, and alone acts on deadlines."""

    pods: list[Pod]
    providers: list[Provider]

    @property
    def arrived(self) -> list[Kind]:
        return [kind for provider in self.providers for kind in provider.arrived]


@pytest.fixture
async def three(redis_server: RedisServer, cell: str) -> AsyncIterator[Cell]:
    providers = [Provider() for _ in range(3)]
    senders = [PushSender({"android": provider}, PushSettings()) for provider in providers]
    paces = (CLAIMS_NOTHING, CLAIMS_NOTHING, QUICK_PACE)
    pods = [await Pod(f"pod-{number}", redis_server.url, cell, RULES, pace).start() for number, pace in enumerate(paces)]
    for pod, sender in zip(pods, senders, strict=True):
        pod.push_through(sender)
    yield Cell(pods, providers)
    for sender in senders:
        await sender.close()
    for pod in pods:
        await pod.kill()


async def test_a_ring_that_arrives_after_its_caller_hung_up_is_taken_back(three: Cell) -> None:
    last = three.providers[2]
    release = last.hangs(then=OK)
    alice = await three.pods[0].join("alice", v1=True)
    await three.pods[1].join("bob", v1=True, alive=False)
    await alice.say("call.start", callee_id="bob", **DEVICE)
    await until(lambda: last.sent == [RING])
    await alice.say("call.end", session_id=(await alice.heard("call.ringing"))["session_id"])
    release()
    await until(lambda: last.arrived == [RING, CANCEL])
    await asyncio.sleep(0.2)  # for a second cancel, which would be wrong
    assert three.arrived == [RING, CANCEL]


async def test_a_refused_ring_of_which_one_attempt_may_have_arrived_is_taken_back(three: Cell) -> None:
    three.providers[2].answers(Attempt(Outcome.TIMEOUT), DEAD)
    alice = await three.pods[0].join("alice", v1=True)
    await three.pods[1].join("bob", v1=True, alive=False)
    await alice.say("call.start", callee_id="bob", **DEVICE)
    assert (await alice.heard("call.alerting"))["by"] == "failed"
    await alice.say("call.end", session_id=(await alice.heard("call.ringing"))["session_id"])
    await until(lambda: three.arrived == [CANCEL])


@pytest.mark.parametrize("answered", [True, False])
async def test_a_call_that_rings_no_more_on_another_pod_is_not_rung_again(three: Cell, answered: bool) -> None:
    last = three.providers[2]
    last.answers(TROUBLE)
    alice, bob = await three.pods[0].join("alice", v1=True), await three.pods[1].join("bob", v1=True, alive=False)
    await alice.say("call.start", callee_id="bob", **DEVICE)
    session = (await alice.heard("call.ringing"))["session_id"]
    await until(lambda: last.sent == [RING])
    if answered:
        await bob.say("call.accept", session_id=session)
    else:
        await alice.say("call.end", session_id=session)
    last.answers(OK)
    await three.pods[2].engine.background.finish(5)
    assert RING not in three.arrived


async def test_a_push_that_fails_does_not_hide_that_the_app_has_answered(three: Cell) -> None:
    last = three.providers[2]
    release = last.hangs(then=DEAD)
    alice, bob = await three.pods[0].join("alice", v1=True), await three.pods[1].join("bob", v1=True)
    await alice.say("call.start", callee_id="bob", **DEVICE)
    await until(lambda: last.sent == [RING])
    await bob.say("received", seq=bob.connection.last_seq)
    await alice.heard("call.alerting")
    release()
    await three.pods[2].engine.background.finish(5)
    await asyncio.sleep(0.2)  # for another alert, which would be wrong
    assert [told["by"] for told in alice.connection.of("call.alerting")] == ["socket"]


async def test_a_push_that_fails_does_not_hide_that_of_another_pod(three: Cell) -> None:
    first, last = three.providers[0], three.providers[2]
    release = first.hangs(then=DEAD)
    alice = await three.pods[0].join("alice", v1=True)
    await alice.say("call.start", callee_id="bob", **DEVICE)
    await until(lambda: last.arrived == [RING])
    await alice.heard("call.alerting")
    release()
    await three.pods[0].engine.background.finish(5)
    await asyncio.sleep(0.2)  # for another alert, which would be wrong
    assert [told["by"] for told in alice.connection.of("call.alerting")] == ["push"]
    first.answers(OK)
    await alice.say("call.end", session_id=(await alice.heard("call.ringing"))["session_id"])
    await until(lambda: three.arrived == [CANCEL, RING])
