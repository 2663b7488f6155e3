"""One timer for the keepalive of all connections."""

import asyncio
import random
from collections.abc import Callable
from typing import Protocol

TICK = 0.5
"""Seconds: how exact interval and timeout are."""


class Peer(Protocol):
    """A connection to be kept. It sets `heard` to the wheel's `now` and `asked` to False whenever bytes come."""

    heard: int
    asked: bool
    due: int

    @property
    def listening(self) -> bool:
        """False while this side does not read: then nobody's silence counts."""

    def begin_period(self) -> None:
        """Called at each visit, at most one interval after the last: what is counted by period starts anew."""

    def ask(self) -> None:
        """Send a ping."""

    def unresponsive(self) -> None: ...


class Wheel:
    """Asks each peer that was silent for `interval` seconds, and gives up those that stay silent for `timeout` more.

    Any byte counts as an answer: who sends is alive, whatever became of its pong. Time is counted in ticks of a loop that really ran: one
    that stood still, with the answers unread, condemns nobody.
    """

    def __init__(self, interval: float, timeout: float, draw: Callable[[], float] = random.random) -> None:
        """draw: from [0, 1). Peers that came together are first asked at different times."""
        self._interval, self._timeout = max(1, round(interval / TICK)), max(1, round(timeout / TICK))
        self._draw = draw
        self._due: dict[int, set[Peer]] = {}
        self._timer: asyncio.TimerHandle | None = None
        self.now = 0

    def add(self, peer: Peer) -> None:
        peer.heard, peer.asked = self.now - int(self._draw() * self._interval / 2), False
        self._schedule(peer, peer.heard + self._interval)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(TICK, self._tick)

    def discard(self, peer: Peer) -> None:
        peers = self._due.get(peer.due)
        if peers is not None:
            peers.discard(peer)
            if not peers:
                del self._due[peer.due]

    def _schedule(self, peer: Peer, due: int) -> None:
        peer.due = max(due, self.now + 1)
        self._due.setdefault(peer.due, set()).add(peer)

    def _tick(self) -> None:
        self.advance()
        self._timer = asyncio.get_running_loop().call_later(TICK, self._tick) if self._due else None

    def advance(self) -> None:
        """One tick on."""
        self.now += 1
        for peer in self._due.pop(self.now, ()):
            self._visit(peer)

    def _visit(self, peer: Peer) -> None:
        peer.begin_period()
        if not peer.listening:
            peer.heard, peer.asked = self.now, False
        if peer.asked:
            peer.unresponsive()
        elif self.now - peer.heard < self._interval:
            self._schedule(peer, peer.heard + self._interval)
        else:
            peer.asked = True
            self._schedule(peer, self.now + self._timeout)
            peer.ask()
