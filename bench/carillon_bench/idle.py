"""Users who are connected and say nothing: how fast they come in, and what they cost while they stay."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from carillon_bench.calls import commands_per_second
from carillon_bench.load import Load
from carillon_bench.processes import Process, Redis
from carillon_bench.users import join, settle


@dataclass(frozen=True)
class Step:
    """At so many users. accept: CPU seconds for each of those that came since the last step; resident: bytes of the server.

    commands: of Redis in a second, for these servers and their users; None where that was not looked at.
    """

    users: int
    resident: int
    accept: float
    seconds: float
    connections: int
    commands: float | None


def grow(load: Load, server: Process, redis: Redis, prefix: str, steps: Sequence[int], quiet: float) -> list[Step]:
    """Let users in, up to each of the steps. quiet: seconds of looking at the first and the last of them."""
    grown, there = [], 0
    for step in steps:
        cpu, began = server.cpu(), time.perf_counter()
        join(load, [server.port], f"{prefix}-{step}", step - there)
        cpu, seconds = server.cpu() - cpu, time.perf_counter() - began
        commands = None
        settle(load)
        if step in (steps[0], steps[-1]):
            commands = commands_per_second(load, redis, quiet)
        grown.append(Step(step, server.resident(), cpu / (step - there), seconds, redis.connections(), commands))
        there = step
    return grown


@dataclass(frozen=True)
class Burst:
    users: int
    seconds: float
    cpu: float


def burst(load: Load, server: Process, users: int) -> Burst:
    """All at once. Raises RuntimeError where one is refused."""
    cpu, began = server.cpu(), time.perf_counter()
    join(load, [server.port], "burst", users, at_once=users)
    return Burst(users, time.perf_counter() - began, server.cpu() - cpu)
