"""One connection of a client: how long it may take, how its death is noticed, and what says that there is none."""

import asyncio
import functools
import re
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake
from websockets.typing import Subprotocol

from carillon.protocol import BEARER_PREFIX, SUBPROTOCOL

REACH_TIMEOUT = 2.0
"""Seconds for a machine to answer at all (TCP, TLS). A dead one refuses nothing, and for up to a minute Kubernetes and load balancers go on
leading there: the grace (30) must be enough for several attempts.
"""
OPEN_TIMEOUT = 5.0
"""Seconds for a connection to open. A server that was reached may have others to let in first."""
PING_INTERVAL = PING_TIMEOUT = 5.0
"""Seconds. A server or a network that died without a word is noticed in 10, and the rest of the grace (30) is for coming back."""
CLOSE_TIMEOUT = 2.0
"""Seconds that a server has to answer a close frame."""
UNREACHABLE = (OSError, InvalidHandshake, TimeoutError, ConnectionClosed, ValueError)
HINT = re.compile(r"retry after ([0-9.]+) s")
"""How the reason of a close frame says when to come back."""


class _Reached(ClientConnection):
    """unreached: runs until somebody answers."""

    def __init__(self, *args: Any, unreached: asyncio.Timeout, **more: Any) -> None:
        super().__init__(*args, **more)
        self._unreached = unreached

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if not self._unreached.expired():
            self._unreached.reschedule(None)
        super().connection_made(transport)


async def dial(url: str, token: str, *, v1: bool) -> ClientConnection:
    """An open socket, on which a v1 client has yet to resume. Raises one of UNREACHABLE."""
    async with asyncio.timeout(REACH_TIMEOUT) as unreached:
        return await _open(url, token, unreached, v1=v1)


async def _open(url: str, token: str, unreached: asyncio.Timeout, *, v1: bool) -> ClientConnection:
    bounds: dict[str, Any] = {
        "create_connection": functools.partial(_Reached, unreached=unreached),
        "open_timeout": OPEN_TIMEOUT,
        "ping_interval": PING_INTERVAL,
        "ping_timeout": PING_TIMEOUT,
        "close_timeout": CLOSE_TIMEOUT,
    }
    if v1:
        return await connect(url, subprotocols=[Subprotocol(SUBPROTOCOL), Subprotocol(BEARER_PREFIX + token)], **bounds)
    return await connect(url, additional_headers={"Authorization": f"Bearer {token}"}, **bounds)


def retry_after(reason: str) -> float:
    """Seconds, of a close frame's reason; 0: it names none."""
    hint = HINT.search(reason)
    return float(hint[1]) if hint else 0.0
