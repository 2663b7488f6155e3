"""What tests of the Redis link share: where Redis can be, and short scripts."""

import asyncio
import contextlib
import functools
import hashlib
from collections.abc import AsyncIterator
from typing import Any

from harness.redis import version
from harness.waiting import until as wait_until

from carillon.config import RedisSettings
from carillon.store.endpoints import Connector
from carillon.store.link import RedisLink
from carillon.store.scripts import Script

ACL_RULES = [
    *("~{carillon:*}:*", "resetchannels", "&{carillon:*}:*"),
    *("+info", "+ping", "+select", "+client|setname", "+cluster|slots", "+eval", "+evalsha", "+publish", "+subscribe", "+time"),
    *("+get", "+mget", "+set", "+del", "+pexpire", "+hget", "+hgetall", "+hset", "+hdel", "+zadd", "+zrem", "+zscore"),
    *("+zrangebyscore", "+xadd", "+xtrim", "+xrange"),
    *(("+spublish", "+ssubscribe") if version() >= (7, 0) else ()),
]
"""What the server needs of its Redis user, and nothing more."""


def script(source: str) -> Script:
    return Script("test", source.encode(), hashlib.sha1(source.encode()).hexdigest())


def count_key(cell: str) -> str:
    return f"{{carillon:{cell}}}:count"


COUNT = script("""
local count = (redis.call('GET', KEYS[1]) or 0) + 1
redis.call('SET', KEYS[1], count, 'PX', 60000)
return count
""")
"""How often it ran; with the commands that the server's own user may use."""


@contextlib.asynccontextmanager
async def linked(settings: RedisSettings, cell: str, **options: Any) -> AsyncIterator[RedisLink]:
    """A link that is connected."""
    link = RedisLink(Connector(settings, f"{{carillon:{cell}}}"), **options)
    link.start()
    try:
        await until(lambda: link.connected)
        yield link
    finally:
        await link.close()


until = functools.partial(wait_until, within=15.0)
"""Longer than elsewhere: links reconnect."""


async def settled(*futures: "asyncio.Future[Any]") -> list[Any]:
    """Results and exceptions, in order."""
    return await asyncio.wait_for(asyncio.gather(*futures, return_exceptions=True), 30)
