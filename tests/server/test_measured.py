"""What operators look at when something went wrong, after it really did."""

import re
import urllib.request

import pytest
from harness.ports import free_port
from harness.redis import RedisServer
from harness.server import ServerProcess, User, token
from harness.waiting import until
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus


class Measured(ServerProcess):
    def __init__(self, redis_url: str, cell: str, **environ: str) -> None:
        self.metrics_port = free_port()
        super().__init__(redis_url, cell, METRICS_PORT=str(self.metrics_port), **environ)

    def read(self, series: str) -> float:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.metrics_port}/metrics", timeout=5) as answer:
            found = re.search(rf"^{re.escape(series)} (\S+)$", answer.read().decode(), re.MULTILINE)
        assert found is not None, series
        return float(found[1])


async def test_resumes_deadlines_holds_and_refusals_are_counted(own_redis: RedisServer, cell: str) -> None:
    with Measured(own_redis.url, cell, RING_TIMEOUT="5", ATTACH_TIMEOUT="1") as server:
        alice, bob = await User.join(server, "alice"), await User.join_v1(server, "bob")
        await bob.say("session.resume")
        welcome = await bob.hear("session.welcome")
        await alice.say("call.start", callee_id="bob")
        await alice.hear("call.ringing")
        assert (await bob.hear("call.ring"))["caller_id"] == "alice"
        bob.socket.transport.abort()
        back = await User.join_v1(server, "bob")
        await back.say("session.resume", session=welcome["session"], epoch=welcome["epoch"], last_seq=welcome["seq"], n=0)
        assert (await back.hear("session.welcome"))["recovered"] is True
        assert server.read('carillon_resumes_total{result="recovered"}') == 1
        assert server.read("carillon_replayed_total") == 1
        assert (await alice.hear("call.ended"))["reason"] == "no_answer"
        await until(lambda: server.read('carillon_deadline_lateness_seconds_count{kind="ring"}') == 1)
        assert server.read("carillon_ledger_holds_total") == 0
        own_redis.ask("FLUSHALL")
        await until(lambda: server.read("carillon_ledger_holds_total") == 1)
        assert "Redis lost its data" in server.log
        assert "no call ends because somebody is absent" in server.log
        own_redis.stop()
        with pytest.raises(InvalidStatus):
            await connect(f"{server.url}?token={token('carol')}")
        assert server.read('carillon_connects_total{result="unavailable"}') == 1
        assert server.read('carillon_connects_total{result="overloaded"}') == 0
