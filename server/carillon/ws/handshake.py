"""The beginning of a WebSocket under uvicorn, from its request to the answer, and how it ends in bounded time.

What stays uvicorn's: the connection's place in the server, the scope, the answer to a handshake that is none.
"""

import asyncio
import email.utils
import logging
from abc import ABC, abstractmethod
from enum import Enum
from http import HTTPStatus
from typing import Any

from uvicorn._types import ASGIReceiveEvent, ASGISendEvent
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import ServerState
from websockets.datastructures import Headers as Fields
from websockets.http11 import Request, Response
from websockets.protocol import Protocol as Frames

from carillon.errors import Close
from carillon.ws.config import SignalingConfig
from carillon.ws.socket import Socket
from carillon.ws.wire import Headers

log = logging.getLogger(__name__)

QUIET = logging.getLogger("carillon.ws.frames")
"""For the websockets library: it prints whole handshakes, tokens included, where debugging is on. Here it never is."""
QUIET.setLevel(logging.WARNING)


class Phase(Enum):
    ASKED = "the handshake waits for its answer; what comes already is held"
    OPEN = "open"
    CLOSING = "our close frame is out, the peer's is awaited; messages are no longer taken"
    ENDED = "nothing is said or heard any more; what was written goes out, in bounded time"


class Handshake(WebSocketsSansIOProtocol, ABC):
    config: SignalingConfig
    socket: Socket

    def __init__(
        self, config: SignalingConfig, server_state: ServerState, app_state: dict[str, Any], _loop: asyncio.AbstractEventLoop | None = None
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.conn.logger, self.conn.debug = QUIET, False
        self.bounds = config.bounds
        self.phase = Phase.ASKED
        self.listening = True
        self._part = bytearray()
        """What has come and cannot be read yet: before the answer all, then a frame of which something is missing."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        # Above it uvloop calls pause_writing, once it has offered everything to the kernel.
        self.transport.set_write_buffer_limits(high=self.bounds.backlog)

    @abstractmethod
    def opened(self, early: bytes) -> None:
        """The handshake is answered. early: what the peer has sent behind it already."""

    # ---------------------------------------------------------------- the request

    def begin(self, request: Request, early: bytes) -> None:
        """Hand the request to the application. early: what the peer sent behind it already."""
        self._part += early
        self.handle_connect(request)
        # Not used here, and 3 KiB a connection.
        del self.queue, self.writable, self.request
        if self.handshake_complete:
            self.phase = Phase.ENDED
            self._bound()
            return
        self.socket.query, self.scope["query_string"] = self.scope["query_string"], b""
        self.scope["extensions"]["carillon.socket"] = self.socket  # type: ignore[assignment] # uvicorn types extensions as dicts

    async def run_asgi(self) -> None:
        try:
            await self.app(self.scope, self.receive, self.send)
        except asyncio.CancelledError:
            self.socket.abort(Close.RESTART)
            raise
        except Exception:
            log.exception("a connection failed")
        if not self.socket.accepted:
            self.socket.reject(500, b"Internal server error")
        self.socket.close(Close.INTERNAL, Close.INTERNAL.reason)

    async def receive(self) -> ASGIReceiveEvent:
        raise RuntimeError("WebSockets are served through scope['extensions']['carillon.socket']")

    async def send(self, message: ASGISendEvent) -> None:
        """For routers that know no such path, and for responses in place of a WebSocket."""
        if message["type"] == "websocket.close" and not self.socket.accepted:
            self.socket.reject(404, b"Not Found")
        elif message["type"] == "websocket.http.response.start":
            fields = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in message.get("headers", [])]
            self.initial_response = message["status"], fields, b""
        elif message["type"] == "websocket.http.response.body" and self.initial_response is not None:
            status, fields, body = self.initial_response
            self.initial_response = status, fields, body + message.get("body", b"")
            if not message.get("more_body", False):
                names = ("content-length", "content-type", "connection", "transfer-encoding")
                kept = [(name, value) for name, value in fields if name.lower() not in names]
                self.socket.reject(status, self.initial_response[2], kept)
        else:
            await self.receive()

    # ---------------------------------------------------------------- the answer

    def write_accept(self, subprotocol: str | None) -> None:
        if self.phase is not Phase.ASKED:
            return
        del self.response.headers["Date"]
        if subprotocol:
            self.response.headers["Sec-WebSocket-Protocol"] = subprotocol
        self.conn.send_response(self.response)
        self.conn.parser = Frames.parse(self.conn)
        next(self.conn.parser)
        self.handshake_complete = True
        self.phase = Phase.OPEN
        self._flush()
        # They may hold the token.
        self.scope["headers"], self.scope["subprotocols"] = [], []
        early, self._part = bytes(self._part), bytearray()
        self.opened(early)

    def write_response(self, status: int, body: bytes, headers: Headers) -> None:
        if self.phase is not Phase.ASKED:
            return
        fields = [
            ("Date", email.utils.formatdate(usegmt=True)),
            ("Connection", "close"),
            ("Content-Length", str(len(body))),
            ("Content-Type", "text/plain; charset=utf-8"),
            *headers,
        ]
        self.conn.send_response(Response(status, HTTPStatus(status).phrase, Fields(fields), body))
        self.handshake_complete = True
        self._finish()

    # ---------------------------------------------------------------- the transport

    def pause(self) -> None:
        self.listening = False
        if not self.transport.is_closing():
            self.transport.pause_reading()

    def resume(self) -> None:
        self.listening = True
        if not self.transport.is_closing():
            self.transport.resume_reading()

    def _flush(self) -> None:
        if not self.transport.is_closing():
            self.transport.write(b"".join(self.conn.data_to_send()))

    def _bound(self) -> None:
        """Whatever the peer does, the connection is gone after some seconds."""
        if self.close_timer is None:
            self.close_timer = self.loop.call_later(self.bounds.close, self.transport.abort)

    def _finish(self) -> None:
        """What is written goes out, then our FIN; the peer's is awaited.

        To close at once, with something unread, would send a reset, which takes the last words away from the peer.
        """
        self._flush()
        self.phase = Phase.ENDED
        self._bound()
        if self.transport.is_closing():
            return
        if self.transport.can_write_eof():
            self.resume()
            self.transport.write_eof()
        else:
            self.transport.close()
