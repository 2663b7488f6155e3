"""CPU per Redis command and per pub/sub message of the server's own link, beside redis-py's clients.

    python -m carillon_bench.redis_client REDIS_URL

Prints JSON: microseconds of this process by what was done. Uses keys and a channel of the cell `bench`.
"""

import asyncio
import hashlib
import json
import logging
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
ROUNDS = 100
SOURCE = b"return redis.call('GET', KEYS[1])"
KEY = "{carillon:bench}:key"
CHANNEL = "{carillon:bench}:ch:bench"
ARGUMENT = b"x" * 100

Once = Callable[[], Awaitable[object]]


async def cost(once: Once, commands: int = 1, concurrent: int = CONCURRENT) -> float:
    """once: asks for `commands` commands; `concurrent` users do so in a loop."""

    async def user() -> None:
        for _ in range(ROUNDS):
            await once()

    await asyncio.gather(*(user() for _ in range(concurrent)))
    began = time.process_time()
    await asyncio.gather(*(user() for _ in range(concurrent)))
    return (time.process_time() - began) / ROUNDS / concurrent / commands * 1e6


async def of_redis_py(url: str) -> dict[str, float]:
    client = redis.asyncio.Redis.from_url(url, protocol=2, max_connections=1000)
    sha = await client.script_load(SOURCE)
    await client.set(KEY, ARGUMENT)

    async def pipeline() -> None:
        pipe = client.pipeline(transaction=False)
        for _ in range(100):
            pipe.evalsha(sha, 1, KEY, ARGUMENT)
        await pipe.execute()

    costs = {
        "redis-py GET": await cost(lambda: client.get(KEY)),
        "redis-py EVALSHA": await cost(lambda: client.evalsha(sha, 1, KEY, ARGUMENT)),
        "redis-py EVALSHA, pipeline of 100": await cost(pipeline, commands=100, concurrent=1),
    }
    await client.aclose()
    return costs


async def of_link(url: str) -> dict[str, float]:
    link = RedisLink(Connector(RedisSettings(url=url), KEY))
    link.start()
    script = Script("bench", SOURCE, hashlib.sha1(SOURCE, usedforsecurity=False).hexdigest())
    costs = {
        "link GET": await cost(lambda: link.command("GET", KEY, timeout=5)),
        "link EVALSHA": await cost(lambda: link.call(script, (KEY,), (ARGUMENT,), timeout=5)),
        "link EVALSHA, one at a time": await cost(lambda: link.call(script, (KEY,), (ARGUMENT,), timeout=5), concurrent=1),
        "link PUBLISH": await cost(lambda: link.command("PUBLISH", CHANNEL, ARGUMENT, timeout=5)),
        "subscriber, each message": await messages(url, link),
    }
    await link.close()
    return costs


async def messages(url: str, link: RedisLink) -> float:
    """The publisher is in this process too: its cost, measured alone, is taken off."""
    heard = 0

    def count(_: bytes) -> None:
        nonlocal heard
        heard += 1

    async def publish() -> float:
        began = time.process_time()
        for _ in range(100):
            await asyncio.gather(*(link.command("PUBLISH", CHANNEL, ARGUMENT, timeout=5) for _ in range(100)))
        return time.process_time() - began

    used = 0.0
    for _ in range(3):
        used -= await publish()
        subscriber = Subscriber(Connector(RedisSettings(url=url), KEY), CHANNEL, count, lambda: None)
        subscriber.start()
        await subscriber.subscribed.wait()
        used += await publish()
        await subscriber.close()
    return used / heard * 1e6


async def main(url: str) -> None:
    logging.disable(logging.WARNING)
    print(json.dumps(await of_redis_py(url) | await of_link(url)))


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1]))
