"""The link when Redis dies, stalls, forgets, is short of replicas, or answers into the void."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from harness.faults import FaultProxy
from harness.links import COUNT, count_key, linked, settled, until
from harness.redis import RedisServer

from carillon.config import RedisSettings
from carillon.errors import StoreUnavailable
from carillon.store.link import RedisLink


@contextlib.asynccontextmanager
async def through_proxy(server: RedisServer, cell: str, **options: Any) -> AsyncIterator[tuple[RedisLink, FaultProxy]]:
    async with FaultProxy(server.port) as proxy, linked(RedisSettings(url=f"redis://127.0.0.1:{proxy.port}"), cell, **options) as link:
        yield link, proxy


def count(server: RedisServer, cell: str) -> int:
    return int(server.ask("GET", count_key(cell)) or 0)


async def test_a_lost_answer_is_known_as_such_and_nothing_runs_twice(redis_server: RedisServer, cell: str) -> None:
    async with through_proxy(redis_server, cell) as (link, proxy):
        assert await link.call(COUNT, [count_key(cell)], [], timeout=5) == 1
        proxy.lose_replies()
        with pytest.raises(StoreUnavailable) as caught:
            await link.call(COUNT, [count_key(cell)], [], timeout=5)
        assert caught.value.sent
        assert count(redis_server, cell) == 2
        assert await link.call(COUNT, [count_key(cell)], [], timeout=5) == 3


async def test_answers_lost_in_the_middle_of_many(redis_server: RedisServer, cell: str) -> None:
    async with through_proxy(redis_server, cell) as (link, proxy):
        assert await link.call(COUNT, [count_key(cell)], [], timeout=5) == 1
        proxy.lose_replies(after=20)
        results = await settled(*(link.call(COUNT, [count_key(cell)], [], timeout=5) for _ in range(50)))
        answered = [result for result in results if isinstance(result, int)]
        assert answered == list(range(2, 2 + len(answered)))
        assert 0 < len(answered) < 50
        assert all(result.sent for result in results[len(answered) :])
        assert count(redis_server, cell) == 51


async def test_a_killed_server_fails_what_it_had_and_keeps_what_it_had_not(own_redis: RedisServer, cell: str) -> None:
    events: list[str] = []
    async with linked(RedisSettings(url=own_redis.url), cell) as link:
        link.on_down = lambda: events.append("down")
        own_redis.freeze()
        sent = link.call(COUNT, [count_key(cell)], [], timeout=10)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        own_redis.kill()
        with pytest.raises(StoreUnavailable) as caught:
            await sent
        assert caught.value.sent
        await until(lambda: not link.connected)
        assert events == ["down"]
        waits = link.call(COUNT, [count_key(cell)], [], timeout=10)
        own_redis.start()
        assert await waits == 1
        assert link.connected


async def test_what_waits_for_a_dead_server_fails_as_unsent_at_its_own_deadline(own_redis: RedisServer, cell: str) -> None:
    async with linked(RedisSettings(url=own_redis.url), cell) as link:
        own_redis.kill()
        await until(lambda: not link.connected)
        late = link.call(COUNT, [count_key(cell)], [], timeout=10)
        cancelled = link.call(COUNT, [count_key(cell)], [], timeout=10)
        with pytest.raises(StoreUnavailable) as caught:
            await link.call(COUNT, [count_key(cell)], [], timeout=0.2)
        assert not caught.value.sent
        cancelled.cancel()
        own_redis.start()
        assert await late == 1
        assert count(own_redis, cell) == 1


async def test_a_frozen_server_is_noticed_and_what_was_not_written_runs_once_later(own_redis: RedisServer, cell: str) -> None:
    """More is asked than the kernel takes: what is beyond that is known not to have run."""
    async with linked(RedisSettings(url=own_redis.url), cell, liveness=0.5, queue_bytes=100_000_000) as link:
        assert await link.call(COUNT, [count_key(cell)], [], timeout=5) == 1
        own_redis.freeze()
        calls = []
        for _ in range(60):
            calls.append(link.call(COUNT, [count_key(cell)], [b"x" * 500_000], timeout=20))
            await asyncio.sleep(0)
        await until(lambda: not link.connected)
        own_redis.thaw()
        results = await settled(*calls)
        lost = [result for result in results if isinstance(result, StoreUnavailable)]
        assert lost
        assert all(result.sent for result in lost)
        answered = [result for result in results if isinstance(result, int)]
        assert answered == sorted(answered)
        assert len(answered) + len(lost) == 60
        assert answered, "nothing was kept back"
        assert len(answered) + 1 <= count(own_redis, cell) <= 61


async def test_a_black_hole_is_noticed_and_left(redis_server: RedisServer, cell: str) -> None:
    async with through_proxy(redis_server, cell, liveness=0.5) as (link, proxy):
        proxy.silence()
        with pytest.raises(StoreUnavailable) as caught:
            await link.call(COUNT, [count_key(cell)], [], timeout=5)
        assert caught.value.sent
        assert await link.call(COUNT, [count_key(cell)], [], timeout=5) == 1


async def test_a_slow_server_is_not_a_dead_one(redis_server: RedisServer, cell: str) -> None:
    """Each answer comes late, but one comes within the liveness time."""
    async with through_proxy(redis_server, cell, liveness=0.6) as (link, proxy):
        proxy.delay = 0.2
        calls = []
        for _ in range(6):
            calls.append(link.call(COUNT, [count_key(cell)], [], timeout=10))
            await asyncio.sleep(0.1)
        assert await settled(*calls) == list(range(1, 7))
        assert proxy.accepted == 1


async def test_an_answer_after_the_deadline_goes_to_nobody_and_the_next_are_right(redis_server: RedisServer, cell: str) -> None:
    async with through_proxy(redis_server, cell) as (link, proxy):
        proxy.delay = 0.4
        with pytest.raises(StoreUnavailable) as caught:
            await link.call(COUNT, [count_key(cell)], [], timeout=0.2)
        assert caught.value.sent
        proxy.delay = 0
        assert await link.call(COUNT, [count_key(cell)], [], timeout=5) == 2
        assert proxy.accepted == 1


async def test_scripts_are_known_again_after_a_restart(own_redis: RedisServer, cell: str) -> None:
    async with linked(RedisSettings(url=own_redis.url), cell) as link:
        assert await link.call(COUNT, [count_key(cell)], [], timeout=5) == 1
        own_redis.restart(wipe=False)
        await until(lambda: not link.connected)
        results = await settled(*(link.call(COUNT, [count_key(cell)], [], timeout=10) for _ in range(20)))
        assert sorted(results) == list(range(2, 22))


async def test_what_a_replica_refuses_runs_once_there_is_a_primary(own_redis: RedisServer, cell: str) -> None:
    async with linked(RedisSettings(url=own_redis.url), cell) as link:
        own_redis.ask("REPLICAOF", "127.0.0.1", 1)
        calls = [link.call(COUNT, [count_key(cell)], [], timeout=10) for _ in range(20)]
        calls.append(link.command("SET", count_key(cell) + "2", "x", "PX", 60_000, timeout=10))
        await until(lambda: not link.connected)
        own_redis.ask("REPLICAOF", "NO", "ONE")
        assert sorted(await settled(*calls[:20])) == list(range(1, 21))
        assert await calls[20] == b"OK"


async def test_what_lacks_replicas_waits_and_fails_as_unsent(own_redis: RedisServer, cell: str) -> None:
    key = count_key(cell)
    async with linked(RedisSettings(url=own_redis.url), cell) as link:
        own_redis.ask("CONFIG SET", "min-replicas-to-write", 1)
        waits = link.command("SET", key, "x", timeout=10)
        with pytest.raises(StoreUnavailable) as caught:
            await link.command("SET", key, "y", timeout=0.3)
        assert not caught.value.sent
        own_redis.ask("CONFIG SET", "min-replicas-to-write", 0)
        assert await waits == b"OK"
        assert own_redis.ask("GET", key) == "x"


async def test_a_strangers_endless_script_delays_and_loses_nothing(own_redis: RedisServer, cell: str) -> None:
    own_redis.ask("CONFIG SET", "lua-time-limit", 50)
    async with linked(RedisSettings(url=own_redis.url), cell) as link:
        reader, writer = await asyncio.open_connection("127.0.0.1", own_redis.port)
        writer.write(b"EVAL 'while true do end' 0\r\n")
        await asyncio.sleep(0.2)
        waits = link.call(COUNT, [count_key(cell)], [], timeout=10)
        await until(lambda: not link.connected)
        own_redis.ask("SCRIPT KILL")
        assert await waits == 1
        writer.close()
        assert b"killed" in await reader.read()


async def test_what_waits_is_bounded_in_bytes_and_in_number(own_redis: RedisServer, cell: str) -> None:
    async with linked(RedisSettings(url=own_redis.url), cell, queue_bytes=10_000, queue_commands=20) as link:
        own_redis.kill()
        await until(lambda: not link.connected)
        large = [link.command("SET", "key", b"x" * 4_000, timeout=1) for _ in range(3)]
        small = [link.command("GET", "key", timeout=1) for _ in range(30)]
        assert [future.done() for future in large] == [False, False, True]
        assert [future.done() for future in small] == [False] * 18 + [True] * 12
        results = await settled(*large, *small)
        assert all(isinstance(result, StoreUnavailable) and not result.sent for result in results)
        own_redis.start()
        assert await link.command("SET", "key", b"x" * 9_000, timeout=10) == b"OK"


async def test_more_than_the_bounds_in_one_tick_is_no_reason_to_refuse(redis_server: RedisServer, cell: str) -> None:
    async with linked(RedisSettings(url=redis_server.url), cell, queue_bytes=10_000, queue_commands=20) as link:
        results = await settled(*(link.call(COUNT, [count_key(cell)], [], timeout=5) for _ in range(1000)))
        assert results == list(range(1, 1001))


async def test_a_process_that_stood_still_does_not_blame_redis(redis_server: RedisServer, cell: str) -> None:
    """A stopped process wakes to answers that it has not read yet, long after they came."""
    async with linked(RedisSettings(url=redis_server.url), cell, liveness=0.3) as link:
        lost: list[str] = []
        link.on_down = lambda: lost.append("down")
        late = link.call(COUNT, [count_key(cell)], [], timeout=0.3)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        time.sleep(1.0)  # noqa: ASYNC251 - to block the loop is the point
        assert await late == 1
        assert lost == []


async def test_closing_fails_what_waits(own_redis: RedisServer, cell: str) -> None:
    async with linked(RedisSettings(url=own_redis.url), cell) as link:
        own_redis.freeze()
        sent = link.command("PING", timeout=10)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        unsent = link.command("PING", timeout=10)
    results = await settled(sent, unsent)
    assert [result.sent for result in results] == [True, False]
    with pytest.raises(StoreUnavailable):
        await link.command("PING", timeout=10)


async def test_a_script_given_up_before_redis_had_it_leaves_the_others_running(own_redis: RedisServer, cell: str) -> None:
    """Of two that Redis does not know the first brings the source; it is cancelled before that is written."""
    async with linked(RedisSettings(url=own_redis.url), cell) as link:
        before = link.command("PING", timeout=5)
        first = link.call(COUNT, [count_key(cell)], [], timeout=5)
        second = link.call(COUNT, [count_key(cell)], [], timeout=5)
        before.add_done_callback(lambda _: first.cancel())
        assert await second == 1
