"""The pod's one pub/sub connection, to the primary of the one slot, on the pod's own channel."""

import asyncio
import contextlib
import logging
import random
from collections.abc import Callable

import hiredis
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import RedisError

from carillon.store.link import Connect, pack_command

log = logging.getLogger(__name__)


class Subscriber:
    """Hands every message of one channel to `on_message`, in order.

    Messages published while there is no connection are lost: `on_subscribed` is called after each (re)subscription, so that the pod can
    compare what it holds with what Redis holds.
    """

    def __init__(
        self, connect: Connect, channel: str, on_message: Callable[[bytes], None], on_subscribed: Callable[[], None], *, sharded: bool
    ) -> None:
        self._connect, self._channel, self._on_message, self._on_subscribed = connect, channel, on_message, on_subscribed
        self._sharded = sharded
        self._connection: AbstractConnection | None = None
        self._task: asyncio.Task[None] | None = None
        self.subscribed = asyncio.Event()

    def start(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def close(self) -> None:
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def restart(self) -> None:
        """Take the connection for dead and make another."""
        if self._connection is not None and self._connection._writer is not None:
            self._connection._writer.transport.abort()

    async def _run(self) -> None:
        delay = 0.02
        while True:
            try:
                self._connection = await asyncio.wait_for(self._connect(), 3.0)
                delay = 0.02
                await self._serve(self._connection)
            except (OSError, RedisError, TimeoutError, EOFError) as error:
                log.warning("the pod's channel is cut off", extra={"why": type(error).__name__})
            finally:
                self.subscribed.clear()
                if self._connection is not None:
                    with contextlib.suppress(OSError, RedisError, RuntimeError):
                        await self._connection.disconnect(nowait=True)
                    self._connection = None
            await asyncio.sleep(delay * random.uniform(0.5, 1.0))  # noqa: S311 - jitter, not a secret
            delay = min(delay * 2, 1.0)

    async def _serve(self, connection: AbstractConnection) -> None:
        reader, writer = connection._reader, connection._writer
        assert reader is not None
        assert writer is not None
        writer.write(pack_command(("SSUBSCRIBE" if self._sharded else "SUBSCRIBE", self._channel)))
        parser = hiredis.Reader()
        while True:
            data = await reader.read(65536)
            if not data:
                raise EOFError
            parser.feed(data)
            while (reply := parser.gets()) is not False:
                if isinstance(reply, hiredis.ReplyError):
                    raise RedisError(str(reply))
                if reply[0] in (b"message", b"smessage"):
                    self._on_message(reply[2])
                elif reply[0] in (b"subscribe", b"ssubscribe"):
                    self.subscribed.set()
                    self._on_subscribed()
                else:
                    raise RedisError("the subscription was taken away")
