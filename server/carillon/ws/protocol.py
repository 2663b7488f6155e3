"""The WebSocket protocol class that uvicorn runs for us, and why it is not uvicorn's own.

uvicorn reports every loss as 1005, hides pings and pongs, waits for ever to send a close to a slow reader, and reads nothing while a
handler runs. Here a loss is 1006, sends are bounded in bytes instead of waiting, and reading pauses only at a byte bound. The application
talks to `scope["extensions"]["carillon.socket"]`; of ASGI's messages only those that refuse a handshake are understood.
"""

import asyncio
import time
from typing import Any

from uvicorn.server import ServerState
from websockets.frames import Frame, Opcode

from carillon.errors import Close, CloseCode
from carillon.ws.config import SignalingConfig
from carillon.ws.frames import TEXT, Cut, apply_mask, frame_bounds, text_frame
from carillon.ws.handshake import Handshake, Phase
from carillon.ws.socket import Closed, Message, Socket


class SignalingProtocol(Handshake):
    """Fulfils `carillon.ws.wire.Wire` for its socket and `carillon.ws.keepalive.Peer` for the wheel."""

    def __init__(
        self, config: SignalingConfig, server_state: ServerState, app_state: dict[str, Any], _loop: asyncio.AbstractEventLoop | None = None
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.wheel = config.wheel
        self.socket = Socket(self, queue_bytes=self.bounds.queue)
        self.heard = self.due = 0
        self.asked = False
        self._awaits = 0
        """Bytes that must be there before more is known of the frame that has begun."""
        self._fragments: bytearray | None = None
        self._trifles = 0

    def opened(self, early: bytes) -> None:
        self.wheel.add(self)
        self.resume()
        if early:
            self.data_received(early)

    # ---------------------------------------------------------------- out

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

    def _finish(self) -> None:
        self.wheel.discard(self)
        super()._finish()

    # ---------------------------------------------------------------- in

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
