from collections.abc import AsyncIterator

import pytest
from harness.faults import FaultProxy
from harness.pods import QUICK, MakePods, Pod
from harness.redis import RedisServer

from carillon.call import Rules


@pytest.fixture
async def pods(redis_server: RedisServer, cell: str) -> AsyncIterator[list[Pod]]:
    """Three pods of one cell."""
    started = [await Pod(f"pod-{number}", redis_server.url, cell).start() for number in range(3)]
    yield started
    for pod in started:
        await pod.kill()


@pytest.fixture
async def pods_on(cell: str) -> AsyncIterator[MakePods]:
    """Makes pods on a Redis of the test's own."""
    started: list[Pod] = []

    async def make(url: str, count: int, rules: Rules = QUICK) -> list[Pod]:
        started.extend([await Pod(f"pod-{number}", url, cell, rules).start() for number in range(count)])
        return started

    yield make
    for pod in started:
        await pod.kill()


@pytest.fixture
async def behind_a_proxy(redis_server: RedisServer, cell: str) -> AsyncIterator[tuple[Pod, FaultProxy]]:
    async with FaultProxy(redis_server.port) as proxy:
        pod = await Pod("proxied", f"redis://127.0.0.1:{proxy.port}/0", cell).start()
        yield pod, proxy
        await pod.kill()
