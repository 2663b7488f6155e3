"""A connection to Redis, and the next one whenever it is lost."""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from typing import NoReturn

from redis.exceptions import RedisError

from carillon.store.wire import Wire

log = logging.getLogger(__name__)

FIRST_DELAY = 0.02
"""Seconds, before the second attempt to connect; twice as long before each further one."""


async def keep_connected(
    connect: Callable[[], Awaitable[Wire]], use: Callable[[Wire], Awaitable[bool]], failed: Callable[[str], None], most: float
) -> NoReturn:
    """Runs until cancelled.

    use: holds a connection until it is lost; True if Redis has answered on it, so that the next is tried for at once.
    failed: told why there is none, once as long as that is the reason. most: seconds between two attempts.
    """
    delay, said = FIRST_DELAY, ""
    while True:
        try:
            wire = await connect()
            said = ""
            if await use(wire):
                delay = FIRST_DELAY
        except (OSError, RedisError) as problem:
            why = f"{type(problem).__name__}: {problem}"[:200]
            if why != said:
                said = why
                failed(why)
        except Exception:
            log.exception("a connection to Redis stumbled")
        await asyncio.sleep(delay * random.uniform(0.5, 1.0))  # noqa: S311 - jitter, not a secret
        delay = min(delay * 2, most)
