"""A WebSocket as the hub holds it."""

from collections.abc import Callable

from carillon.errors import CloseCode
from carillon.ws.socket import Socket


class SocketConnection:
    """Fulfils `carillon.hub.Connection`. What is sent before the handshake is answered waits for it."""

    __slots__ = ("_early", "_on_pong", "_socket", "expires_at", "opened")

    def __init__(self, socket: Socket, expires_at: float) -> None:
        self._socket, self.expires_at = socket, expires_at
        self._early: list[bytes] = []
        self._on_pong: Callable[[], None] | None = None
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

    def probe(self) -> None:
        if self._on_pong is not None:
            self._socket.ping().add_done_callback(self._pong)

    def _pong(self, answered: object) -> None:
        if self._on_pong is not None and not getattr(answered, "cancelled", bool)():
            self._on_pong()
