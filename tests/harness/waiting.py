"""Waiting for what is bound to happen, beside the tasks of an event loop."""

import asyncio
import time
from collections.abc import Callable


async def until(condition: Callable[[], object], within: float = 8.0, why: Callable[[], str] = lambda: "") -> None:
    """Fails after `within` seconds, with what `why` says then."""
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline, f"did not come true within {within} s {why()}"
        await asyncio.sleep(0.01)
