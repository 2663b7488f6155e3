"""CPU of this process per Redis command and per pub/sub message, beside redis-py's own clients.

    python bench/redis_link.py redis://127.0.0.1:6379/0

Uses keys and a channel of the cell `bench`. Prints microseconds; Redis should have a core of its own.
"""

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable

import redis.asyncio
import uvloop

from carillon.config import RedisSettings
from carillon.store.endpoints import Connector
from carillon.store.link import RedisLink
from carillon.store.scripts import Script
from carillon.store.subscriber import Subscriber

CONCURRENT = 50
ROUNDS = 400
SOURCE = b"return redis.call('GET', KEYS[1])"
KEY = "{carillon:bench}:key"
CHANNEL = "{carillon:bench}:ch:bench"
ARGUMENT = b"x" * 100


async def measure(name: str, once: Callable[[], Awaitable[object]], commands: int = 1, concurrent: int = CONCURRENT) -> None:
    """once: asks for `commands` commands; `concurrent` users do so in a loop."""

    async def user() -> None:
        for _ in range(ROUNDS):
            await once()

    await asyncio.gather(*(user() for _ in range(concurrent)))
    began = time.process_time()
    await asyncio.gather(*(user() for _ in range(concurrent)))
    used = time.process_time() - began
    print(f"{name:<52} {used / ROUNDS / concurrent / commands * 1e6:8.1f} us")


async def clients(url: str) -> None:
    client = redis.asyncio.Redis.from_url(url, protocol=2, max_connections=1000)
    sha = await client.script_load(SOURCE)
    await client.set(KEY, ARGUMENT)

    async def pipeline() -> None:
        pipe = client.pipeline(transaction=False)
        for _ in range(100):
            pipe.evalsha(sha, 1, KEY, ARGUMENT)
        await pipe.execute()

    await measure("redis-py GET", lambda: client.get(KEY))
    await measure("redis-py EVALSHA", lambda: client.evalsha(sha, 1, KEY, ARGUMENT))
    await measure("redis-py EVALSHA, pipeline of 100", pipeline, commands=100, concurrent=1)
    await client.aclose()

    link = RedisLink(Connector(RedisSettings(url=url), KEY))
    link.start()
    script = Script("bench", SOURCE, sha)
    await measure("link GET", lambda: link.command("GET", KEY, timeout=5))
    await measure("link EVALSHA", lambda: link.call(script, (KEY,), (ARGUMENT,), timeout=5))
    await measure("link EVALSHA, one at a time", lambda: link.call(script, (KEY,), (ARGUMENT,), timeout=5), concurrent=1)
    await measure("link PUBLISH", lambda: link.command("PUBLISH", CHANNEL, ARGUMENT, timeout=5))
    await messages(url, link)
    await link.close()


async def messages(url: str, link: RedisLink) -> None:
    """The publisher is in this process too: its cost, measured alone, is taken off."""
    heard = 0

    def count(data: bytes) -> None:
        nonlocal heard
        heard += 1

    async def publish() -> float:
        began = time.process_time()
        for _ in range(100):
            await asyncio.gather(*(link.command("PUBLISH", CHANNEL, ARGUMENT, timeout=5) for _ in range(100)))
        return time.process_time() - began

    used = 0.0
    for _ in range(10):
        used -= await publish()
        subscriber = Subscriber(Connector(RedisSettings(url=url), KEY), CHANNEL, count, lambda: None)
        subscriber.start()
        await subscriber.subscribed.wait()
        used += await publish()
        await subscriber.close()
    print(f"{'subscriber, per message':<52} {used / heard * 1e6:8.1f} us")


if __name__ == "__main__":
    uvloop.run(clients(sys.argv[1]))
