"""The link and the subscriber when the primary becomes another server."""

import asyncio
import contextlib
from collections.abc import Callable, Iterator

import pytest
from harness.links import COUNT, count_key, linked, settled, until
from harness.redis import RedisServer
from harness.redis_groups import RedisCluster, RedisSentinel

from carillon.config import RedisSettings
from carillon.errors import StoreUnavailable
from carillon.store.endpoints import Connector
from carillon.store.link import RedisLink
from carillon.store.subscriber import Subscriber


class Traffic:
    """Counts all the time, and tells afterwards what it was told."""

    def __init__(self, link: RedisLink, cell: str) -> None:
        self._link, self._cell = link, cell
        self._calls: list[asyncio.Future[int]] = []
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def _run(self) -> None:
        while True:
            self._calls.append(self._link.call(COUNT, [count_key(self._cell)], [], timeout=20))
            await asyncio.sleep(0.005)

    async def more(self) -> None:
        """Until something that is asked for from now on is answered."""
        await self._link.call(COUNT, [count_key(self._cell)], [], timeout=20)

    async def stop(self) -> tuple[list[int], int]:
        """The answers, and how many calls may or may not have run."""
        self._task.cancel()
        results = await settled(*self._calls)
        lost = [result for result in results if isinstance(result, StoreUnavailable)]
        assert all(result.sent for result in lost), "a call that never ran was given up before its deadline"
        answered = [result for result in results if isinstance(result, int)]
        assert len(answered) + len(lost) == len(results)
        return answered, len(lost)


@contextlib.contextmanager
def listening(settings: RedisSettings, cell: str) -> Iterator[tuple[Subscriber, list[bytes]]]:
    heard: list[bytes] = []
    subscriber = Subscriber(Connector(settings, f"{{carillon:{cell}}}"), f"{{carillon:{cell}}}:ch:pod", heard.append, lambda: None)
    subscriber.start()
    yield subscriber, heard


async def still_heard(link: RedisLink, cell: str, heard: list[bytes]) -> None:
    """A message published from now on arrives."""
    heard.clear()
    word = "SPUBLISH" if link.sharded_pubsub else "PUBLISH"
    for number in range(200):
        await asyncio.wait({link.command(word, f"{{carillon:{cell}}}:ch:pod", str(number), timeout=5)})
        await asyncio.sleep(0.05)
        if heard:
            return
    raise AssertionError("the subscriber did not follow")


async def test_a_moved_slot_is_followed_and_no_call_is_lost_or_run_twice(own_cluster: RedisCluster, cell: str) -> None:
    settings = RedisSettings(url=own_cluster.url)
    async with linked(settings, cell) as link:
        with listening(settings, cell) as (subscriber, heard):
            await subscriber.subscribed.wait()
            traffic = Traffic(link, cell)
            await traffic.more()
            for _ in range(2):
                source = own_cluster.owner(count_key(cell))
                target = next(node for node in own_cluster.nodes if node is not source)
                await asyncio.to_thread(own_cluster.move, count_key(cell), target)
                await traffic.more()
            answered, lost = await traffic.stop()
            assert lost == 0
            assert len(answered) == len(set(answered))
            assert own_cluster.owner(count_key(cell)).ask("GET", count_key(cell)) == str(len(answered) + 3)
            await still_heard(link, cell, heard)
            await subscriber.close()


async def test_a_replica_that_takes_over_is_followed(own_cluster: RedisCluster, cell: str) -> None:
    primary = own_cluster.owner(count_key(cell))
    replica = await asyncio.to_thread(own_cluster.add_replica, primary)
    settings = RedisSettings(url=own_cluster.url)
    async with linked(settings, cell) as link:
        with listening(settings, cell) as (subscriber, heard):
            await subscriber.subscribed.wait()
            traffic = Traffic(link, cell)
            await traffic.more()
            replica.ask("CLUSTER FAILOVER")
            await until(lambda: own_cluster.owner(count_key(cell)) is replica)
            await traffic.more()
            primary.kill()
            await traffic.more()
            answered, _ = await traffic.stop()
            assert answered == sorted(set(answered))
            await still_heard(link, cell, heard)
            await subscriber.close()


@pytest.mark.parametrize("fault", [RedisServer.kill, RedisServer.freeze], ids=["killed", "frozen"])
async def test_the_primary_that_sentinel_chose_is_found(
    redis_sentinel: RedisSentinel, cell: str, fault: Callable[[RedisServer], None]
) -> None:
    settings = RedisSettings(url=redis_sentinel.url, sentinel_password=redis_sentinel.sentinel_password, connect_timeout=0.5)
    async with linked(settings, cell, liveness=1.0) as link:
        with listening(settings, cell) as (subscriber, heard):
            await subscriber.subscribed.wait()
            traffic = Traffic(link, cell)
            await traffic.more()
            old = redis_sentinel.primary
            fault(old)
            await until(lambda: redis_sentinel.primary is not old)
            await traffic.more()
            answered, _ = await traffic.stop()
            assert answered
            assert redis_sentinel.primary.ask("INFO")["role"] == "master"
            # No echo of its own tells the pod that a frozen server will say nothing more.
            await subscriber.restart()
            await still_heard(link, cell, heard)
            await subscriber.close()
