"""Connections that end with their token."""

import asyncio
import time

from carillon.errors import Close
from carillon.hub import Attached

AGAIN = 5.0
"""Seconds between looks while a call goes on."""


class Expiry:
    """Closes a connection when its token expires, but never in a call: then when the call is over."""

    def __init__(self, attached: Attached, expires_at: float) -> None:
        """expires_at: Unix time in seconds."""
        self._attached = attached
        self._timer = self._at(expires_at)

    def renew(self, expires_at: float) -> None:
        self._timer.cancel()
        self._timer = self._at(expires_at)

    def cancel(self) -> None:
        self._timer.cancel()

    def _at(self, moment: float) -> asyncio.TimerHandle:
        return asyncio.get_running_loop().call_later(max(0.0, moment - time.time()), self._expire)

    def _expire(self) -> None:
        if self._attached.live_call is not None:
            self._timer = asyncio.get_running_loop().call_later(AGAIN, self._expire)
        else:
            self._attached.connection.close(Close.TOKEN_EXPIRED)
