"""Keys in Redis expire, calls do not: a call of hours is a call."""

import dataclasses

import pytest
from harness.pods import QUICK, QUICK_PACE, Pod, in_call
from harness.redis import RedisServer
from harness.waiting import until

SHORT = 5_000
"""ms that keys have left, instead of quarters of an hour."""
LONG = 600_000


@pytest.mark.parametrize("v1", [False, True])
async def test_what_a_call_needs_is_renewed_as_long_as_it_lasts(own_redis: RedisServer, cell: str, v1: bool) -> None:
    pace = dataclasses.replace(QUICK_PACE, touch=0.3)
    pods = [await Pod(f"pod-{number}", own_redis.url, cell, QUICK, pace).start() for number in range(2)]
    try:
        alice, bob = await pods[0].join("alice", v1=v1), await pods[1].join("bob", v1=v1)
        session = await in_call(alice, bob)
        needed = own_redis.ask("KEYS", f"{{carillon:{cell}}}:*")
        assert {key.rsplit("}:")[1][:2] for key in needed} >= {"le", "p:", "r:", "c:", "d", "h", "po"}
        inboxes = {key for key in needed if key.rsplit("}:")[1][:2] in ("i:", "j:")}  # said once, and then of no use
        for key in needed:
            own_redis.ask("PEXPIRE", key, SHORT)
        await until(lambda: all(own_redis.ask("PTTL", key) > LONG for key in set(needed) - inboxes))
        await alice.say("webrtc.ice", session_id=session, candidate="hours later")
        await bob.heard("webrtc.ice")
        await bob.say("call.end", session_id=session)
        await alice.heard("call.ended")
    finally:
        for pod in pods:
            await pod.kill()
