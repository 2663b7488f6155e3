"""uvicorn's server, leaving in our way: SIGTERM drains, and only then it exits; SIGINT closes all sockets at once."""

import asyncio
import logging
import random
import signal
from collections.abc import Awaitable, Callable
from types import FrameType

import uvicorn

from carillon.config import Settings
from carillon.errors import Close
from carillon.ws.protocol import SignalingProtocol

log = logging.getLogger(__name__)


def make_config(app: object, settings: Settings, **changes: object) -> uvicorn.Config:
    """How uvicorn runs for us: our protocol class, uvloop, no access log (its lines hold tokens), nothing negotiated that costs memory."""
    limits = settings.limits

    class Bounded(SignalingProtocol):
        queue_bytes = limits.queue_bytes
        backlog_bytes = limits.backlog_bytes

    options: dict[str, object] = {
        "host": settings.server.host or None,
        "port": settings.server.port,
        "ws": Bounded,
        "ws_max_size": limits.frame_bytes,
        "ws_ping_interval": settings.server.ping_interval,
        "ws_ping_timeout": settings.server.ping_timeout,
        "ws_per_message_deflate": False,
        "loop": "uvloop",
        "http": "httptools",
        "lifespan": "on",
        "log_config": None,
        "access_log": False,
        "server_header": False,
        "proxy_headers": False,
        "timeout_keep_alive": 5,
        "timeout_graceful_shutdown": 5,
        "backlog": 4096,
        **changes,
    }
    return uvicorn.Config(app, **options)  # type: ignore[arg-type] # options are uvicorn's own, by name


class SignalingServer(uvicorn.Server):
    """drain: what SIGTERM begins; the server exits once it has returned."""

    def __init__(self, config: uvicorn.Config, drain: Callable[[], Awaitable[None]]) -> None:
        super().__init__(config)
        self._drain = drain
        self._draining: asyncio.Task[None] | None = None

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if sig == signal.SIGTERM and self._draining is None and self.started:
            self._loop_call(self._begin)
        else:
            self._loop_call(self._leave_now)

    def _loop_call(self, work: Callable[[], None]) -> None:
        asyncio.get_running_loop().call_soon_threadsafe(work)

    def _begin(self) -> None:
        self._draining = asyncio.get_running_loop().create_task(self._drain_then_exit())

    async def _drain_then_exit(self) -> None:
        try:
            await self._drain()
        finally:
            self.should_exit = True

    def _leave_now(self) -> None:
        if self._draining:
            self._draining.cancel()
        if self.should_exit:
            self.force_exit = True
        self.should_exit = True

    @property
    def sockets(self) -> list[SignalingProtocol]:
        return [one for one in self.server_state.connections if isinstance(one, SignalingProtocol)]

    async def send_away(self, seconds: float) -> None:
        """Close every socket with 1012 at a moment of its own within `seconds`; returns when the last is gone."""
        loop = asyncio.get_running_loop()
        for one in self.sockets:
            loop.call_later(random.uniform(0, seconds), one.socket.close, Close.RESTART, Close.RESTART.reason)  # noqa: S311 - jitter
        deadline = loop.time() + seconds + 5
        while self.sockets and loop.time() < deadline:  # noqa: ASYNC110 - the protocols remove themselves
            await asyncio.sleep(0.05)
