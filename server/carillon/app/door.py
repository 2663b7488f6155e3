"""Who may come in, and how much they may ask for: the limits, put in force."""

import asyncio
import time
from collections.abc import Callable

from carillon.config import Rate, Settings
from carillon.errors import Close, CloseCode, ErrorCode, Refused
from carillon.limits import Bucket, Counts, Queue, Rates, allowed, client_address
from carillon.telemetry import Metrics
from carillon.ws.ports import Refusal

FLOOD_SECONDS = 5.0
"""A connection so far above its rate, in seconds of it, is closed; below that single messages are refused.

A refused message owes what it would have taken of its rate, and time pays for it: up to twice the rate, that does not add up.
"""


class Door:
    """Fulfils `carillon.ws.ports.Door` and `carillon.service.ports.Limiter`."""

    def __init__(self, settings: Settings, metrics: Metrics, clock: Callable[[], float] = time.monotonic) -> None:
        limits, on = settings.limits, settings.limits.enabled
        self._settings, self._metrics, self._clock = settings, metrics, clock

        def rate(value: Rate | None) -> Rate | None:
            return value if on else None

        self._unauthenticated = Rates(rate(limits.unauthenticated))
        self._connects = Rates(rate(limits.connects_per_user))
        self._addresses = Counts(limits.connections_per_address if on else 0)
        self._all = Counts(limits.max_connections)
        self._accepts = Queue(rate(limits.accepts), limits.accept_wait)
        self._starts = Rates(rate(limits.starts))
        self._pushes_by_caller = Rates(rate(limits.pushes_per_caller))
        self._pushes_by_token = Rates(rate(limits.pushes_per_token))
        self._messages, self._bytes = rate(limits.messages), rate(limits.bytes)
        self._refused_lately: dict[str, float] = {}

    # ---------------------------------------------------------------- coming in

    def knock(self, peer: str, headers: list[tuple[bytes, bytes]]) -> str:
        """Before any token is read; returns the client's address. Raises Refusal."""
        origin, forwarded = None, []
        for name, value in headers:
            if name == b"origin":
                origin = value.decode("latin-1")
            elif name == b"x-forwarded-for":
                forwarded.append(value.decode("latin-1"))
        address = client_address(peer, ",".join(forwarded), self._settings.server.trusted_proxies)
        if not allowed(origin, self._settings.server.allowed_origins):
            raise Refusal(403, "This page may not connect (ALLOWED_ORIGINS)", Close.FORBIDDEN)
        until = self._refused_lately.get(address, 0.0)
        if until > self._clock():
            self._metrics.limited.inc("unauthenticated")
            raise Refusal(429, "Too many refused tokens from this address", Close.FLOODING, until - self._clock())
        return address

    def refused(self, address: str) -> None:
        """A token was not accepted."""
        now = self._clock()
        wait = self._unauthenticated.take(address, now)
        if wait:
            self._refused_lately = {other: until for other, until in self._refused_lately.items() if until > now}
            self._refused_lately[address] = now + wait

    async def enter(self, address: str, user_id: str) -> None:
        """For an authenticated user, waits its turn. Raises Refusal; nothing is counted then."""
        wait = self._connects.take(user_id, self._clock())
        if wait:
            self._metrics.limited.inc("connects_per_user")
            raise Refusal(429, "Too many connections of this user", Close.FLOODING, wait)
        turn = self._accepts.turn(self._clock())
        if turn is None:
            self._metrics.limited.inc("accepts")
            raise Refusal(503, "Too many connections at once", Close.OVERLOADED, self._settings.limits.accept_wait)
        if not self._all.enter(""):
            self._metrics.limited.inc("max_connections")
            raise Refusal(503, "This server is full", Close.OVERLOADED, 5.0)
        if not self._addresses.enter(address):
            self._all.leave("")
            self._metrics.limited.inc("connections_per_address")
            raise Refusal(429, "Too many connections from this address", Close.FLOODING, 30.0)
        if turn:
            self._metrics.limited.inc("accepts")
            try:
                await asyncio.sleep(turn)
            except BaseException:
                self.leave(address, user_id)
                raise

    def leave(self, address: str, user_id: str) -> None:
        self._all.leave("")
        self._addresses.leave(address)

    # ---------------------------------------------------------------- asking

    def start(self, user_id: str, device_token: str | None) -> None:
        """A call is about to be started. Raises Refused (RATE_LIMITED)."""
        now = self._clock()
        wait, limit = self._starts.take(user_id, now), "starts"
        if not wait and device_token:
            wait, limit = self._pushes_by_caller.take(user_id, now), "pushes_per_caller"
        if not wait and device_token:
            wait, limit = self._pushes_by_token.take(device_token, now), "pushes_per_token"
        if wait:
            self._metrics.limited.inc(limit)
            raise Refused(ErrorCode.RATE_LIMITED, "Too many calls", retry_after=wait)

    def meter(self) -> Callable[[int], CloseCode | None]:
        """For one connection: told of each message by its size, whether the connection must close. Raises Refused for one too many."""
        if self._messages is None and self._bytes is None:
            return _unmetered
        now = self._clock()
        messages = Bucket(self._messages, now) if self._messages else None
        volume = Bucket(self._bytes, now) if self._bytes else None
        owed, last = 0.0, now

        def take(size: int) -> CloseCode | None:
            nonlocal owed, last
            now = self._clock()
            owed, last = max(0.0, owed - (now - last)), now
            late = messages.take(now) if messages else 0.0
            heavy = volume.take(now, size) if volume else 0.0
            if not (late or heavy):
                return None
            self._metrics.limited.inc("messages")
            # Of a slow rate, or of a large message, one alone may take longer than any flood.
            again = owed > 0.0
            owed += max(messages.seconds(1) if messages and late else 0.0, volume.seconds(size) if volume and heavy else 0.0)
            if again and owed > FLOOD_SECONDS:
                return Close.FLOODING
            raise Refused(ErrorCode.RATE_LIMITED, "Too many messages", retry_after=max(late, heavy))

        return take


def _unmetered(_: int) -> CloseCode | None:
    return None
