"""One WebSocket as the application sees it: synchronous sends, one ordered queue of what came, and its end told truly."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from carillon.errors import CloseCode


class Message(NamedTuple):
    data: bytes
    """UTF-8 text."""
    at: float
    """When it came, on the monotonic clock."""


class Closed(NamedTuple):
    code: int
    """What the peer's close frame said (1005: nothing); 1006 for every loss without one."""
    reason: str
    clean: bool
    """Whether the peer sent a close frame of its own accord."""


class Wire(Protocol):
    """What the protocol class does for a socket."""

    def write_text(self, data: bytes) -> None: ...

    def write_ping(self, payload: bytes) -> None: ...

    def write_close(self, code: int, reason: str) -> None: ...

    def write_accept(self, subprotocol: str | None) -> None: ...

    def write_response(self, status: int, body: bytes, headers: Sequence[tuple[str, str]]) -> None: ...

    def abort(self) -> None: ...

    def buffered(self) -> int: ...

    def pause(self) -> None: ...

    def resume(self) -> None: ...


class Socket:
    """queue_bytes: above so much unread, reading from the network pauses. backlog_bytes: a reader so far behind is aborted."""

    __slots__ = (
        "_backlog_bytes",
        "_pings",
        "_queue",
        "_queue_bytes",
        "_queued",
        "_waiter",
        "_wire",
        "aborted",
        "accepted",
        "closed",
        "on_slow",
        "received",
        "sent",
    )

    def __init__(self, wire: Wire, *, queue_bytes: int, backlog_bytes: int) -> None:
        self._wire, self._queue_bytes, self._backlog_bytes = wire, queue_bytes, backlog_bytes
        self._queue: deque[Message | Closed] = deque()
        self._queued = 0
        self._waiter: asyncio.Future[None] | None = None
        self._pings: dict[bytes, asyncio.Future[None]] = {}
        self.accepted = False
        self.received = self.sent = 0
        """Messages, for the log line at the end."""
        self.closed = False
        """True once nothing more can be sent."""
        self.aborted = 0
        """The close code of our own doing, where there is one."""
        self.on_slow: Callable[[], None] | None = None

    # ---------------------------------------------------------------- out

    def accept(self, subprotocol: str | None) -> None:
        if not self.closed and not self.accepted:
            self.accepted = True
            self._wire.write_accept(subprotocol)

    def reject(self, status: int, body: bytes, headers: Sequence[tuple[str, str]] = ()) -> None:
        """Answer the handshake with an HTTP response, flushed before the connection closes."""
        if not self.closed and not self.accepted:
            self.closed = True
            self._wire.write_response(status, body, headers)

    def send(self, data: bytes) -> bool:
        """Queue a text message; False when the socket is closed."""
        if self.closed or not self.accepted:
            return False
        self._wire.write_text(data)
        self.sent += 1
        if self._wire.buffered() > self._backlog_bytes:
            if self.on_slow:
                self.on_slow()
            self.abort(4409)
        return True

    def close(self, code: CloseCode | int, reason: str = "") -> None:
        """Send a close frame behind all that was sent; the peer has some seconds to answer it."""
        if self.closed:
            return
        self.closed = True
        self.aborted = int(code)
        self._wire.write_close(int(code), reason)

    def abort(self, code: int = 1006) -> None:
        """Cut the connection off. code: for the record."""
        if not self.closed or not self.aborted:
            self.aborted = code
        self.closed = True
        self._wire.abort()

    def ping(self) -> "asyncio.Future[None]":
        """Resolved by the pong that answers this very ping; cancelled when the socket is lost first."""
        answered: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if self.closed:
            answered.cancel()
            return answered
        payload = (id(answered) & (2**64 - 1)).to_bytes(8, "big")
        self._pings[payload] = answered
        self._wire.write_ping(payload)
        return answered

    # ---------------------------------------------------------------- in

    async def receive(self) -> Message | Closed:
        """The next message, or the end. After the end the end again."""
        while not self._queue:
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        item = self._queue[0]
        if isinstance(item, Message):
            self._queue.popleft()
            before, self._queued = self._queued, self._queued - len(item.data)
            if before > self._queue_bytes >= self._queued:
                self._wire.resume()
        return item

    def put(self, item: Message | Closed) -> None:
        if self._queue and isinstance(self._queue[-1], Closed):
            return
        self._queue.append(item)
        if isinstance(item, Message):
            self.received += 1
            before, self._queued = self._queued, self._queued + len(item.data)
            if before <= self._queue_bytes < self._queued:
                self._wire.pause()
        else:
            self.closed = True
            for answered in self._pings.values():
                answered.cancel()
            self._pings.clear()
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def ponged(self, payload: bytes) -> None:
        answered = self._pings.pop(payload, None)
        if answered is not None and not answered.done():
            answered.set_result(None)
