"""Connections move to pods that have fewer: after a scale-up the new ones would stay empty, since WebSockets stay where they are.

Clients are asked, never sent away: an idle v1 client opens another socket and keeps the old one if that does not work out.
"""

import math
import random
from collections.abc import Callable

from carillon.call import SECOND
from carillon.hub import Attached, Hub

FEWEST = 10
"""Connections above the mean below which nothing is done: small numbers are uneven by chance."""
SETTLED = 60 * SECOND
"""A connection younger than this, in microseconds, is not asked: it may have been asked to come here."""


def overfull(own: int, everywhere: int, pods: int, above: int) -> int:
    """Connections that this pod has beyond the mean of all live pods, itself included; 0 while it has at most `above` percent more."""
    mean = everywhere / max(pods, 1)
    excess = own - mean
    return math.floor(excess) if above and excess >= FEWEST and own > mean * (1 + above / 100) else 0


class Rebalancer:
    """Asks a share of the idle clients each time the pod has learned how many connections there are.

    above, rate: percent, as REBALANCE_ABOVE and REBALANCE_RATE. now: Redis time in microseconds. clock: seconds, never back.
    ask: tells one client that another pod may take it.
    """

    def __init__(
        self, hub: Hub, *, above: int, rate: int, now: Callable[[], int], clock: Callable[[], float], ask: Callable[[Attached], None]
    ) -> None:
        self._hub, self._above, self._rate = hub, above, rate
        self._now, self._clock, self._ask = now, clock, ask
        self._last = clock()

    def learned(self, everywhere: int, pods: int) -> int:
        """Returns how many were asked. everywhere: connections of all `pods` live pods."""
        passed, self._last = self._clock() - self._last, self._clock()
        excess = overfull(len(self._hub), everywhere, pods, self._above)
        if not excess:
            return 0
        idle = [one for one in self._hub if one.v1 and one.live_call is None and one.at + SETTLED < self._now()]
        share = math.ceil(len(idle) * self._rate / 100 * min(passed, 10.0))
        chosen = random.sample(idle, min(len(idle), excess, share))
        for one in chosen:
            self._ask(one)
        return len(chosen)
