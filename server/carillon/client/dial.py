"""One connection of a client: how long it may take, how its death is noticed, and what says that there is none."""

import re
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake
from websockets.typing import Subprotocol

from carillon.protocol import BEARER_PREFIX, SUBPROTOCOL

OPEN_TIMEOUT = 5.0
"""Seconds for a connection to open: a dead node refuses nothing, and another attempt may find a living one."""
PING_INTERVAL = PING_TIMEOUT = 5.0
"""Seconds. A server or a network that died without a word is noticed in 10, and the rest of the grace (30) is for coming back."""
CLOSE_TIMEOUT = 2.0
"""Seconds that a server has to answer a close frame."""
UNREACHABLE = (OSError, InvalidHandshake, TimeoutError, ConnectionClosed, ValueError)
HINT = re.compile(r"retry after ([0-9.]+) s")
"""How the reason of a close frame says when to come back."""


async def dial(url: str, token: str, *, v1: bool) -> ClientConnection:
    """An open socket, on which a v1 client has yet to resume. Raises one of UNREACHABLE."""
    bounds: dict[str, Any] = {
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
