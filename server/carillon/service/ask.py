"""A command on its way, and why it may come to nothing."""

import asyncio
from dataclasses import dataclass

from carillon.call import Call, Command
from carillon.hub import Attached, Hub


class StaleConnection(Exception):
    """Another connection has taken this one's place: nothing that it sends counts any more."""


class OutOfSequence(Exception):
    def __init__(self, expected: int) -> None:
        self.expected = expected


@dataclass(frozen=True, slots=True)
class Ask:
    """A command with who asks and how long they wait. number: of the v1 message; claim: (zset, member, score) of a deadline."""

    command: Command
    call_id: str
    actor: Attached | None = None
    number: int | None = None
    claim: tuple[str, str, int] | None = None
    known: Call | None = None
    patience: float = 15.0
    commit_id: str = ""


GHOSTS = (0.0, 0.5, 0.5, 1.0, 3.0, 15.0)
"""Seconds between looks for what was sent and given up: Redis may run it late, from a socket that is dead. More often within RECLAIM."""
RECLAIM = 5.0
"""Seconds that a connection has to take its place back from one that died while it attached."""


async def reclaimed(attached: Attached, generation: int, hub: Hub) -> bool:
    """Whether a connection that Redis calls stale is its user's again: who replaced it may have died before it was there."""
    loop = asyncio.get_running_loop()
    until = loop.time() + RECLAIM
    while attached.generation == generation and loop.time() < until:
        if not hub.current(attached) or attached.connection.closed:
            return False
        await asyncio.sleep(0.02)
    return attached.generation != generation
