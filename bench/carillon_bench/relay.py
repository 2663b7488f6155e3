"""Relays of WebRTC messages: what one costs the server, and Redis."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from carillon_bench.load import Client, Load
from carillon_bench.processes import Process, Redis
from carillon_bench.users import Pair, User, join, pairs_of, settle
from carillon_bench.wire import RELAY_BYTES, frame, ice

ICE = b'{"type":"webrtc.ice"'


@dataclass(frozen=True)
class Sample:
    """One round. CPU in seconds; busy: the servers' share of a core."""

    messages: int
    seconds: float
    server: float
    redis: float
    load: float

    @property
    def server_us(self) -> float:
        return self.server / self.messages * 1e6

    @property
    def redis_us(self) -> float:
        return self.redis / self.messages * 1e6

    @property
    def load_us(self) -> float:
        return self.load / self.messages * 1e6

    @property
    def busy(self) -> float:
        return self.server / self.seconds


class Ring:
    """Clients that send a message of 250 bytes whenever they get one: one message of each is always on its way."""

    def __init__(self, load: Load, servers: list[Process], redis: Redis) -> None:
        self._load, self._servers, self._redis = load, servers, redis
        self._senders: list[Callable[[], None]] = []
        self._running = False
        self.heard = 0

    def add_echo(self, client: Client) -> None:
        """A client of the floor, which gets its own message back."""
        client.on_text = self._answering(client, frame(ice("echo")))

    def add_user(self, user: User, session_id: str) -> None:
        if user.v1:
            user.client.on_text = self._numbering(user, session_id)
        else:
            user.client.on_text = self._answering(user.client, frame(ice(session_id)))

    def _answering(self, client: Client, ready: bytes) -> Callable[[bytes], None]:
        send = client.send

        def hear(data: bytes) -> None:
            if data.startswith(ICE):
                self.heard += 1
                if self._running:
                    send(ready)

        self._senders.append(lambda: send(ready))
        return hear

    def _numbering(self, user: User, session_id: str) -> Callable[[bytes], None]:
        """The same for a v1 client, whose messages have a number each."""
        body = ice(session_id, RELAY_BYTES - len(b',"n":1234567'))[:-1] + b',"n":%7d}'

        def say() -> None:
            user.n += 1
            user.client.send(frame(body % user.n))

        def hear(data: bytes) -> None:
            if data.startswith(ICE):
                self.heard += 1
                if self._running:
                    say()

        self._senders.append(say)
        return hear

    def round(self, seconds: float, warm_up: float) -> Sample:
        """Raises RuntimeError when messages do not come back."""
        self._running = True
        for send in self._senders:
            send()
        self._load.wait(warm_up)
        before, began = self._read(), time.perf_counter()
        self._load.wait(seconds)
        after, ended = self._read(), time.perf_counter()
        self._running = False
        self._load.wait(0.1)
        messages, server, redis, load = (late - early for late, early in zip(after, before, strict=True))
        if not messages:
            raise RuntimeError("no message came back")
        return Sample(round(messages), ended - began, server, redis, load)

    def _read(self) -> tuple[float, float, float, float]:
        servers = sum(server.cpu() for server in self._servers)
        return self.heard, servers, self._redis.cpu(), time.process_time()


def floor_ring(load: Load, floor: Process, redis: Redis, clients: int) -> Ring:
    ring = Ring(load, [floor], redis)
    for client in load.join([lambda: Client(floor.port, b"GET / HTTP/1.1\r\nsec-websocket-key: bench\r\n\r\n")] * clients, clients):
        ring.add_echo(client)
    return ring


def call_ring(load: Load, servers: list[Process], redis: Redis, prefix: str, clients: int, *, v1: bool = False) -> Ring:
    """Callers on the first of the servers, callees on the last."""
    ring = Ring(load, servers, redis)
    users = join(load, [servers[0].port, servers[-1].port], prefix, clients, v1=v1)
    settle(load)
    pairs = pairs_of(users)
    for pair in pairs:
        pair.start()
    if not load.run(lambda: all(pair.session_id for pair in pairs), 30):
        raise RuntimeError(f"calls were not set up: {_first_error(pairs)}")
    for pair in pairs:
        ring.add_user(pair.caller, pair.session_id)
        ring.add_user(pair.callee, pair.session_id)
    return ring


def _first_error(pairs: list[Pair]) -> str:
    return next((pair.error for pair in pairs if pair.error), "no answer")
