"""What waits to be reconciled: each resource once, by one worker at a time; what fails waits longer each time."""

import asyncio
import heapq
import random
import time
from collections.abc import Callable

FIRST, LONGEST = 0.5, 60.0
"""Seconds until a resource that failed is tried again: doubled each time."""

Key = tuple[str, str]
"""Namespace and name."""


class Queue:
    """clock: seconds that never go back."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._due: dict[Key, float] = {}
        self._heap: list[tuple[float, Key]] = []
        self._busy: set[Key] = set()
        self._failures: dict[Key, int] = {}
        self._woken = asyncio.Event()

    def __len__(self) -> int:
        """How many are due; those that only have their next look ahead do not wait."""
        now = self._clock()
        return sum(due <= now for due in self._due.values())

    def add(self, key: Key, after: float = 0.0) -> None:
        """Sooner wins: what is due before stays due then."""
        due = self._clock() + after
        if due < self._due.get(key, float("inf")):
            self._due[key] = due
            heapq.heappush(self._heap, (due, key))
            self._woken.set()

    async def take(self) -> Key:
        """The next one that is due and that nobody works on; to be followed by `done` or `failed`."""
        while True:
            wait = self._next()
            if isinstance(wait, tuple):
                return wait
            self._woken.clear()
            try:
                # Not wait_for, which until Python 3.12 forgets to be cancelled when both happen at once.
                async with asyncio.timeout(wait):
                    await self._woken.wait()
            except TimeoutError:
                continue

    def _next(self) -> Key | float | None:
        """A resource; or the seconds until one is due; or None where none waits."""
        now, held = self._clock(), []
        found: Key | float | None = None
        while self._heap:
            due, key = self._heap[0]
            if self._due.get(key) != due:
                heapq.heappop(self._heap)
            elif due > now:
                found = due - now
                break
            elif key in self._busy:
                held.append(heapq.heappop(self._heap))
            else:
                heapq.heappop(self._heap)
                del self._due[key]
                self._busy.add(key)
                found = key
                break
        for one in held:
            heapq.heappush(self._heap, one)
        return found

    def done(self, key: Key, again: float | None = None) -> None:
        """again: seconds after which time alone makes it worth another look."""
        self._failures.pop(key, None)
        self._release(key)
        if again is not None:
            self.add(key, again)

    def failed(self, key: Key, at_least: float = 0.0) -> float:
        """Returns the seconds until the next attempt."""
        count = self._failures[key] = self._failures.get(key, 0) + 1
        pause: float = max(min(FIRST * 2 ** (count - 1), LONGEST) * random.uniform(0.8, 1.2), at_least)  # noqa: S311 - no secret hangs on it
        self._release(key)
        # What happened meanwhile is no reason to hurry: the same failure would follow.
        self._due.pop(key, None)
        self.add(key, pause)
        return pause

    def _release(self, key: Key) -> None:
        self._busy.discard(key)
        self._woken.set()
