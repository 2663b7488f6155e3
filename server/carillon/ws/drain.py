"""How a server sends its connections away."""

import asyncio
import random
from collections.abc import Callable, Collection
from typing import Protocol

from carillon.errors import Close, CloseCode

LOOK = 0.05
"""Seconds between two looks at who is left."""

ASKING = 0.5
"""The part of a drain in which clients move by themselves, before any socket is closed."""


class Leaver(Protocol):
    def close(self, code: CloseCode, reason: str) -> None: ...


def schedule(count: int, seconds: float, draw: Callable[[], float]) -> list[float]:
    """`count` moments within `seconds`: one at random in each of as many equal parts, so that no second has more than its share.

    draw: from [0, 1).
    """
    return [seconds * (index + draw()) / count for index in range(count)]


async def send_away(sockets: Callable[[], Collection[Leaver]], seconds: float, draw: Callable[[], float] = random.random) -> None:
    """Close every socket with 1012 at a moment of its own within `seconds`; those that come later as well, in what is left of it.

    Returns when none is left, or `seconds` are over and all have been told.
    """
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    told: set[Leaver] = set()
    while here := sockets():
        late = [socket for socket in here if socket not in told]
        random.shuffle(late)
        left = end - loop.time()
        for socket, delay in zip(late, schedule(len(late), max(0.0, left), draw), strict=True):
            loop.call_later(delay, socket.close, Close.RESTART, Close.RESTART.reason)
        told.intersection_update(here)
        told.update(late)
        if left <= 0 and not late:
            return
        await asyncio.sleep(LOOK)


async def drain(sockets: Callable[[], Collection[Leaver]], *, delay: float, seconds: float, announce: Callable[[float], None]) -> None:
    """Serve on for `delay`, while load balancers take this server out; then ask those who can move by themselves, and send away the rest.

    announce: given the seconds in which to move; from then on the server takes nobody in. Nobody is sent away before they are over: who was
    would be without a socket for a moment.
    """
    await asyncio.sleep(delay)
    loop = asyncio.get_running_loop()
    begun = loop.time()
    announce(seconds * ASKING)
    while sockets() and loop.time() < begun + seconds * ASKING:  # noqa: ASYNC110 - sockets tell nobody that they are gone
        await asyncio.sleep(LOOK)
    await send_away(sockets, max(0.0, begun + seconds - loop.time()))
