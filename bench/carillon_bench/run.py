"""The whole measurement, phase by phase. Within a phase peers take turns, so that what a busy machine costs falls on all of them."""

import json
import os
import subprocess
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TypeVar

from carillon_bench.calls import Calls, commands_per_second
from carillon_bench.calls import Sample as Called
from carillon_bench.idle import Burst, Step, burst, grow
from carillon_bench.load import Load
from carillon_bench.machine import Cores, describe
from carillon_bench.peers import CARILLON, FLOOR, REFERENCE, Peers
from carillon_bench.processes import python
from carillon_bench.relay import Ring, call_ring, floor_ring
from carillon_bench.relay import Sample as Relayed

ONE, TWO, V1_ONE, V1_TWO = ", one server", ", two servers", " v1, one server", " v1, two servers"
OFF = "off"
SAMPLING = {OFF: None, "0 %": "0", "1 %": "0.01", "100 %": "1"}

Measured = TypeVar("Measured")
Taken = TypeVar("Taken")


@dataclass(frozen=True)
class Size:
    """How much is measured. seconds: of each round of relays; quiet: of looking at idle users."""

    rounds: int = 3
    seconds: float = 2.5
    warm_up: float = 0.5
    clients: int = 200
    calls: int = 20
    pairs: int = 50
    concurrent: int = 500
    users: tuple[int, ...] = (10, 1000, 2000, 3000, 4000, 5000)
    quiet: float = 10.0
    burst: int = 2000


SHORT = Size(1, 0.3, 0.1, 10, 2, 4, 8, (2, 10, 20), 0.5, 20)
"""Whether it works at all; its figures say nothing."""


@dataclass
class Figures:
    """Everything that was measured, by peer and way."""

    machine: dict[str, str]
    apart: bool
    """Whether servers had a core that load and Redis did not use."""
    clients: int
    """Between which relays are measured."""
    relay: dict[str, list[Relayed]] = field(default_factory=dict)
    tracing: dict[str, list[Relayed]] = field(default_factory=dict)
    traced_calls: dict[str, list[Called]] = field(default_factory=dict)
    calls: dict[str, list[Called]] = field(default_factory=dict)
    concurrent: dict[str, Called] = field(default_factory=dict)
    idle: dict[str, list[Step]] = field(default_factory=dict)
    burst: list[Burst] = field(default_factory=list)
    redis_client: dict[str, float] = field(default_factory=dict)


class Run:
    def __init__(self, size: Size) -> None:
        self._size, self._cores, self._began = size, Cores.choose(), time.monotonic()

    def all(self) -> Figures:
        with ExitStack() as stack:
            peers = Peers(stack, self._cores)
            figures = Figures(describe(peers.redis.version, peers.goring_program), self._cores.apart, self._size.clients)
        for phase in (self.relays, self.traces, self.whole_calls, self.idle_users, self.all_at_once, self.redis_clients):
            with ExitStack() as stack:
                phase(figures, Peers(stack, self._cores), Load())
        return figures

    def _say(self, text: str) -> None:
        print(f"{time.monotonic() - self._began:5.0f} s  {text}", flush=True)

    # ---------------------------------------------------------------- phases

    def relays(self, figures: Figures, peers: Peers, load: Load) -> None:
        clients = self._size.clients
        ours, theirs = peers.carillon(2), peers.goring(2)
        rings = {FLOOR: floor_ring(load, peers.floor(), peers.redis, clients)}
        for name, servers in ((CARILLON, ours), (REFERENCE, theirs)):
            if servers:
                rings[name + ONE] = call_ring(load, servers[:1], peers.redis, "one", clients)
                rings[name + TWO] = call_ring(load, servers, peers.redis, "two", clients)
        rings[CARILLON + V1_ONE] = call_ring(load, ours[:1], peers.redis, "v1-one", clients, v1=True)
        rings[CARILLON + V1_TWO] = call_ring(load, ours, peers.redis, "v1-two", clients, v1=True)
        figures.relay = self._relay_rounds("relay", rings)

    def traces(self, figures: Figures, peers: Peers, load: Load) -> None:
        """What tracing adds: the same server with and without, at several sampling ratios."""
        sink = peers.sink()
        rings, pairs = {}, {}
        for name, ratio in SAMPLING.items():
            servers = peers.carillon(environ=_tracing(sink.port, ratio))
            rings[name] = call_ring(load, servers, peers.redis, "relay", self._size.clients)
            pairs[name] = Calls(load, servers, peers.redis, "call", self._size.pairs)
        figures.tracing = self._relay_rounds("tracing", rings)
        figures.traced_calls = self._call_rounds("tracing, calls", pairs, load, peers)

    def whole_calls(self, figures: Figures, peers: Peers, load: Load) -> None:
        every = [(name, servers) for name, servers in ((CARILLON, peers.carillon(2)), (REFERENCE, peers.goring(2))) if servers]
        pairs: dict[str, Calls] = {}
        for name, servers in every:
            pairs[name + ONE] = Calls(load, servers[:1], peers.redis, "one", self._size.pairs)
            pairs[name + TWO] = Calls(load, servers, peers.redis, "two", self._size.pairs)
        figures.calls = self._call_rounds("calls", pairs, load, peers)
        for name, servers in every:
            sample = Calls(load, servers[:1], peers.redis, "many", self._size.concurrent).round(1, 0.0)
            figures.concurrent[name] = sample
            self._say(f"{sample.complete} of {sample.calls} calls at once complete in {sample.seconds:.2f} s: {name}")

    def idle_users(self, figures: Figures, peers: Peers, load: Load) -> None:
        for name, start in ((CARILLON, peers.carillon), (REFERENCE, peers.goring)):
            for server in start():
                figures.idle[name] = grow(load, server, peers.redis, "idle", self._size.users, self._size.quiet)
                last = figures.idle[name][-1]
                self._say(f"{last.users} idle users, {last.resident / 2**20:.0f} MiB: {name}")
                load.leave()
                server.stop()

    def all_at_once(self, figures: Figures, peers: Peers, load: Load) -> None:
        """With the limits that are there by default."""
        figures.burst = [burst(load, peers.carillon(limits=True)[0], self._size.burst)]
        self._say(f"{figures.burst[0].users} users at once, all in after {figures.burst[0].seconds:.2f} s")
        load.leave()

    def redis_clients(self, figures: Figures, peers: Peers, _: Load) -> None:
        done = subprocess.run(
            python("carillon_bench.redis_client", peers.redis.url),
            check=True,
            stdout=subprocess.PIPE,
            preexec_fn=lambda: os.sched_setaffinity(0, {self._cores.server}),
        )
        figures.redis_client = json.loads(done.stdout)
        self._say("Redis clients measured")

    # ---------------------------------------------------------------- rounds

    def _relay_rounds(self, what: str, rings: Mapping[str, Ring]) -> dict[str, list[Relayed]]:
        def one(ring: Ring) -> Relayed:
            return ring.round(self._size.seconds, self._size.warm_up)

        return self._rounds(what, rings, one, lambda sample: f"{sample.server_us:6.1f} us a message")

    def _call_rounds(self, what: str, pairs: Mapping[str, Calls], load: Load, peers: Peers) -> dict[str, list[Called]]:
        idle = commands_per_second(load, peers.redis, self._size.quiet / 2)

        def one(calls: Calls) -> Called:
            return calls.round(self._size.calls, idle)

        return self._rounds(what, pairs, one, lambda sample: f"{sample.server_ms:6.2f} ms a call")

    def _rounds(
        self, what: str, peers: Mapping[str, Measured], one: Callable[[Measured], Taken], show: Callable[[Taken], str]
    ) -> dict[str, list[Taken]]:
        samples: dict[str, list[Taken]] = {name: [] for name in peers}
        for number in range(self._size.rounds):
            for name, peer in peers.items():
                samples[name].append(one(peer))
                self._say(f"{what} {number + 1}/{self._size.rounds}  {show(samples[name][-1])}: {name}")
        return samples


def _tracing(port: int, ratio: str | None) -> dict[str, str]:
    if ratio is None:
        return {}
    return {
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{port}",
        "OTEL_METRICS_EXPORTER": "none",
        "OTEL_TRACES_SAMPLER": "parentbased_traceidratio",
        "OTEL_TRACES_SAMPLER_ARG": ratio,
    }
