"""The transport with an application that is the test itself, and a client that sends what no library would."""

import asyncio
import base64
import dataclasses
import os
import socket
import struct
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from carillon.config import AuthSettings, Settings
from carillon.ws.config import SignalingConfig
from carillon.ws.keepalive import TICK
from carillon.ws.server import SignalingServer, make_config
from carillon.ws.socket import Socket

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


@dataclass(eq=False)
class Arrival:
    """A handshake that waits for the test's answer."""

    socket: Socket
    scope: dict[str, Any]
    done: asyncio.Event = field(default_factory=asyncio.Event)
    """Set: the application returns."""
    fail: Exception | None = None

    def open(self, subprotocol: str | None = None) -> Socket:
        self.socket.accept(subprotocol)
        return self.socket


class Host:
    """A server in this loop. `arrivals` holds handshakes; the test answers them. A plain request for /late waits for the event `late`."""

    def __init__(self, settings: Settings, **options: Any) -> None:
        self.asked = 0
        self.late = asyncio.Event()
        self.arrivals: asyncio.Queue[Arrival] = asyncio.Queue()
        self._arrived: list[Arrival] = []
        self.server = SignalingServer(
            make_config(self, settings, **{"host": "127.0.0.1", "port": 0, "lifespan": "off"} | options), self._nothing
        )

    async def _nothing(self) -> None:
        return

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            if scope["path"] == "/late":
                self.asked += 1
                await self.late.wait()
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
            await send({"type": "http.response.body", "body": b"OK"})
            return
        if scope["path"] == "/denied":
            await send({"type": "websocket.http.response.start", "status": 418, "headers": [(b"x-why", b"tea")]})
            await send({"type": "websocket.http.response.body", "body": b"no ", "more_body": True})
            await send({"type": "websocket.http.response.body", "body": b"coffee"})
            return
        if scope["path"] != "/ws":
            await send({"type": "websocket.close", "code": 1000})
            return
        arrival = Arrival(scope["extensions"]["carillon.socket"], scope)
        self._arrived.append(arrival)
        self.arrivals.put_nowait(arrival)
        await arrival.done.wait()
        if arrival.fail:
            raise arrival.fail

    async def __aenter__(self) -> Self:
        config = self.server.config
        config.load()
        self.server.lifespan = config.lifespan_class(config)
        await self.server.startup()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for arrival in self._arrived:
            arrival.done.set()
        await self.server.shutdown()

    @property
    def port(self) -> int:
        port: int = self.server.servers[0].sockets[0].getsockname()[1]
        return port

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/ws"

    def later(self, seconds: float) -> None:
        """Keepalive time passes, although nobody waits."""
        assert isinstance(self.server.config, SignalingConfig)
        for _ in range(round(seconds / TICK)):
            self.server.config.wheel.advance()

    async def arrival(self) -> Arrival:
        return await asyncio.wait_for(self.arrivals.get(), 5)

    async def pair(self, **options: Any) -> "tuple[RawClient, Socket]":
        """A client and the open socket on this side."""
        client = await RawClient.ask(self.port, **options)
        server_side = (await self.arrival()).open()
        assert (await client.answer()).startswith("HTTP/1.1 101")
        return client, server_side


def settings(**changes: Any) -> Settings:
    """Defaults, but for `server__name` and `limits__name`."""
    made = Settings(auth=AuthSettings(secret="x" * 32))
    for name, value in changes.items():
        section, _, field_name = name.partition("__")
        made = dataclasses.replace(made, **{section: dataclasses.replace(getattr(made, section), **{field_name: value})})
    return made


def frame(opcode: int, payload: bytes = b"", *, final: bool = True, masked: bool = True) -> bytes:
    """As a client sends it. RFC 6455 §5.2."""
    length, mask = len(payload), os.urandom(4)
    head = bytes([(0x80 if final else 0) | opcode])
    bit = 0x80 if masked else 0
    if length < 126:
        head += bytes([bit | length])
    else:
        head += struct.pack("!BH", bit | 126, length) if length < 65_536 else struct.pack("!BQ", bit | 127, length)
    if not masked:
        return head + payload
    return head + mask + bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload))


class RawClient:
    """Reads and writes bytes; a small receive buffer makes it a slow reader quickly."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    @classmethod
    async def connect(cls, port: int, *, receive_buffer: int | None = None) -> "RawClient":
        raw = socket.socket()
        raw.setblocking(False)
        if receive_buffer:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        await asyncio.get_running_loop().sock_connect(raw, ("127.0.0.1", port))
        reader, writer = await asyncio.open_connection(sock=raw, limit=2**16)
        return cls(reader, writer)

    @classmethod
    async def ask(
        cls, port: int, *, target: str = "/ws", headers: dict[str, str] | None = None, behind: bytes = b"", **options: Any
    ) -> "RawClient":
        """Send the handshake. behind: what follows it in the same write."""
        client = await cls.connect(port, **options)
        lines = {
            "Host": "127.0.0.1",
            "Upgrade": "websocket",
            "Connection": "Upgrade",
            "Sec-WebSocket-Key": base64.b64encode(os.urandom(16)).decode(),
            "Sec-WebSocket-Version": "13",
            **(headers or {}),
        }
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        client.send(f"GET {target} HTTP/1.1\r\n{head}\r\n".encode() + behind)
        return client

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    def say(self, opcode: int, payload: bytes = b"", **options: Any) -> None:
        self.send(frame(opcode, payload, **options))

    async def answer(self) -> str:
        """The response head."""
        return (await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), 5)).decode()

    async def hear(self) -> tuple[int, bytes]:
        """One frame: (opcode, payload)."""
        first, second = await asyncio.wait_for(self.reader.readexactly(2), 10)
        length = second & 0x7F
        if length == 126:
            (length,) = struct.unpack("!H", await self.reader.readexactly(2))
        elif length == 127:
            (length,) = struct.unpack("!Q", await self.reader.readexactly(8))
        return first & 0x0F, await self.reader.readexactly(length)

    async def fence(self) -> None:
        """Returns when the server has read everything sent so far."""
        payload = os.urandom(8)
        self.say(PING, payload)
        while await self.hear() != (PONG, payload):
            pass

    async def hear_close(self) -> int:
        """The code of the close frame, which must be the next frame but for pings."""
        while True:
            opcode, payload = await self.hear()
            if opcode != PING:
                assert opcode == CLOSE, (opcode, payload[:80])
                return int.from_bytes(payload[:2], "big")

    async def gone(self) -> bytes:
        """What still comes until the server closes the connection."""
        with_rest = b""
        try:
            async with asyncio.timeout(10):
                while data := await self.reader.read(65_536):
                    with_rest += data
        except ConnectionError:
            pass
        return with_rest

    def reset(self) -> None:
        """A RST, as from a machine that knows nothing of the connection."""
        raw = self.writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()

    def half_close(self) -> None:
        self.writer.write_eof()

    def stop_reading(self) -> None:
        self.writer.transport.pause_reading()  # type: ignore[attr-defined] # a stream's transport reads and writes
