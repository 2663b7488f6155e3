"""The link on every kind of Redis."""

import asyncio

import pytest
from harness.links import COUNT, count_key, linked, script, settled, until
from harness.redis import RedisServer, version

from carillon.config import RedisSettings
from carillon.errors import StoreError, StoreFull, StoreUnavailable
from carillon.store.scripts import load

KEY_AND_ARG = script("return {KEYS[1], ARGV[1], redis.call('GET', KEYS[1])}")


async def test_commands_and_scripts_answer(settings: RedisSettings, cell: str) -> None:
    key = count_key(cell)
    async with linked(settings, cell) as link:
        assert await link.command("SET", key, b"\x00\r\n\xff", "PX", 60_000, timeout=5) == b"OK"
        assert await link.call(KEY_AND_ARG, [key], [7], timeout=5) == [key.encode(), b"7", b"\x00\r\n\xff"]
        assert link.connected


async def test_ten_thousand_calls_at_once_keep_their_order(settings: RedisSettings, cell: str) -> None:
    async with linked(settings, cell) as link:
        calls = [link.call(COUNT, [count_key(cell)], [], timeout=30) for _ in range(10_000)]
        assert await settled(*calls) == list(range(1, 10_001))


async def test_a_refused_command_costs_the_others_nothing(settings: RedisSettings, cell: str) -> None:
    key = count_key(cell)
    async with linked(settings, cell) as link:
        wrong = link.command("HGET", key, "a", "too many", timeout=5)
        broken = link.call(script("return nothing.here"), [key], [], timeout=5)
        right = link.call(COUNT, [key], [], timeout=5)
        first, second, third = await settled(wrong, broken, right)
        assert type(first) is StoreError
        assert type(second) is StoreError
        assert third == 1


async def test_the_servers_own_scripts_are_known_by_their_hash(redis_server: RedisServer) -> None:
    assert redis_server.ask("SCRIPT LOAD", load("commit").source) == load("commit").sha1


async def test_forgotten_scripts_are_given_again_and_run_once(own_redis: RedisServer, cell: str) -> None:
    async with linked(RedisSettings(url=own_redis.url), cell) as link:
        assert await link.call(COUNT, [count_key(cell)], [], timeout=5) == 1
        own_redis.ask("SCRIPT FLUSH")
        own_redis.ask("CONFIG RESETSTAT")
        calls = [link.call(COUNT, [count_key(cell)], [], timeout=5) for _ in range(100)]
        assert sorted(await settled(*calls)) == list(range(2, 102))
        assert own_redis.ask("INFO", "commandstats")["cmdstat_eval"]["calls"] == 1


async def test_a_script_that_fails_each_time_is_given_again_each_time_it_is_forgotten(own_redis: RedisServer, cell: str) -> None:
    failing = script("return redis.call('GET')")
    async with linked(RedisSettings(url=own_redis.url), cell) as link:
        for _ in range(3):
            own_redis.ask("SCRIPT FLUSH")
            with pytest.raises(StoreError, match="arg"):
                await link.call(failing, [count_key(cell)], [], timeout=5)


async def test_a_full_redis_refuses_and_says_so(own_redis: RedisServer, cell: str) -> None:
    key = count_key(cell)
    renewing = script("redis.call('PEXPIRE', KEYS[1], 60000) return redis.call('SET', KEYS[1], '7')")
    async with linked(RedisSettings(url=own_redis.url), cell) as link:
        assert await link.call(COUNT, [key], [], timeout=5) == 1
        own_redis.ask("CONFIG SET", "maxmemory", "1")
        with pytest.raises(StoreFull):
            await link.command("SET", key, "2", timeout=5)
        with pytest.raises(StoreFull):
            await link.call(COUNT, [key], [], timeout=5)
        assert await link.command("GET", key, timeout=5) == b"1"
        assert await link.call(renewing, [key], [], timeout=5) == b"OK"


async def test_what_is_asked_for_first_goes_before_all_that_waits(redis_server: RedisServer, cell: str) -> None:
    """On a fresh connection the pod's lease renewal must be answered before any other command is written."""
    key = count_key(cell)
    seen = script("return redis.call('EXISTS', KEYS[1])")
    async with linked(RedisSettings(url=redis_server.url), cell) as link:
        link.on_up = lambda: first.append(link.call(seen, [key], [], timeout=5, first=True))
        first: list[asyncio.Future[int]] = []
        assert link._wire is not None
        link._wire.abort()
        await asyncio.sleep(0)
        waits = link.command("SET", key, "1", "PX", 60_000, timeout=5)
        assert await waits == b"OK"
        assert await first[0] == 0


async def test_while_the_first_command_is_refused_no_other_is_sent(redis_server: RedisServer, cell: str) -> None:
    key = count_key(cell)
    async with linked(RedisSettings(url=redis_server.url), cell) as link:
        link.on_up = lambda: link.call(script("return nothing.here"), [key], [], timeout=5, first=True).add_done_callback(
            refused.set_result
        )
        refused: asyncio.Future[object] = asyncio.get_running_loop().create_future()
        assert link._wire is not None
        link._wire.abort()
        await asyncio.sleep(0)
        waits = link.call(COUNT, [key], [], timeout=0.3)
        await refused
        with pytest.raises(StoreUnavailable) as caught:
            await waits
        assert not caught.value.sent
        assert redis_server.ask("EXISTS", key) == 0


async def test_channels_are_those_of_the_slot_where_redis_has_them(settings: RedisSettings, cell: str) -> None:
    async with linked(settings, cell) as link:
        assert link.sharded_pubsub == ("cluster" in settings.url and version() >= (7, 0))


async def test_a_defect_in_a_callback_does_not_end_the_link(redis_server: RedisServer, cell: str) -> None:
    def up() -> None:
        ups.append(1)
        if len(ups) == 1:
            raise ValueError("a defect upstairs")
        link.call(COUNT, [count_key(cell)], [], timeout=5, first=True)

    ups: list[int] = []
    async with linked(RedisSettings(url=redis_server.url), cell) as link:
        link.on_up = up
        assert link._wire is not None
        link._wire.abort()
        await until(lambda: len(ups) == 2)
        assert await link.call(COUNT, [count_key(cell)], [], timeout=5) == 2
