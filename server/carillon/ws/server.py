"""uvicorn's server, leaving in our way: SIGTERM drains, and only then it exits; SIGINT closes all sockets at once."""

import asyncio
import logging
import signal
import socket as sockets_of_the_system
from collections.abc import Awaitable, Callable, Sequence
from types import FrameType
from typing import Any

import uvicorn

from carillon.config import Settings
from carillon.errors import Close
from carillon.ws.config import Bounds, SignalingConfig
from carillon.ws.http import SignalingHttp
from carillon.ws.keepalive import Wheel
from carillon.ws.protocol import SignalingProtocol
from carillon.ws.socket import Socket

log = logging.getLogger(__name__)

LAST_WORDS = 0.7
"""Seconds that sockets have to answer our close frame when the process leaves; then they are cut off."""
LAST_ERRANDS = 0.9
"""Seconds after which what still waits for Redis on their behalf is given up: before uvicorn does so and calls it an error."""


def make_config(app: object, settings: Settings, **changes: Any) -> SignalingConfig:
    """How uvicorn runs for us.

    Off is what we do otherwise (pings, X-Forwarded-For) or do not want: the access log, whose lines hold tokens, and compression, which
    takes four times the memory of a connection. changes: uvicorn's options, for tests.
    """
    limits, server = settings.limits, settings.server
    options: dict[str, Any] = {
        "bounds": Bounds(
            head=limits.head_bytes,
            frame=limits.frame_bytes,
            queue=limits.queue_bytes,
            backlog=limits.backlog_bytes,
            trifles=limits.control_frames,
            request=server.request_timeout,
            close=server.close_timeout,
        ),
        "wheel": Wheel(server.ping_interval, server.ping_timeout),
        "host": server.host or None,
        "port": server.port,
        "http": SignalingHttp,
        "ws": SignalingProtocol,
        "ws_max_size": limits.frame_bytes,
        "ws_ping_interval": None,
        "ws_ping_timeout": None,
        "ws_per_message_deflate": False,
        "loop": "uvloop",
        "lifespan": "on",
        "log_config": None,
        "access_log": False,
        "server_header": False,
        "proxy_headers": False,
        "timeout_keep_alive": 5,
        "timeout_graceful_shutdown": 1,
        "backlog": 4096,
    }
    return SignalingConfig(app, **(options | changes))


class SignalingServer(uvicorn.Server):
    """drain: what SIGTERM begins; the server exits once it has returned, or at once with a second signal."""

    def __init__(self, config: SignalingConfig, drain: Callable[[], Awaitable[None]]) -> None:
        super().__init__(config)
        self._drain = drain
        self._draining: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def sockets(self) -> list[Socket]:
        """Of all WebSockets, those whose handshake is not answered yet included."""
        return [one.socket for one in self.server_state.connections if isinstance(one, SignalingProtocol)]

    # ---------------------------------------------------------------- signals

    async def serve(self, sockets: list[sockets_of_the_system.socket] | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        await super().serve(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """In place of uvicorn's, which would exit at once, and afterwards raise the signal again (exit code 143 for an orderly end)."""
        assert self._loop is not None
        begin = sig == signal.SIGTERM and self._draining is None and self.started
        self._loop.call_soon_threadsafe(self._begin if begin else self._leave_now)

    def _begin(self) -> None:
        if self._draining is None and not self.should_exit:
            self._draining = asyncio.get_running_loop().create_task(self._drain_then_exit(), name="drain")

    async def _drain_then_exit(self) -> None:
        try:
            await self._drain()
        except Exception:
            log.exception("the drain failed; leaving at once")
        finally:
            self.should_exit = True

    def _leave_now(self) -> None:
        if self._draining:
            self._draining.cancel()
        if self.should_exit:
            self.force_exit = True
        self.should_exit = True

    def _log_started_message(self, listeners: Sequence[sockets_of_the_system.SocketType]) -> None:
        """Each address: with PORT=0 nobody could know it otherwise."""
        for listener in listeners:
            host, port = listener.getsockname()[:2]
            log.info("listening", extra={"address": f"[{host}]:{port}" if ":" in host else f"{host}:{port}"})

    async def shutdown(self, sockets: list[sockets_of_the_system.socket] | None = None) -> None:
        """uvicorn closes each connection (`SignalingProtocol.shutdown`) and waits; here not for ever."""
        log.info("closing", extra={"connections": len(self.sockets)})
        loop = asyncio.get_running_loop()
        late = (loop.call_later(LAST_WORDS, self._cut_off), loop.call_later(LAST_ERRANDS, self._give_up))
        await super().shutdown(sockets)
        for timer in late:
            timer.cancel()

    def _give_up(self) -> None:
        for task in self.server_state.tasks:
            task.cancel()

    def _cut_off(self) -> None:
        for socket in self.sockets:
            socket.abort(Close.RESTART)
