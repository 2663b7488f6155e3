"""The WebSocket protocol class that uvicorn runs for us, and why it is not uvicorn's own.

uvicorn reports every loss as 1005, hides pings and pongs, waits for ever to send a close to a slow reader, and reads nothing while a
handler runs. Here a loss is 1006, sends are bounded in bytes instead of waiting, and reading pauses only at a byte bound. The application
talks to `scope["extensions"]["carillon.socket"]`; of ASGI's messages only those that refuse a handshake are understood.

What stays uvicorn's: the connection's place in the server, the scope, the answer to a handshake that is none.
"""

import asyncio
import email.utils
import logging
import time
from enum import Enum
from http import HTTPStatus
from typing import Any

from uvicorn._types import ASGIReceiveEvent, ASGISendEvent
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import ServerState
from websockets.datastructures import Headers as Fields
from websockets.frames import Frame, Opcode
from websockets.http11 import Request, Response
from websockets.protocol import Protocol as Frames

from carillon.errors import Close, CloseCode
from carillon.ws.config import SignalingConfig
from carillon.ws.frames import TEXT, Cut, apply_mask, frame_bounds, text_frame
from carillon.ws.socket import Closed, Headers, Message, Socket

log = logging.getLogger(__name__)

QUIET = logging.getLogger("carillon.ws.frames")
"""For the websockets library: it prints whole handshakes, tokens included, where debugging is on. Here it never is."""
QUIET.setLevel(logging.WARNING)


class Phase(Enum):
    ASKED = "the handshake waits for its answer; what comes already is held"
    OPEN = "open"
    CLOSING = "our close frame is out, the peer's is awaited; messages are no longer taken"
    ENDED = "nothing is said or heard any more; what was written goes out, in bounded time"


class SignalingProtocol(WebSocketsSansIOProtocol):
    config: SignalingConfig

    def __init__(
        self, config: SignalingConfig, server_state: ServerState, app_state: dict[str, Any], _loop: asyncio.AbstractEventLoop | None = None
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.conn.logger, self.conn.debug = QUIET, False
        self.bounds, self.wheel = config.bounds, config.wheel
        self.socket = Socket(self, queue_bytes=self.bounds.queue)
        self.phase = Phase.ASKED
        self.listening = True
        self.heard = self.due = 0
        self.asked = False
        self._part, self._awaits = bytearray(), 0
        """A frame of which not all has come, and how many bytes it takes at least to know more; before the answer, all that has come."""
        self._fragments: bytearray | None = None
        self._trifles = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        # Above it uvloop calls pause_writing, once it has offered everything to the kernel.
        self.transport.set_write_buffer_limits(high=self.bounds.backlog)

    # ---------------------------------------------------------------- the handshake

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
        self.wheel.add(self)
        early, self._part = bytes(self._part), bytearray()
        self.resume()
        if early:
            self.data_received(early)

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

    # ---------------------------------------------------------------- out

    def _flush(self) -> None:
        if not self.transport.is_closing():
            self.transport.write(b"".join(self.conn.data_to_send()))

    def write_text(self, data: bytes) -> None:
        if self.phase is Phase.OPEN:
            self.transport.write(text_frame(data))

    def write_ping(self, payload: bytes) -> None:
        if self.phase is Phase.OPEN:
            self.conn.send_ping(payload)
            self._flush()

    def write_close(self, code: int, reason: str) -> None:
        if self.phase is Phase.OPEN:
            self.phase = Phase.CLOSING
            self.conn.send_close(code, reason.encode()[:120].decode(errors="ignore"))
            self._flush()
            self.wheel.discard(self)
            self.resume()
            self._bound()

    def abort(self) -> None:
        self.phase = Phase.ENDED
        self.wheel.discard(self)
        self.transport.abort()

    def buffered(self) -> int:
        return self.transport.get_write_buffer_size()

    def pause_writing(self) -> None:
        self.socket.abort(Close.SLOW)

    def resume_writing(self) -> None:
        pass

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
        self.wheel.discard(self)
        self._bound()
        if self.transport.is_closing():
            return
        if self.transport.can_write_eof():
            self.resume()
            self.transport.write_eof()
        else:
            self.transport.close()

    # ---------------------------------------------------------------- in

    def pause(self) -> None:
        self.listening = False
        if not self.transport.is_closing():
            self.transport.pause_reading()

    def resume(self) -> None:
        self.listening = True
        if not self.transport.is_closing():
            self.transport.resume_reading()

    def data_received(self, data: bytes) -> None:
        self.heard, self.asked = self.wheel.now, False
        if self._part or self.phase is Phase.ASKED:
            self._part += data
            if self.phase is Phase.ASKED and len(self._part) > self.bounds.head:
                self.pause()
            if self.phase is Phase.ASKED or len(self._part) < self._awaits:
                return
            data, self._part = bytes(self._part), bytearray()
        self._cut(data)

    def _cut(self, data: bytes) -> None:
        at, end = 0, len(data)
        while at < end and self.phase is not Phase.ENDED:
            try:
                begin, after = frame_bounds(data, at, self.bounds.frame)
            except Cut:
                self._judge(data[at:])
                return
            if not after or after > end:
                self._part, self._awaits = bytearray(data[at:]), after - at if after else 0
                return
            if data[at] == TEXT and self.conn.current_size is None:
                self._message(apply_mask(data[begin:after], data[begin - 4 : begin]))
            else:
                self._judge(data[at:after])
            at = after

    def _judge(self, data: bytes) -> None:
        """Whole frames other than whole messages, and those that are not allowed, are for websockets to read and to answer."""
        self._trifles += 1
        self.conn.receive_data(data)
        for frame in self.conn.events_received():
            if isinstance(frame, Frame):
                self._frame(frame)
        if self.conn.parser_exc is not None and self.phase is not Phase.ENDED:
            sent = self.conn.close_sent
            self.socket.put(Closed(self.socket.code or (sent.code if sent else Close.PROTOCOL), sent.reason if sent else "", clean=False))
            self._finish()
        elif self.conn.writes and self.phase is not Phase.ENDED:
            self._flush()
        if self._trifles > self.bounds.trifles:
            self._refuse(Close.FLOODING)

    def _frame(self, frame: Frame) -> None:
        match frame.opcode:
            case Opcode.TEXT | Opcode.CONT:
                self._fragment(bytes(frame.data), frame.fin, first=frame.opcode is Opcode.TEXT)
            case Opcode.BINARY:
                self._refuse(Close.UNSUPPORTED)
            case Opcode.PONG:
                self.socket.ponged(bytes(frame.data))
            case Opcode.CLOSE:
                self._closed()

    def _fragment(self, data: bytes, final: bool, *, first: bool) -> None:
        if first or self._fragments is None:
            self._fragments = bytearray()
        self._fragments += data
        if final:
            whole, self._fragments = bytes(self._fragments), None
            self._message(whole)

    def _message(self, data: bytes) -> None:
        if self.phase is not Phase.OPEN:
            return
        try:
            data.decode()
        except UnicodeDecodeError:
            self._refuse(Close.NOT_UTF8)
            return
        self.socket.put(Message(data, time.monotonic()))

    def _refuse(self, code: CloseCode) -> None:
        if self.phase is Phase.OPEN:
            self.socket.close(code, code.reason)
            self.socket.put(Closed(code, code.reason, clean=False))

    def _closed(self) -> None:
        """The peer's close frame, by which it ends the connection or answers ours; websockets has written the answer."""
        said = self.conn.close_rcvd
        if self.phase is Phase.OPEN and said is not None:
            self.socket.put(Closed(said.code, said.reason, clean=True))
        else:
            self.socket.put(Closed(self.socket.code or Close.ABNORMAL, "", clean=False))
        self._flush()
        self.phase = Phase.ENDED
        self.wheel.discard(self)
        self._bound()
        self.transport.close()

    def eof_received(self) -> None:
        """A bare FIN is a loss: nothing more is to be expected from this peer. The transport closes itself."""
        if self.phase is not Phase.ENDED:
            self.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self.phase = Phase.ENDED
        self.wheel.discard(self)
        self.connections.discard(self)
        if self.close_timer is not None:
            self.close_timer.cancel()
            self.close_timer = None
        self.socket.lost()
        # The parser holds conn, which holds the parser; freed now rather than by the collector.
        self.conn.parser.close()

    # ---------------------------------------------------------------- keepalive and shutdown

    def begin_period(self) -> None:
        self._trifles = 0

    def ask(self) -> None:
        self.write_ping(b"")
        if self.socket.heartbeat is not None:
            self.socket.send(self.socket.heartbeat)

    def unresponsive(self) -> None:
        self.socket.abort(Close.IDLE)

    def shutdown(self) -> None:
        """uvicorn asks all connections to go at once. The drain has sent ours away; what is left is closed in order."""
        self.socket.close(Close.RESTART, Close.RESTART.reason)
