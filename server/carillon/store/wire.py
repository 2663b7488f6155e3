"""One connection to a Redis server, with its transport taken over from redis-py once that has connected, encrypted and authenticated it."""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import hiredis
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError

Word = bytes | str | int

pack_command: Callable[[tuple[Word, ...]], bytes] = cast("Any", hiredis.pack_command)
"""hiredis's own annotation takes one word only."""

WRITE_BUFFER = 256 * 1024
"""Bytes unread by the server, beyond those in the kernel, at which no more is written: what is not written is known not to have run."""


@dataclass(frozen=True, slots=True)
class Server:
    """What a server says of itself (INFO)."""

    version: tuple[int, int]
    """Of Redis; that of the Redis it is compatible with for Valkey."""
    primary: bool
    loading: bool

    @classmethod
    def parse(cls, info: bytes) -> "Server":
        fields = dict(line.split(":", 1) for line in info.decode().splitlines() if ":" in line)
        major, minor, *_ = (*fields.get("redis_version", "").split("."), "0", "0")
        version = (int(major), int(minor)) if major.isdigit() and minor.isdigit() else (0, 0)
        return cls(version, fields.get("role") == "master", fields.get("loading", "0") != "0")


class Wire(asyncio.Protocol):
    """Replies are handed to `on_reply` as hiredis reads them, errors as hiredis.ReplyError; `lost` is done when the connection is.

    Taken over rather than used through asyncio's streams, which do not tell when the server stops reading. `on_reply` must not raise: the
    connection would be closed.
    """

    def __init__(self, connection: AbstractConnection, server: Server, address: str) -> None:
        """Raises redis.ConnectionError when the server has hung up meanwhile."""
        reader, writer = connection._reader, connection._writer
        if reader is None or writer is None or reader.at_eof() or writer.transport.is_closing():
            raise RedisConnectionError("the server closed the connection")
        self.server, self.address = server, address
        self._connection = connection
        self._loop = asyncio.get_running_loop()
        self._parser = hiredis.Reader()
        self.paused = False
        self.heard = self._loop.time()
        """When bytes last came, in loop time."""
        self.lost: asyncio.Future[None] = self._loop.create_future()
        self.on_reply: Callable[[Any], None] = lambda reply: None
        self.on_writable: Callable[[], None] = lambda: None
        self._transport = writer.transport
        self._transport.set_write_buffer_limits(high=WRITE_BUFFER)
        self._transport.set_protocol(self)

    def write(self, data: bytes) -> None:
        self._transport.write(data)

    def abort(self) -> None:
        """Close at once; `lost` follows."""
        self._transport.abort()

    async def close(self) -> None:
        """Give it back to redis-py, which closes it."""
        self.abort()
        with contextlib.suppress(OSError, RedisError):
            await self._connection.disconnect(nowait=True)

    # ---------------------------------------------------------------- asyncio.Protocol

    def data_received(self, data: bytes) -> None:
        self.heard = self._loop.time()
        parser, on_reply = self._parser, self.on_reply
        parser.feed(data)
        while (reply := parser.gets()) is not False:
            on_reply(reply)

    def pause_writing(self) -> None:
        self.paused = True

    def resume_writing(self) -> None:
        self.paused = False
        self.on_writable()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.lost.done():
            self.lost.set_result(None)
