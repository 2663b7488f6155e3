"""A small HTTP/2 server over TLS (RFC 9113, by the h2 package) that can also misbehave in every way a provider has been seen to."""

import asyncio
import json
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.exceptions
import h2.settings


@dataclass
class Request:
    method: str
    path: str
    headers: list[tuple[str, str]]
    body: bytes
    certificate: dict[str, Any] | None
    """Of the client, as `ssl.SSLSocket.getpeercert` gives it."""

    def header(self, name: str) -> str:
        return ", ".join(value for key, value in self.headers if key == name)


@dataclass
class Reply:
    status: int
    body: Any = None
    """To be JSON, unless it is bytes."""
    headers: dict[str, str] = field(default_factory=dict)
    wait: asyncio.Event | None = None
    """Answer once it is set."""


@dataclass
class Hang:
    """No answer, ever."""


@dataclass
class Reset:
    """RST_STREAM instead of an answer."""

    code: h2.errors.ErrorCodes = h2.errors.ErrorCodes.INTERNAL_ERROR


@dataclass
class GoAway:
    """GOAWAY and the end of the connection. done: whether this stream counts as processed."""

    done: bool = True
    debug: bytes | None = None


@dataclass
class Drop:
    """The connection is cut without a word."""


@dataclass
class Deaf:
    """The connection stays open; nothing on it is read or answered any more, as behind a NAT that forgot it."""


Action = Reply | Hang | Reset | GoAway | Drop | Deaf
Handler = Callable[[Request], Awaitable[Action]]


class H2Server:
    def __init__(self, tls: ssl.SSLContext, handler: Handler, streams: int = 100) -> None:
        """streams: MAX_CONCURRENT_STREAMS that clients are told."""
        self._tls, self._handler, self._streams = tls, handler, streams
        self._connections: set[_Connection] = set()
        self.accepted = 0

    async def start(self) -> "H2Server":
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._tls)
        return self

    @property
    def url(self) -> str:
        return f"https://localhost:{self._server.sockets[0].getsockname()[1]}"

    @property
    def open(self) -> int:
        """Connections that are open."""
        return len(self._connections)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        connection = _Connection(reader, writer, self._handler, self._streams)
        self._connections.add(connection)
        try:
            await connection.serve()
        finally:
            self._connections.discard(connection)

    def say_goodbye(self) -> None:
        """GOAWAY on every connection, as before a restart; requests under way are still answered."""
        for connection in self._connections:
            connection.goodbye()

    async def stop(self) -> None:
        self._server.close()
        for connection in list(self._connections):
            connection.cut()
        await self._server.wait_closed()


class _Connection:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, handler: Handler, streams: int) -> None:
        self._reader, self._writer, self._handler = reader, writer, handler
        self._h2 = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False, header_encoding="utf-8"))
        # Replaced, since a changed setting counts only once the client has acknowledged it.
        codes = h2.settings.SettingCodes
        initial = {codes.MAX_CONCURRENT_STREAMS: streams, codes.MAX_HEADER_LIST_SIZE: 65536}
        self._h2.local_settings = h2.settings.Settings(client=False, initial_values=initial)
        self._requests: dict[int, tuple[list[tuple[str, str]], bytearray]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._deaf = asyncio.Event()

    async def serve(self) -> None:
        self._h2.initiate_connection()
        try:
            self._flush()
            while not self._deaf.is_set():
                data = await self._reader.read(65536)
                if not data:
                    break
                for event in self._h2.receive_data(data):
                    self._take(event)
                self._flush()
            if self._deaf.is_set():
                await self._gone()
        except (OSError, ssl.SSLError, h2.exceptions.ProtocolError):
            pass
        finally:
            for task in self._tasks:
                task.cancel()
            self._writer.close()

    async def _gone(self) -> None:
        """Deaf until the client or the test closes the connection."""
        while await self._reader.read(65536):
            pass

    def _take(self, event: h2.events.Event) -> None:
        match event:
            case h2.events.RequestReceived():
                self._requests[event.stream_id] = ([(str(key), str(value)) for key, value in event.headers or []], bytearray())
            case h2.events.DataReceived():
                self._requests[event.stream_id][1].extend(event.data or b"")
                self._h2.acknowledge_received_data(event.flow_controlled_length or 0, event.stream_id)
            case h2.events.StreamEnded():
                task = asyncio.get_running_loop().create_task(self._answer(event.stream_id))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    async def _answer(self, stream: int) -> None:
        headers, body = self._requests.pop(stream)
        pseudo = dict(headers)
        plain = [(key, value) for key, value in headers if not key.startswith(":")]
        certificate = self._writer.get_extra_info("peercert")
        action = await self._handler(Request(pseudo[":method"], pseudo[":path"], plain, bytes(body), certificate))
        if self._deaf.is_set():
            return
        match action:
            case Reply():
                if action.wait is not None:
                    await action.wait.wait()
                self._reply(stream, action)
            case Reset():
                self._h2.reset_stream(stream, action.code)
            case GoAway():
                self._h2.close_connection(last_stream_id=stream if action.done else max(stream - 2, 0), additional_data=action.debug)
                self._flush()
                self._writer.close()
            case Drop():
                self.cut()
            case Deaf():
                self._deaf.set()
        if not self._deaf.is_set():
            self._flush()

    def _reply(self, stream: int, reply: Reply) -> None:
        content = reply.body if isinstance(reply.body, bytes) else b"" if reply.body is None else json.dumps(reply.body).encode()
        try:
            self._h2.send_headers(stream, [(":status", str(reply.status)), *reply.headers.items()], end_stream=not content)
            if content:
                self._h2.send_data(stream, content, end_stream=True)
        except h2.exceptions.ProtocolError:
            pass  # the client left

    def goodbye(self) -> None:
        """Sent by hand: h2 refuses to answer streams under way once it has sent a GOAWAY itself."""
        last = self._h2.highest_inbound_stream_id
        self._writer.write((8).to_bytes(3, "big") + b"\x07\x00" + bytes(4) + last.to_bytes(4, "big") + bytes(4))

    def cut(self) -> None:
        self._writer.transport.abort()

    def _flush(self) -> None:
        data = self._h2.data_to_send()
        if data and not self._writer.is_closing():
            self._writer.write(data)
