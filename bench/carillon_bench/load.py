"""The load: many WebSocket clients in one thread, on epoll, with frames made beforehand.

A message costs it some 10 µs of a core that is not the server's, and none of that is counted: the server's CPU is what the kernel
says of the server's process.
"""

import select
import socket
import time
from collections.abc import Callable

from carillon_bench.wire import CLOSE, PING, PONG, TEXT, frame


class Client:
    """One WebSocket. on_text hears each message; what it sends goes out at once."""

    __slots__ = ("_rest", "_socket", "closed", "on_open", "on_text", "opened", "status")

    def __init__(self, port: int, request: bytes) -> None:
        """The request is on its way when this returns; the answer is heard by `Load.run`."""
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.sendall(request)
        self._socket.setblocking(False)
        self._rest = b""
        self.opened = self.closed = False
        self.status = 0
        """HTTP status of the handshake's answer; 0: none came."""
        self.on_open: Callable[[], None] = _nothing
        """Told of the answer, whatever it is, and of a connection lost before it."""
        self.on_text: Callable[[bytes], None] = _ignore

    def fileno(self) -> int:
        return self._socket.fileno()

    def send(self, data: bytes) -> None:
        """A frame. Raises BlockingIOError where the server does not read: no load here may come to that."""
        if self._socket.send(data) != len(data):
            raise BlockingIOError("the server does not keep up with a single client")

    def leave(self) -> None:
        """A close frame, as from somebody who hangs up."""
        if not self.closed:
            self._socket.setblocking(True)
            self._socket.sendall(frame(b"\x03\xe8", CLOSE))
            self.lose()

    def lose(self) -> None:
        self.closed = True
        self._socket.close()
        if not self.opened:
            self.on_open()

    def ready(self) -> None:
        """Read once, and hand out what came whole."""
        try:
            data = self._socket.recv(65_536)
        except ConnectionResetError:
            data = b""
        if not data:
            self.lose()
            return
        data = self._rest + data
        at = 0
        if not self.opened:
            end = data.find(b"\r\n\r\n")
            if end < 0:
                self._rest = data
                return
            self.status, self.opened, at = int(data[9:12]), True, end + 4
            self.on_open()
        self._rest = self._frames(data, at)

    def _frames(self, data: bytes, at: int) -> bytes:
        """Servers send short frames unmasked and whole, and none above 64 KiB here. Returns what is left."""
        while len(data) - at >= 2:
            length, begin = data[at + 1], at + 2
            if length == 126:
                if len(data) - at < 4:
                    break
                length, begin = data[at + 2] << 8 | data[at + 3], at + 4
            if len(data) < begin + length:
                break
            first, payload = data[at], data[begin : begin + length]
            at = begin + length
            if first == TEXT:
                self.on_text(payload)
            elif first == PING:
                self.send(frame(payload, PONG))
            elif first == CLOSE:
                self.lose()
                return b""
        return data[at:]


class Load:
    """All clients of a measurement."""

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._clients: dict[int, Client] = {}

    def add(self, client: Client) -> Client:
        self._clients[client.fileno()] = client
        self._epoll.register(client.fileno(), select.EPOLLIN)
        return client

    def run(self, done: Callable[[], bool], within: float) -> bool:
        """Serve all clients until it holds; False after so many seconds."""
        deadline = time.monotonic() + within
        clients = self._clients
        while not done():
            if time.monotonic() > deadline:
                return False
            for fd, _ in self._epoll.poll(0.02, 512):
                client = clients[fd]
                client.ready()
                if client.closed:
                    del clients[fd]
        return True

    def wait(self, seconds: float) -> None:
        self.run(lambda: False, seconds)

    def join(self, clients: "list[Callable[[], Client]]", at_once: int, within: float = 60.0) -> list[Client]:
        """Connect them all, never more than `at_once` unanswered. Raises RuntimeError where one is refused."""
        waiting = iter(clients)
        joined: list[Client] = []
        answered = 0

        def following() -> None:
            nonlocal answered
            answered += 1
            begin()

        def begin() -> None:
            make = next(waiting, None)
            if make is not None:
                client = self.add(make())
                client.on_open = following
                joined.append(client)

        for _ in range(at_once):
            begin()
        self.run(lambda: answered >= len(clients), within)
        refused = [client.status for client in joined if client.status != 101]
        if refused or answered < len(clients):
            raise RuntimeError(f"{len(refused) or len(clients) - answered} of {len(clients)} were not let in, the first with {refused[:1]}")
        return joined

    def leave(self) -> None:
        for client in self._clients.values():
            client.leave()
        self._clients.clear()
        self._epoll.close()
        self._epoll = select.epoll()


def _nothing() -> None:
    return


def _ignore(_: bytes) -> None:
    return
