"""One of two servers goes under live calls: none ends, and every client has every message exactly once, in order."""

import asyncio

from harness.redis import RedisServer
from harness.server import ServerProcess, User
from harness.talks import in_the_middle, talks
from harness.waiting import until

CALLS = 200
REAL = {"GRACE_PERIOD": "120", "ATTENDANCE_RENEWAL": "10", "PING_INTERVAL": "10", "PING_TIMEOUT": "10"}
REAL |= {"POD_LEASE": "10", "POD_RENEWAL": "2", "RATE_LIMITS": "off"}
"""The defaults, but for the grace: 400 clients in one process come back in a second or two, on a machine at its limit in a minute."""


async def test_a_killed_server_ends_no_call(redis_server: RedisServer, cell: str) -> None:
    with (
        ServerProcess(redis_server.url, cell, **REAL) as doomed,
        ServerProcess(redis_server.url, cell, **REAL) as other,
    ):
        servers = [doomed, other]

        def kill() -> None:
            servers.remove(doomed)
            doomed.kill()

        async with talks(servers, CALLS) as there:
            await in_the_middle(there, kill)
            await there.heard_all()
            assert there.moved > 0


async def test_a_server_that_leaves_ends_no_call_and_leaves_nothing_in_redis(redis_server: RedisServer, cell: str) -> None:
    """SIGTERM, as a rollout sends it; the reference's clients are told by 1012 to come back, and do."""
    with (
        ServerProcess(redis_server.url, cell, DRAIN_DELAY="1", DRAIN_SECONDS="3") as leaving,
        ServerProcess(redis_server.url, cell, DRAIN_SECONDS="3") as other,
    ):
        servers = [leaving, other]
        alice, bob = await User.join(leaving, "alice"), await User.join(other, "bob")
        await alice.say("call.start", callee_id="bob")
        await alice.hear("call.ringing")
        session = (await bob.hear("call.ring"))["session_id"]
        await bob.say("call.accept", session_id=session)
        await alice.hear("call.accepted")

        def terminate() -> None:
            servers.remove(leaving)
            leaving.terminate()

        async with talks(servers, 20) as there:
            await in_the_middle(there, terminate)
            assert await alice.code() == 1012
            alice = await User.join(other, "alice")
            await alice.say("webrtc.ice", session_id=session, candidate="back")
            await bob.hear("webrtc.ice")
            await there.heard_all()
            assert await asyncio.to_thread(leaving.wait) == 0
        other.terminate()
        assert await asyncio.to_thread(other.wait) == 0
    keys = redis_server.ask("KEYS", f"{{carillon:{cell}}}:*")
    assert [key for key in keys if redis_server.ask("PTTL", key) < 0] == []
    await until(lambda: not redis_server.ask("EXISTS", f"{{carillon:{cell}}}:pods"))
