"""One of two servers is killed under 200 live calls: none ends, and every client has every message exactly once, in order."""

import asyncio
import random

from harness.pods import until
from harness.redis import RedisServer
from harness.server import ServerProcess, token

from carillon.client import CarillonClient

CALLS = 200
REAL = {"GRACE_PERIOD": "30", "ATTENDANCE_RENEWAL": "10", "PING_INTERVAL": "10", "PING_TIMEOUT": "10"}
REAL |= {"POD_LEASE": "10", "POD_RENEWAL": "2", "RATE_LIMITS": "off"}


def of(client: CarillonClient, kind: str) -> list[dict[str, str]]:
    return [message["payload"] for message in client.log if message["type"] == kind]


async def test_a_killed_server_ends_no_call(redis_server: RedisServer, cell: str) -> None:
    with (
        ServerProcess(redis_server.url, cell, **REAL) as doomed,
        ServerProcess(redis_server.url, cell, **REAL) as other,
    ):
        servers = [doomed, other]

        def anywhere() -> str:
            return random.choice(servers).url

        callers = [CarillonClient(anywhere, token(f"caller-{number}")) for number in range(CALLS)]
        callees = [CarillonClient(anywhere, token(f"callee-{number}")) for number in range(CALLS)]
        everybody = [*callers, *callees]
        await asyncio.gather(*(client.__aenter__() for client in everybody))
        try:
            sessions = await set_up(callers, callees)
            talking = asyncio.create_task(talk(callers, callees, sessions))
            await until(lambda: all(of(client, "webrtc.ice") for client in everybody))
            doomed.kill()
            servers.remove(doomed)
            sent = await talking
            await until(lambda: all(not client.session.outbox for client in everybody), within=30)
            await until(lambda: all(len(of(client, "webrtc.ice")) >= sent for client in everybody), within=30)
            for client in everybody:
                assert [ice["candidate"] for ice in of(client, "webrtc.ice")] == [str(number) for number in range(sent)]
                assert not of(client, "call.ended")
                assert not of(client, "error")
                assert all(welcome["recovered"] for welcome in of(client, "session.welcome")[1:])
            assert sum(client.connects - 1 for client in everybody) > 0
        finally:
            await asyncio.gather(*(client.close() for client in everybody))


async def set_up(callers: list[CarillonClient], callees: list[CarillonClient]) -> list[str]:
    for number, caller in enumerate(callers):
        await caller.send("call.start", callee_id=f"callee-{number}")
    for callee in callees:
        await callee.accept((await callee.expect("call.ring", 30))["session_id"])
    return [str((await caller.expect("call.accepted", 30))["session_id"]) for caller in callers]


async def talk(callers: list[CarillonClient], callees: list[CarillonClient], sessions: list[str]) -> int:
    """Both sides of every call say something, again and again; returns how often."""
    rounds = 20
    for number in range(rounds):
        for caller, callee, session in zip(callers, callees, sessions, strict=True):
            await caller.send("webrtc.ice", session_id=session, candidate=str(number))
            await callee.send("webrtc.ice", session_id=session, candidate=str(number))
        await asyncio.sleep(0.2)  # a call's own pace: the kill must fall into the middle of it
    return rounds
