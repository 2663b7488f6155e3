"""When a call is made again. A pass reads a dozen objects: were it given up at the first call that fails for a moment, a struggling API
server would be asked for all of them again and again, and nothing would ever come of it.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

from carillon_operator.kube.errors import ApiError, Throttled, Unreachable

ATTEMPTS = 5
"""With every second call failing, a pass of thirty calls still gets through more often than not; the queue's backoff does the rest."""
FIRST = 0.1
"""Seconds until the second attempt, doubled each time and jittered: some 1.5 in all."""
PATIENCE = 10.0
"""Seconds after which no further attempt begins, so that a worker is free for other resources again."""

T = TypeVar("T")


async def persist(call: Callable[[], Awaitable[T]], clock: Callable[[], float]) -> T:
    """What the call gives. Made again while it fails for a moment, so only for what may be done twice. Raises its last failure.

    clock: seconds that never go back.
    """
    begun, attempt = clock(), 1
    while True:
        try:
            return await call()
        except (ApiError, Unreachable) as failure:
            wait = _pause(failure, attempt)
            if not failure.passing or attempt == ATTEMPTS or clock() - begun + wait > PATIENCE:
                raise
        attempt += 1
        await asyncio.sleep(wait)


def _pause(failure: ApiError | Unreachable, attempt: int) -> float:
    if isinstance(failure, Throttled):
        # Never sooner than asked; together only by chance.
        return failure.after * random.uniform(1.0, 1.2)  # noqa: S311 - no secret hangs on it
    pause: float = FIRST * 2 ** (attempt - 1) * random.uniform(0.5, 1.5)  # noqa: S311 - no secret hangs on it
    return pause
