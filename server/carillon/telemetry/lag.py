"""How late the event loop is."""

import asyncio
from collections.abc import Callable

from carillon.telemetry.instruments import Histogram

INTERVAL = 0.25
"""Seconds between looks: four wake-ups a second cost nothing, and a stall of that length is what users begin to notice."""


async def watch_loop(lag: Histogram, clock: Callable[[], float], interval: float = INTERVAL) -> None:
    """Runs until cancelled. clock: monotonic seconds."""
    while True:
        due = clock() + interval
        await asyncio.sleep(interval)
        lag.observe(max(clock() - due, 0.0))
