"""The WebSocket protocol class that uvicorn runs for us, and why it is not uvicorn's own.

uvicorn reports every loss as 1005, hides pings and pongs, waits for ever to send a close to a slow reader, and reads nothing while a
handler runs. Here a loss is 1006, sends are bounded in bytes instead of waiting, and reading pauses only at a byte bound. The application
talks to `scope["extensions"]["carillon.socket"]`; ASGI's receive and send are not used after the handshake.
"""

import email.utils
import time
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from uvicorn.config import Config
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import ServerState
from websockets.datastructures import Headers
from websockets.frames import Frame
from websockets.http11 import Request, Response
from websockets.protocol import State

from carillon.errors import Close
from carillon.ws.socket import Closed, Message, Socket

QUEUE_BYTES = 1_048_576
BACKLOG_BYTES = 1_048_576
CLOSE_TIMEOUT = 5.0
"""Seconds a peer has to answer our close frame, or to read what was sent before it."""


TOO_LARGE = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\nConnection: close\r\nContent-Type: text/plain\r\nContent-Length: 24\r\n\r\n"
    b"URL or header too large\n"
)


class SignalingProtocol(WebSocketsSansIOProtocol):
    queue_bytes = QUEUE_BYTES
    backlog_bytes = BACKLOG_BYTES

    def __init__(self, config: Config, server_state: ServerState, app_state: dict[str, Any], _loop: Any = None) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.socket = Socket(self, queue_bytes=self.queue_bytes, backlog_bytes=self.backlog_bytes)
        self.clean: Closed | None = None
        self.heard = time.monotonic()
        self.fragments = 0

    # ---------------------------------------------------------------- the handshake

    def handle_connect(self, event: Request) -> None:
        super().handle_connect(event)
        if self.response.status_code == 101:
            self.scope["extensions"]["carillon.socket"] = self.socket  # type: ignore[assignment] # uvicorn types extensions as dicts

    def write_accept(self, subprotocol: str | None) -> None:
        del self.response.headers["Date"]
        if subprotocol:
            self.response.headers["Sec-WebSocket-Protocol"] = subprotocol
        self.handshake_complete = True
        self.conn.send_response(self.response)
        self._flush()
        self.start_keepalive()

    def write_response(self, status: int, body: bytes, headers: Sequence[tuple[str, str]]) -> None:
        fields = Headers(
            [
                ("Date", email.utils.formatdate(usegmt=True)),
                ("Connection", "close"),
                ("Content-Length", str(len(body))),
                ("Content-Type", "text/plain; charset=utf-8"),
                *headers,
            ]
        )
        self.conn.send_response(Response(status, HTTPStatus(status).phrase, fields, body))
        self.handshake_complete = self.close_sent = True
        self._flush()
        self.transport.close()

    def _refuse_handshake(self) -> None:
        """What websockets cannot parse (a line or header above its 8 KiB) it drops without a word: answer it."""
        self.handshake_complete = self.close_sent = True
        if not self.transport.is_closing():
            self.transport.write(TOO_LARGE)
            self.transport.close()

    # ---------------------------------------------------------------- out

    def _flush(self) -> None:
        if not self.transport.is_closing():
            self.transport.write(b"".join(self.conn.data_to_send()))

    def write_text(self, data: bytes) -> None:
        if self.conn.state is State.OPEN:
            self.conn.send_text(data)
            self._flush()

    def write_ping(self, payload: bytes) -> None:
        if self.conn.state is State.OPEN:
            self.conn.send_ping(payload)
            self._flush()

    def write_close(self, code: int, reason: str) -> None:
        if self.conn.state is State.OPEN:
            self.conn.send_close(code, reason.encode()[:120].decode(errors="ignore"))
            self._flush()
        self.close_sent = True
        self.resume()
        self.close_timer = self.loop.call_later(CLOSE_TIMEOUT, self.abort)

    def abort(self) -> None:
        if self.transport is not None:
            self.transport.abort()

    def buffered(self) -> int:
        return self.transport.get_write_buffer_size()

    def pause(self) -> None:
        if not self.transport.is_closing():
            self.transport.pause_reading()

    def resume(self) -> None:
        if not self.transport.is_closing():
            self.transport.resume_reading()

    # ---------------------------------------------------------------- in

    def data_received(self, data: bytes) -> None:
        self.heard = time.monotonic()
        self.conn.receive_data(data)
        self.handle_events()
        if self.conn.handshake_exc is not None and not self.handshake_initiated:
            self._refuse_handshake()
        elif self.conn.parser_exc is not None:
            self.handle_parser_exception()

    def handle_text(self, event: Frame) -> None:
        self.frames = [bytes(event.data)]
        self.fragments = len(event.data)
        if event.fin:
            self.send_receive_event_to_app()

    def handle_cont(self, event: Frame) -> None:
        self.frames.append(bytes(event.data))
        self.fragments += len(event.data)
        if event.fin:
            self.send_receive_event_to_app()

    def handle_bytes(self, event: Frame) -> None:
        self.frames = []
        self._refuse(Close.UNSUPPORTED, "text only")

    def send_receive_event_to_app(self) -> None:
        data = self.frames[0] if len(self.frames) == 1 else b"".join(self.frames)
        self.frames = []
        if self.close_sent:
            return
        try:
            data.decode()
        except UnicodeDecodeError:
            self._refuse(1007, "not UTF-8")
            return
        self.socket.put(Message(data, self.heard))

    def _refuse(self, code: int, reason: str) -> None:
        if not self.close_sent:
            self.socket.put(Closed(code, reason, clean=False))
            self.write_close(code, reason)

    def handle_ping(self) -> None:
        self._flush()

    def handle_pong(self, event: Frame) -> None:
        super().handle_pong(event)
        self.socket.ponged(bytes(event.data))

    def handle_close(self, event: Frame) -> None:
        received = self.conn.close_rcvd
        if self.close_sent:
            self._end(Closed(self.socket.aborted or 1006, "", clean=False))
        else:
            assert received is not None
            self._end(Closed(received.code, received.reason, clean=True))
        self._flush()
        self.transport.close()

    def handle_parser_exception(self) -> None:
        sent = self.conn.close_sent
        self._end(Closed(sent.code if sent else 1002, sent.reason if sent else "", clean=False))
        self._flush()
        self.close_sent = True
        if not self.transport.is_closing():
            self.transport.close()

    def eof_received(self) -> None:
        """A bare FIN is a loss: nothing more is to be expected from this peer."""
        self.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self._end(Closed(self.socket.aborted or Close.ABNORMAL, "", clean=False))
        super().connection_lost(exc)

    def _end(self, closed: Closed) -> None:
        self.socket.put(closed)

    # ---------------------------------------------------------------- keepalive and shutdown

    def keepalive_timeout(self) -> None:
        """Only silence counts: a peer that sends is alive, whatever became of its pong."""
        self.pong_timer = None
        self.pending_ping_payload = None
        if self.ping_timeout is not None and time.monotonic() - self.heard < self.ping_timeout:
            self.schedule_ping()
        else:
            self.socket.abort(Close.IDLE)

    def shutdown(self) -> None:
        """uvicorn asks all connections to go at once; ours have been sent away by the drain, what is left is closed in order."""
        if self.handshake_complete:
            self.socket.close(Close.RESTART, Close.RESTART.reason)
        else:
            self.transport.close()
