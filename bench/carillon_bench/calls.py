"""Complete calls: start, ring, accept, offer, answer, ten ICE candidates each way, end."""

import time
from dataclasses import dataclass

from carillon_bench.load import Load
from carillon_bench.processes import Process, Redis
from carillon_bench.users import Pair, User, join, pairs_of, settle
from carillon_bench.wire import description, frame, ice

CANDIDATES = 10


class Caller(Pair):
    """Calls again and again, as long as `calls` are left."""

    def __init__(self, caller: User, callee: User) -> None:
        super().__init__(caller, callee)
        self.calls = 0
        self.complete = 0
        self._heard = {caller.id: 0, callee.id: 0}

    def call(self, calls: int) -> None:
        self.calls = calls
        self._next()

    def _next(self) -> None:
        if self.calls:
            self.calls -= 1
            self._heard = dict.fromkeys(self._heard, 0)
            self.start()

    def accepted(self) -> None:
        self.caller.client.send(frame(description("webrtc.offer", self.session_id)))

    def hear(self, user: User, heard: dict[str, object]) -> None:
        match heard["type"]:
            case "webrtc.offer":
                user.client.send(frame(description("webrtc.answer", self.session_id)))
                self._candidates(user)
            case "webrtc.answer":
                self._candidates(user)
            case "webrtc.ice":
                self._heard[user.id] += 1
                if user is self.caller and self._heard[user.id] == CANDIDATES:
                    user.say("call.end", session_id=self.session_id)
            case "call.ended":
                self.complete += self._heard[self.callee.id] == CANDIDATES
                self._next()
            case _:
                super().hear(user, heard)

    def _candidates(self, user: User) -> None:
        ready = frame(ice(self.session_id))
        for _ in range(CANDIDATES):
            user.client.send(ready)


@dataclass(frozen=True)
class Sample:
    """One round. CPU in seconds; commands: of Redis, without what it runs for idle servers."""

    calls: int
    complete: int
    seconds: float
    server: float
    redis: float
    commands: float

    @property
    def server_ms(self) -> float:
        return self.server / self.calls * 1e3

    @property
    def commands_each(self) -> float:
        return self.commands / self.calls


def commands_per_second(load: Load, redis: Redis, seconds: float) -> float:
    """What Redis runs for servers, and users who say nothing."""
    before = redis.commands()
    load.wait(seconds)
    return (redis.commands() - before) / seconds


class Calls:
    """Pairs of users of the reference's protocol, callers on the first of the servers, callees on the last."""

    def __init__(self, load: Load, servers: list[Process], redis: Redis, prefix: str, pairs: int) -> None:
        self._load, self._servers, self._redis = load, servers, redis
        self._pairs = [Caller(pair.caller, pair.callee) for pair in pairs_of(join(load, _ports(servers), prefix, 2 * pairs))]
        settle(load)

    def round(self, calls: int, idle: float, within: float = 60.0) -> Sample:
        """Each pair makes so many calls, one after the other. idle: commands a second that Redis runs without them."""
        for pair in self._pairs:
            pair.complete = 0
        server, redis, commands, began = self._server(), self._redis.cpu(), self._redis.commands(), time.perf_counter()
        for pair in self._pairs:
            pair.call(calls)
        self._load.run(lambda: sum(pair.complete for pair in self._pairs) == calls * len(self._pairs), within)
        seconds = time.perf_counter() - began
        return Sample(
            calls * len(self._pairs),
            sum(pair.complete for pair in self._pairs),
            seconds,
            self._server() - server,
            self._redis.cpu() - redis,
            self._redis.commands() - commands - idle * seconds,
        )

    def _server(self) -> float:
        return sum(server.cpu() for server in self._servers)


def _ports(servers: list[Process]) -> list[int]:
    return [servers[0].port, servers[-1].port]
