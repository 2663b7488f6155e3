"""One WebSocket as the application sees it: synchronous sends, one ordered queue of what came, and its end told truly."""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from carillon.errors import Close, CloseCode
from carillon.ws.wire import GONE, Headers, Wire

OVERHEAD = 256
"""Bytes that a queued message costs beside its text, so that a queue of one-letter messages is bounded too."""


class Message(NamedTuple):
    data: bytes
    """UTF-8 text, checked."""
    at: float
    """When it came, on the monotonic clock."""


class Closed(NamedTuple):
    """The end of a connection.

    clean: the peer sent a close frame of its own accord. Then `code` is what it said (1005: nothing). Otherwise `code` is what this side
    closed or aborted with, if it did, and 1006 for every loss: abort, bare FIN, reset. An answer to our own close frame is no accord,
    whatever code it bears: common clients answer any close with 1000, which must not read as a hang-up.
    """

    code: int
    reason: str
    clean: bool


def queued(_: Message) -> bool:
    """Nothing is done at once: the reader takes all."""
    return False


class Socket:
    """queue_bytes: with more than that unread, reading from the network pauses.

    The application answers the handshake once, by `accept` or `reject`; the peer's messages wait for that. What is sent goes out in
    order, the close frame behind it. A peer that reads so slowly that the write buffer passes its bound is aborted (Close.SLOW).
    """

    __slots__ = (
        "_pings",
        "_queue",
        "_queue_bytes",
        "_queued",
        "_waiter",
        "_wire",
        "accepted",
        "at_once",
        "closed",
        "code",
        "heartbeat",
        "query",
        "received",
        "sent",
    )

    def __init__(self, wire: Wire, *, queue_bytes: int) -> None:
        self._wire: Wire = wire
        self._queue_bytes = queue_bytes
        self._queue: deque[Message | Closed] | tuple[()] = ()
        """A deque only while it holds something: an empty one takes 0.7 KiB."""
        self._queued = 0
        self._waiter: asyncio.Future[None] | None = None
        self._pings: dict[bytes, tuple[asyncio.Future[float], float]] | None = None
        self.at_once: Callable[[Message], bool] = queued
        """Asked of each message that comes while the reader waits for one: True if it is done with and need not wake it. Must not raise."""
        self.heartbeat: bytes | None = None
        """A message to go out beside each ping of the keepalive, for a peer whose script is to be woken by it."""
        self.query = b""
        """The query string, which may hold a token: kept here, and out of the scope, until the handshake is answered."""
        self.accepted = False
        self.closed = False
        """True once nothing more can be sent."""
        self.code = 0
        """What this side closed or aborted with; 0 while it did not."""
        self.received = self.sent = 0
        """Messages, for the log line at the end."""

    # ---------------------------------------------------------------- out

    def accept(self, subprotocol: str | None) -> None:
        """Answer the handshake with 101. Does nothing when the peer is gone."""
        if not self.closed and not self.accepted:
            self.accepted = True
            self.query = b""
            self._wire.write_accept(subprotocol)

    def reject(self, status: int, body: bytes, headers: Headers = ()) -> None:
        """Answer the handshake with an HTTP response instead, flushed before the connection closes."""
        if not self.closed and not self.accepted:
            self.query = b""
            self.put(Closed(Close.ABNORMAL, "", clean=False))
            self._wire.write_response(status, body, headers)

    def send(self, data: bytes | str) -> bool:
        """Queue a text message; False when the socket is not open, or was aborted for this one (see the class)."""
        if self.closed or not self.accepted:
            return False
        self.sent += 1
        self._wire.write_text(data.encode() if isinstance(data, str) else data)
        return not self.closed

    def close(self, code: CloseCode | int, reason: str = "") -> None:
        """Send a close frame behind all that was sent; the peer has some seconds to answer it. Before `accept`: HTTP 503."""
        if self.closed:
            return
        if not self.accepted:
            self.reject(503, reason.encode())
            return
        self.closed = True
        self.code = int(code)
        self._wire.write_close(self.code, reason)

    def abort(self, code: CloseCode | int = Close.ABNORMAL) -> None:
        """Cut the connection off, with what was not yet sent. code: for the record; that of an earlier `close` stands."""
        self.closed = True
        self.code = self.code or int(code)
        self._wire.abort()

    def ping(self) -> "asyncio.Future[float]":
        """Resolved with the seconds until the pong that answers this ping, or a later one; cancelled when the socket is lost first."""
        answered: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        if self.closed or not self.accepted:
            answered.cancel()
            return answered
        if self._pings is None:
            self._pings = {}
        now = time.monotonic_ns()
        payload = now.to_bytes(8, "big")
        while payload in self._pings:
            now += 1
            payload = now.to_bytes(8, "big")
        self._pings[payload] = answered, now / 1e9
        self._wire.write_ping(payload)
        return answered

    @property
    def buffered(self) -> int:
        """Bytes that the peer's network has not taken yet."""
        return self._wire.buffered()

    # ---------------------------------------------------------------- in

    async def receive(self) -> Message | Closed:
        """The next message, or the end; after the end the end again. One reader at a time."""
        while not self._queue:
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        item = self._queue[0]
        if isinstance(item, Message):
            self._queue.popleft()
            if not self._queue:
                self._queue = ()
            before, self._queued = self._queued, self._queued - len(item.data) - OVERHEAD
            if before > self._queue_bytes >= self._queued:
                self._wire.resume()
        return item

    def put(self, item: Message | Closed) -> None:
        """Called by the wire with what came. Nothing comes after the end."""
        waiter = self._waiter if self._waiter is not None and not self._waiter.done() else None
        if waiter is not None and isinstance(item, Message) and self.at_once(item):
            self.received += 1
            return
        if self._queue:
            if isinstance(self._queue[-1], Closed):
                return
            self._queue.append(item)
        else:
            self._queue = deque((item,))
        if isinstance(item, Message):
            self.received += 1
            before, self._queued = self._queued, self._queued + len(item.data) + OVERHEAD
            if before <= self._queue_bytes < self._queued:
                self._wire.pause()
        else:
            self._end()
        if waiter is not None:
            waiter.set_result(None)

    def lost(self) -> None:
        """Called by the wire once the connection is gone, as the last."""
        self.put(Closed(self.code or Close.ABNORMAL, "", clean=False))
        self._wire = GONE

    def _end(self) -> None:
        self.closed = True
        pings, self._pings = self._pings, None
        for answered, _ in (pings or {}).values():
            answered.cancel()

    def ponged(self, payload: bytes) -> None:
        """Called by the wire. Only a payload that was sent counts; a peer may leave out all pings but the latest (RFC 6455 §5.5.3)."""
        if self._pings is None or payload not in self._pings:
            return
        now = time.monotonic()
        for known in list(self._pings):
            answered, since = self._pings.pop(known)
            if not answered.done():
                answered.set_result(now - since)
            if known == payload:
                break
