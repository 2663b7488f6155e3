"""Real servers under live calls while Redis is restarted, frozen, emptied, away, or fails over."""

import asyncio
import json
import time

import pytest
from harness.redis import RedisServer, wait_for
from harness.redis_groups import RedisSentinel
from harness.server import ServerProcess, User, token
from harness.talks import Talks, in_the_middle, of, talks
from harness.waiting import until
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

CALLS = 10


async def goes_on(there: Talks) -> None:
    """What was said during a loss may be lost, and that was announced; the calls stand, and what is said now arrives in order."""
    await until(lambda: all(not client.session.outbox for client in there.everybody), within=40)
    first = there.said
    await there.talk(5, pause=0.05)
    last = str(there.said - 1)
    await until(lambda: all(of(client, "webrtc.ice")[-1]["candidate"] == last for client in there.everybody), within=30)
    for client in there.everybody:
        tail = [ice["candidate"] for ice in of(client, "webrtc.ice") if int(ice["candidate"]) >= first]
        assert tail == [str(number) for number in range(first, there.said)]
    there.live()


def frozen(redis: RedisServer, seconds: float) -> None:
    redis.freeze()
    time.sleep(seconds)
    redis.thaw()


async def test_redis_stands_still_for_longer_than_the_grace(own_redis: RedisServer, cell: str) -> None:
    with ServerProcess(own_redis.url, cell) as one, ServerProcess(own_redis.url, cell) as other:
        async with talks([one, other], CALLS) as there:
            await in_the_middle(there, lambda: frozen(own_redis, 9), rounds=60)
            await there.heard_all()


@pytest.mark.parametrize("wipe", [False, True], ids=["with its data", "empty"])
async def test_redis_is_restarted(own_redis: RedisServer, cell: str, wipe: bool) -> None:
    with ServerProcess(own_redis.url, cell) as one, ServerProcess(own_redis.url, cell) as other:
        async with talks([one, other], CALLS) as there:
            await in_the_middle(there, lambda: own_redis.restart(wipe=wipe))
            await goes_on(there)


async def test_redis_is_emptied(own_redis: RedisServer, cell: str) -> None:
    with ServerProcess(own_redis.url, cell) as one, ServerProcess(own_redis.url, cell) as other:
        async with talks([one, other], CALLS) as there:
            await in_the_middle(there, lambda: own_redis.ask("FLUSHALL"))
            await goes_on(there)


async def test_redis_fails_over(redis_sentinel: RedisSentinel, cell: str) -> None:
    secret = {"REDIS_SENTINEL_PASSWORD": redis_sentinel.sentinel_password}
    with (
        ServerProcess(redis_sentinel.url, cell, **secret) as one,
        ServerProcess(redis_sentinel.url, cell, **secret) as other,
    ):
        async with talks([one, other], CALLS) as there:
            await in_the_middle(there, redis_sentinel.primary.kill, rounds=40)
            await goes_on(there)


async def test_a_user_of_redis_without_rights_is_told(own_redis: RedisServer, cell: str) -> None:
    """What lacks is said, once; and what is granted later is taken up."""
    rights = ("~*", "&*", "+@all", "-@scripting")
    own_redis.ask("ACL", "SETUSER", "carillon", "on", ">secret", *rights)
    with ServerProcess(own_redis.url, cell, REDIS_USERNAME="carillon", REDIS_PASSWORD="secret") as server:
        await until(lambda: "the pod lease could not be renewed" in server.log)
        told = [line for line in server.log.splitlines() if "the pod lease could not be renewed" in line]
        assert "NOPERM" in told[0]
        assert "evalsha" in told[0]
        await asyncio.sleep(1.5)  # three more renewals, which say nothing new
        assert server.log.count("the pod lease could not be renewed") == 1
        own_redis.ask("ACL", "SETUSER", "carillon", "+@scripting")
        await until(lambda: server.status("/health") == 200)


async def test_a_message_that_waited_too_long_behind_another_is_given_up(own_redis: RedisServer, cell: str) -> None:
    """Though Redis is back by then and would take it: its sender has given it up. Only hang-ups are never too late."""
    with ServerProcess(own_redis.url, cell, QUEUE_SECONDS="1", START_TIMEOUT="2") as server:
        alice = await User.join_v1(server, "alice")
        await alice.say("session.resume")
        await alice.hear("session.welcome")
        own_redis.freeze()
        await alice.say("call.start", n=1, callee_id="bob")
        await alice.say("call.accept", n=2, session_id="none")
        await alice.say("call.end", n=1, session_id="none")
        refused = await alice.hear("error")
        own_redis.thaw()
        assert (refused["code"], refused["n"]) == ("unavailable", 1)
        refused = await alice.hear("error")
        assert (refused["code"], refused["n"], refused["retry_after"]) == ("unavailable", 2, 5.0)
        refused = await alice.hear("error")
        assert (refused["code"], refused["n"]) == ("session_not_found", 1)


async def test_what_users_see_while_redis_is_away(own_redis: RedisServer, cell: str) -> None:
    """Sockets stay, relays within the server flow, starts fail and newcomers are refused with a hint, v1 clients may look elsewhere."""
    with ServerProcess(own_redis.url, cell, OUTAGE_NOTICE="2", START_TIMEOUT="1", ATTACH_TIMEOUT="2") as server:
        alice, bob = await User.join(server, "alice"), await User.join(server, "bob")
        carol = await User.join_v1(server, "carol")
        await carol.say("session.resume")
        await carol.hear("session.welcome")
        await alice.say("call.start", callee_id="bob")
        await alice.hear("call.ringing")
        session = (await bob.hear("call.ring"))["session_id"]
        await bob.say("call.accept", session_id=session)
        await alice.hear("call.accepted")
        own_redis.stop()
        await carol.say("call.start", n=1, callee_id="alice")
        refused = await carol.hear("error")
        assert (refused["code"], refused["n"]) == ("unavailable", 1)
        assert refused["retry_after"] > 0
        away = await carol.hear("server.going_away")
        assert away["optional"] is True
        with pytest.raises(InvalidStatus) as status:
            await connect(f"{server.url}?token={token('dave')}")
        assert status.value.response.status_code == 503
        assert int(status.value.response.headers["Retry-After"]) > 0
        probes = [await asyncio.to_thread(server.status, path) for path in ("/livez", "/readyz", "/health")]
        assert probes == [200, 200, 503]
        await alice.say("webrtc.ice", session_id=session, candidate="within the server")
        await bob.hear("webrtc.ice")
        own_redis.start()
        await asyncio.to_thread(wait_for, lambda: server.status("/health") == 200, "health")
        await carol.say("call.start", n=1, callee_id="nobody")
        async with asyncio.timeout(10):
            while json.loads(await carol.socket.recv()).get("payload", {}).get("code") != "user_offline":
                pass
        await alice.say("call.end", session_id=session)
        assert (await bob.hear("call.ended"))["reason"] == "ended_by_user"
