"""A WebSocket as the hub holds it."""

import asyncio
from collections.abc import Callable

from carillon.errors import CloseCode
from carillon.ws.socket import Socket


class SocketConnection:
    """Fulfils `carillon.hub.Connection`. What is sent before the handshake is answered waits for it; a probe, for who hears the pong."""

    __slots__ = ("_early", "_on_pong", "_probe_waits", "_socket", "expires_at", "opened")

    def __init__(self, socket: Socket, expires_at: float) -> None:
        self._socket, self.expires_at = socket, expires_at
        self._early: list[bytes] = []
        self._on_pong: Callable[[], None] | None = None
        self._probe_waits = False
        self.opened = False

    @property
    def closed(self) -> bool:
        return self._socket.closed

    def open(self, subprotocol: str | None) -> None:
        self._socket.accept(subprotocol)
        self.opened = True
        early, self._early = self._early, []
        for data in early:
            self._socket.send(data)

    def send(self, data: bytes) -> None:
        if self.opened:
            self._socket.send(data)
        else:
            self._early.append(data)

    def close(self, code: CloseCode) -> None:
        self._socket.close(code, code.reason)

    def listen(self, on_pong: Callable[[], None]) -> None:
        """Call this for every pong that answers `probe`."""
        self._on_pong = on_pong
        if self._probe_waits:
            self._probe_waits = False
            self.probe()

    def probe(self) -> None:
        if self._on_pong is None:
            self._probe_waits = True
        else:
            self._socket.ping().add_done_callback(self._pong)

    def _pong(self, answered: "asyncio.Future[float]") -> None:
        if self._on_pong is not None and not answered.cancelled():
            self._on_pong()
