"""uvicorn's HTTP protocol with bounds on a request's size and time, which uvicorn has none of, and a shorter way to a WebSocket.

uvicorn writes an upgrade request out again for the WebSocket class to parse anew, in lines of at most 8 KiB, and says nothing about longer
ones; it also drops what came behind the request in the same read.
"""

import asyncio
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState
from websockets.datastructures import Headers
from websockets.http11 import Request

from carillon.ws.config import SignalingConfig
from carillon.ws.protocol import SignalingProtocol

PIPELINE = 16
"""Requests of one connection that may wait for their answers. A read may hold ten thousand, each of which costs some KiB as it waits, and
uvicorn reads on after every answer. Clients and proxies send one and wait for its answer.
"""


class TooLarge(Exception):
    """Request line and headers together pass the bound."""


class TooMany(Exception):
    """One request more than may wait."""


class SignalingHttp(HttpToolsProtocol):
    config: SignalingConfig

    def __init__(
        self, config: SignalingConfig, server_state: ServerState, app_state: dict[str, Any], _loop: asyncio.AbstractEventLoop | None = None
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        # It depends on what handlers are about, and its lines hold tokens.
        self.access_log = False
        self.bounds = config.bounds
        self._patience: asyncio.TimerHandle | None = None
        self._in_head = True
        self._head = self._unparsed = 0
        self._unanswered: list[RequestResponseCycle] = []
        self._refused = False

    # ---------------------------------------------------------------- time

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as in uvicorn
        super().connection_made(transport)
        self._wait_for_request()

    def _wait_for_request(self) -> None:
        """One request, head and body, must be here in time; between requests uvicorn's keep-alive counts.

        It ends where a request begins, and not, as in uvicorn, with any bytes: blank lines and what is left of an answered body would keep
        the connection for ever.
        """
        self._unset_keepalive_if_required()
        if self._patience is None:
            self._patience = self.loop.call_later(self.bounds.request, self.transport.abort)

    def _arrived(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self._in_head:
            # The next request began before this answer.
            self._unset_keepalive_if_required()

    def connection_lost(self, exc: Exception | None) -> None:
        self._arrived()
        # uvicorn tells only the last one, and the others' answers fail on a closed transport.
        for cycle in self._still_unanswered():
            _disconnect(cycle)
        super().connection_lost(exc)

    # ---------------------------------------------------------------- size

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head, self._head = True, 0
        self._wait_for_request()

    def on_url(self, url: bytes) -> None:
        super().on_url(url)
        self._grow(len(url))

    def on_header(self, name: bytes, value: bytes) -> None:
        super().on_header(name, value)
        self._grow(len(name) + len(value) + 4)

    def _grow(self, size: int) -> None:
        self._head += size
        if self._head > self.bounds.head:
            raise TooLarge

    def on_headers_complete(self) -> None:
        self._in_head, self._unparsed = False, 0
        waiting, before = self._still_unanswered(), self.cycle
        if len(waiting) >= PIPELINE:
            raise TooMany
        super().on_headers_complete()
        if self.cycle is not before:
            self._unanswered = [*waiting, self.cycle]

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._arrived()

    def _still_unanswered(self) -> list[RequestResponseCycle]:
        """Requests in the order in which they came; more than one with a client that does not wait for answers (RFC 9112 §9.3.2)."""
        return [one for one in self._unanswered if not one.response_complete]

    # ---------------------------------------------------------------- in

    def data_received(self, data: bytes) -> None:
        if self._refused:
            return
        self._unparsed = self._unparsed + len(data) if self._in_head else 0
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserError as error:
            large = isinstance(error.__context__, TooLarge)
            self._refuse(431 if large else 400, "Request too large" if large else "Invalid request")
        except httptools.HttpParserUpgrade as upgrade:
            if not self._should_upgrade():
                return
            if self._still_unanswered():
                # Their answers would be written into the WebSocket.
                self._refuse(400, "Invalid request")
            else:
                self._upgrade(data[upgrade.args[0] :])
        else:
            # A line that never ends is not in the callbacks' count yet.
            if self._in_head and self._unparsed > self.bounds.head:
                self._refuse(431, "Request too large")

    def _upgrade(self, early: bytes) -> None:
        try:
            request = Request(
                self.url.decode("ascii"),
                Headers([(name.decode("ascii"), value.decode("latin-1")) for name, value in self.headers]),
                self.parser.get_method().decode("ascii"),
                f"HTTP/{self.parser.get_http_version()}",
            )
        except UnicodeDecodeError:
            self._refuse(400, "Invalid request")
            return
        self._arrived()
        self.connections.discard(self)
        protocol = SignalingProtocol(self.config, self.server_state, self.app_state)
        protocol.connection_made(self.transport)
        self.transport.set_protocol(protocol)
        # The parser and this object hold each other; freed now rather than by the collector.
        self.parser = None  # type: ignore[assignment] # as in uvicorn's connection_lost
        protocol.begin(request, early)

    def _refuse(self, status: int, text: str) -> None:
        """Answer and leave, but read on for a while: to close with something unread would take the answer away from the peer.

        Requests before it are answered first; the last of these answers then says that the connection ends, in place of ours.
        """
        self._refused = True
        if self.transport.is_closing():
            return
        self._arrived()
        self._patience = self.loop.call_later(self.bounds.close, self.transport.abort)
        waiting = self._still_unanswered()
        begun = waiting.pop() if waiting and waiting[-1].more_body else None
        if begun:
            self._give_up(begun)
        if waiting:
            waiting[-1].keep_alive = False
        elif begun and begun.response_started:
            self.transport.close()
        else:
            self._say_last(status, text.encode())

    def _give_up(self, cycle: RequestResponseCycle) -> None:
        """The rest of its body cannot be read."""
        _disconnect(cycle)
        if self.pipeline and self.pipeline[0][0] is cycle:
            self.pipeline.popleft()

    def _say_last(self, status: int, body: bytes) -> None:
        self.transport.write(
            STATUS_LINE[status]
            + b"content-type: text/plain; charset=utf-8\r\nconnection: close\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body)
        )
        if self.transport.can_write_eof():
            self.transport.write_eof()
        else:
            self.transport.close()


def _disconnect(cycle: RequestResponseCycle) -> None:
    """Nothing is read from it or written to it any more, and its application is told."""
    cycle.disconnected = True
    cycle.message_event.set()
