"""Many calls at once through real servers that die, leave and come, and a Redis that freezes and forgets: no message is lost or doubled."""

import random
import time

from harness.crowd import Crowd
from harness.redis import RedisServer
from harness.server import ServerProcess, token


def test_a_crowd_keeps_its_calls_whatever_dies(own_redis: RedisServer, cell: str) -> None:
    servers = [ServerProcess(own_redis.url, cell).__enter__() for _ in range(2)]
    try:
        with Crowd(lambda: random.choice(servers).url, token, period=0.1) as crowd:
            crowd.call(pairs=6)
            crowd.chatter(pairs=3)
            for end in (ServerProcess.kill, ServerProcess.terminate):
                crowd.settle()
                servers.append(ServerProcess(own_redis.url, cell).__enter__())
                end(servers.pop(0))
            crowd.settle()
            own_redis.freeze()
            time.sleep(3)  # as long as a pod lease
            own_redis.thaw()
            crowd.settle()
            own_redis.ask("FLUSHALL")
            tally = crowd.finish()
    finally:
        for server in servers:
            server.__exit__(None, None, None)
    assert tally.problems == [], str(tally)
    assert tally.short_calls
