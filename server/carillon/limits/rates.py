"""Token buckets. Pure: the clock is passed in, in monotonic seconds."""

from carillon.config import Rate

SWEEP = 4096
"""Buckets kept before those that have filled up again are forgotten."""


class Bucket:
    """`count` at once, and `count` per `seconds` in the long run; it starts full."""

    __slots__ = ("_level", "_rate", "_stamp")

    def __init__(self, rate: Rate, now: float) -> None:
        self._rate, self._level, self._stamp = rate, float(rate.count), now

    def take(self, now: float, cost: float = 1.0) -> float:
        """0.0 and the cost is taken; else the seconds after which it could be, and nothing is taken."""
        self._fill(now)
        if self._level >= min(cost, self._rate.count):
            self._level -= cost
            return 0.0
        return (min(cost, self._rate.count) - self._level) / self._rate.per_second

    def seconds(self, cost: float) -> float:
        """How long the rate takes to make up for it."""
        return cost / self._rate.per_second

    def full(self, now: float) -> bool:
        self._fill(now)
        return self._level >= self._rate.count

    def _fill(self, now: float) -> None:
        if now > self._stamp:
            self._level = min(float(self._rate.count), self._level + (now - self._stamp) * self._rate.per_second)
            self._stamp = now


class Rates:
    """One bucket for each key (user, address, device). None: no limit. Memory is bounded by those who are active."""

    def __init__(self, rate: Rate | None) -> None:
        self._rate = rate
        self._buckets: dict[str, Bucket] = {}
        self._sweep_at = SWEEP

    def __len__(self) -> int:
        return len(self._buckets)

    def take(self, key: str, now: float) -> float:
        """0.0, or the seconds after which the next is allowed."""
        if self._rate is None:
            return 0.0
        bucket = self._buckets.get(key)
        if bucket is None:
            if len(self._buckets) >= self._sweep_at:
                self._buckets = {other: one for other, one in self._buckets.items() if not one.full(now)}
                self._sweep_at = max(SWEEP, 2 * len(self._buckets))
            bucket = self._buckets[key] = Bucket(self._rate, now)
        return bucket.take(now)


class Counts:
    """How many of something each key has now. most: 0 is no limit."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._counts: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._counts)

    def enter(self, key: str) -> bool:
        """False: it has its share already; nothing is counted."""
        count = self._counts.get(key, 0)
        if self._most and count >= self._most:
            return False
        self._counts[key] = count + 1
        return True

    def leave(self, key: str) -> None:
        left = self._counts.get(key, 0) - 1
        if left > 0:
            self._counts[key] = left
        else:
            self._counts.pop(key, None)


class Queue:
    """Admits at a rate and lets those above it wait their turn, in order, up to `wait` seconds (the generic cell rate algorithm)."""

    def __init__(self, rate: Rate | None, wait: float) -> None:
        self._rate, self._wait = rate, wait
        self._next = 0.0

    def turn(self, now: float) -> float | None:
        """Seconds to wait for one's turn, 0.0 for at once; None where it would take longer than anybody should wait."""
        if self._rate is None:
            return 0.0
        gap = 1.0 / self._rate.per_second
        arrival = max(self._next, now)
        delay = max(0.0, arrival - now - (self._rate.count - 1) * gap)
        if delay > self._wait:
            return None
        self._next = arrival + gap
        return delay
