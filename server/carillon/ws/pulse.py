"""Standstills of the event loop: what waited through one may be out of date, and others may have taken this pod for dead meanwhile."""

import asyncio
from collections import deque
from collections.abc import Callable

BEAT = 0.2
"""Seconds between two looks."""
NOTABLE = 0.5
"""Seconds; shorter standstills concern nobody."""
UNATTACHED = 1.0
"""Seconds of a standstill after which sockets that have no place yet are closed: their clients have given them up, or are about to."""


class Pulse:
    """clock: monotonic seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock, self._last = clock, clock()
        self._stalls: deque[tuple[float, float]] = deque(maxlen=16)
        self.on_stall: Callable[[float], None] = lambda seconds: None
        """Called when a standstill of so many seconds is over."""

    async def keep(self) -> None:
        """Runs until cancelled."""
        while True:
            self._last = self._clock()
            await asyncio.sleep(BEAT)
            stood = self._clock() - self._last - BEAT
            if stood > NOTABLE:
                self._stalls.append((self._clock(), stood))
                self.on_stall(stood)

    def stood(self, since: float, seconds: float) -> bool:
        """Whether the loop stood still for more than `seconds` at a time, after `since` or just now."""
        if self._clock() - self._last - BEAT > seconds:
            return True
        return any(end >= since and stood > seconds for end, stood in self._stalls)
