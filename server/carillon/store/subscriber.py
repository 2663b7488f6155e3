"""The pod's one pub/sub connection, to the primary of the one slot, on the pod's own channel."""

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import hiredis

from carillon.store.endpoints import Endpoint
from carillon.store.reconnect import keep_connected
from carillon.store.wire import Wire, pack_command

log = logging.getLogger(__name__)


class Subscriber:
    """Hands every message of one channel to `on_message`, in order, at most once.

    Messages published while there is no connection are lost: `on_subscribed` is called after each (re)subscription, so that the pod can
    compare what it holds with what Redis holds. A connection that is dead without saying so is found by the caller, who publishes to the
    channel now and then and calls `restart` when that does not come.

    On Cluster from Redis 7.0 the channel is one of its slot (SSUBSCRIBE), and the connection follows the slot.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        channel: str,
        on_message: Callable[[bytes], None],
        on_subscribed: Callable[[], None],
        *,
        retry_cap: float = 1.0,
    ) -> None:
        self._endpoint, self._channel, self._on_message, self._on_subscribed = endpoint, channel, on_message, on_subscribed
        self._retry_cap = retry_cap
        self._wire: Wire | None = None
        self._closed = False
        self._task: asyncio.Task[None] | None = None
        self.subscribed = asyncio.Event()
        """Set while messages arrive."""

    def start(self) -> None:
        self._task = asyncio.get_running_loop().create_task(keep_connected(self._endpoint, self._serve, self._unreachable, self._retry_cap))

    async def close(self) -> None:
        self._closed = True
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def restart(self) -> None:
        """Take the connection for dead and make another."""
        if self._wire is not None:
            self._wire.abort()

    @staticmethod
    def _unreachable(why: str) -> None:
        log.warning("the pod's channel cannot be joined", extra={"why": why})

    async def _serve(self, wire: Wire) -> bool:
        """Listen until the connection is lost; whether it was subscribed."""
        self._wire, wire.on_reply = wire, self._reply
        sharded = self._endpoint.clustered and wire.server.version >= (7, 0)
        wire.write(pack_command(("SSUBSCRIBE" if sharded else "SUBSCRIBE", self._channel)))
        try:
            await wire.lost
            return self.subscribed.is_set()
        finally:
            self._wire = None
            if self.subscribed.is_set():
                self.subscribed.clear()
                if not self._closed:
                    log.warning("the pod's channel is cut off", extra={"address": wire.address})
            await wire.close()

    def _reply(self, reply: Any) -> None:
        if isinstance(reply, hiredis.ReplyError):
            self._refused(str(reply))
        elif reply[0] in (b"message", b"smessage"):
            try:
                self._on_message(reply[2])
            except Exception:
                log.exception("a message on the pod's channel could not be handled")
        elif reply[0] in (b"subscribe", b"ssubscribe"):
            self.subscribed.set()
            self._on_subscribed()
        else:
            self._refused("unsubscribed: the slot has moved")

    def _refused(self, text: str) -> None:
        log.warning("Redis refuses the pod's channel", extra={"why": text[:200]})
        self._endpoint.moved(text)
        if self._wire is not None:
            self._wire.abort()
