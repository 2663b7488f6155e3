"""What a call of two reference clients costs Redis, by its own count, which includes the commands inside scripts."""

from collections.abc import AsyncIterator

import pytest
from harness.pods import QUICK, Client, Pod, in_call
from harness.redis import RedisServer
from harness.waiting import until

from carillon.call import Rules
from carillon.sweeper import Pace

STILL = Pace(lease=600, renew=300, sweep=300, attend=300, echo=600, oldest_tick=600)
"""No clockwork, whose commands do not depend on the number of calls."""


@pytest.fixture
async def still_pods(own_redis: RedisServer, cell: str) -> AsyncIterator[list[Pod]]:
    rules = Rules(ring=60 * 10**6, grace=QUICK.grace)
    pods = [await Pod(f"pod-{number}", own_redis.url, cell, rules, STILL).start() for number in range(2)]
    yield pods
    for pod in pods:
        await pod.kill()


@pytest.mark.parametrize(("other", "most"), [(0, 15), (1, 40)], ids=["one server", "two servers"])
async def test_a_whole_call(own_redis: RedisServer, still_pods: list[Pod], other: int, most: int) -> None:
    alice, bob = await still_pods[0].join("alice"), await still_pods[other].join("bob")
    await whole_call(alice, bob)
    own_redis.ask("CONFIG", "RESETSTAT")
    await whole_call(alice, bob)
    counts = {name: int(of["calls"]) for name, of in own_redis.ask("INFO", "COMMANDSTATS").items()}
    for side in ("cmdstat_config|resetstat", "cmdstat_config", "cmdstat_info"):
        counts.pop(side, None)
    print(sum(counts.values()), counts)
    assert sum(counts.values()) <= most, counts


async def test_the_deadlines_of_calls_that_are_over_cost_little_and_delay_no_live_one(own_redis: RedisServer, cell: str) -> None:
    pod = await Pod("pod", own_redis.url, cell, Rules(ring=200_000, grace=QUICK.grace), STILL).start()
    alice, bob = await pod.join("alice"), await pod.join("bob")
    await alice.say("call.start", callee_id="bob")
    session = (await bob.heard("call.ring"))["session_id"]
    deadlines = f"{{carillon:{cell}}}:d"
    for number in range(1000):
        own_redis.ask("ZADD", deadlines, 1, f"r:gone-{number}:")
    call = bob.attached.live_call
    assert call is not None
    await until(lambda: pod.store.now() > call.ring_until)
    own_redis.ask("CONFIG", "RESETSTAT")
    await pod.sweeper.sweep()
    assert (await bob.heard("call.ended"))["session_id"] == session
    assert sum(int(of["calls"]) for of in own_redis.ask("INFO", "COMMANDSTATS").values()) < 50
    assert own_redis.ask("ZCARD", deadlines) < 5
    await pod.kill()


async def whole_call(alice: Client, bob: Client) -> None:
    """Ring, accept, offer, answer, ten candidates each way, end."""
    ends = len(bob.connection.of("call.ended"))
    offers, answers = len(bob.connection.of("webrtc.offer")), len(alice.connection.of("webrtc.answer"))
    candidates = len(bob.connection.of("webrtc.ice"))
    session = await in_call(alice, bob)
    await alice.say("webrtc.offer", session_id=session, sdp="o")
    await bob.heard("webrtc.offer", offers + 1)
    await bob.say("webrtc.answer", session_id=session, sdp="a")
    await alice.heard("webrtc.answer", answers + 1)
    for number in range(10):
        await alice.say("webrtc.ice", session_id=session, candidate=str(number))
        await bob.heard("webrtc.ice", candidates + number + 1)
        await bob.say("webrtc.ice", session_id=session, candidate=str(number))
        await alice.heard("webrtc.ice", candidates + number + 1)
    await alice.say("call.end", session_id=session)
    await bob.heard("call.ended", ends + 1)
