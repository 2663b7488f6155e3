"""Which connections are made, and which are refused."""

import logging
from typing import Any

import pytest
from harness.certificates import Authority
from harness.faults import FaultProxy
from harness.links import linked, until
from harness.ports import free_port
from harness.redis import RedisServer
from harness.redis_groups import RedisCluster, RedisSentinel
from redis.exceptions import RedisError

from carillon.config import RedisSettings
from carillon.store.endpoints import Connector
from carillon.store.link import RedisLink


async def refused(settings: RedisSettings) -> str:
    with pytest.raises((OSError, RedisError)) as caught:
        await Connector(settings, "{carillon:x}")()
    return str(caught.value)


async def test_a_replica_is_not_taken_for_the_primary(own_redis: RedisServer) -> None:
    own_redis.ask("REPLICAOF", "127.0.0.1", 1)
    assert "replica" in await refused(RedisSettings(url=own_redis.url))


async def test_a_server_that_never_answers_is_given_up(own_redis: RedisServer) -> None:
    own_redis.freeze()
    await refused(RedisSettings(url=own_redis.url, connect_timeout=0.3))


async def test_a_wrong_password_is_told_without_it(redis_server: RedisServer, caplog: pytest.LogCaptureFixture) -> None:
    redis_server.ask("ACL", "SETUSER", "stranger", "reset", "on", ">right", "+@all", "~*")
    settings = RedisSettings(url=redis_server.url, username="stranger", password="s3cret-and-wrong")
    link = RedisLink(Connector(settings, "{carillon:x}"))
    with caplog.at_level(logging.DEBUG):
        link.start()
        await until(
            lambda: any("WRONGPASS" in str(getattr(record, "why", "")) or "password" in str(vars(record)) for record in caplog.records)
        )
        await link.close()
    assert "s3cret" not in str([vars(record) for record in caplog.records])


async def test_a_user_who_may_not_name_the_connection_may_use_it(redis_server: RedisServer, cell: str) -> None:
    redis_server.ask("ACL", "SETUSER", "nameless", "reset", "on", ">pw", "~*", "+info", "+ping", "+get")
    async with linked(RedisSettings(url=redis_server.url, username="nameless", password="pw"), cell) as link:
        assert await link.command("PING", timeout=5) == b"PONG"


async def test_a_database_other_than_the_first(redis_server: RedisServer, cell: str) -> None:
    async with linked(RedisSettings(url=redis_server.url.removesuffix("0") + "3"), cell) as link:
        await link.command("SET", f"only-there-{cell}", "x", "PX", 60_000, timeout=5)
        assert redis_server.ask("EXISTS", f"only-there-{cell}") == 0


async def test_an_ipv6_address(redis_server: RedisServer, cell: str) -> None:
    proxy = FaultProxy(redis_server.port, host="::1")
    async with proxy, linked(RedisSettings(url=f"redis://[::1]:{proxy.port}"), cell) as link:
        assert await link.command("PING", timeout=5) == b"PONG"


@pytest.mark.parametrize("wrong", ["authority", "name", "no client certificate", "plain text"])
async def test_tls_that_proves_nothing_is_refused(redis_server: RedisServer, authority: Authority, tmp_path: Any, wrong: str) -> None:
    certificate = authority.issue("elsewhere", "elsewhere.example") if wrong == "name" else authority.issue("redis", "localhost")
    context = authority.server_context(certificate, demand_client=wrong == "no client certificate")
    trusted = Authority(tmp_path).ca if wrong == "authority" else authority.ca
    async with FaultProxy(redis_server.port, tls=context) as proxy:
        scheme = "redis" if wrong == "plain text" else "rediss"
        await refused(RedisSettings(url=f"{scheme}://localhost:{proxy.port}", ca_file=trusted, connect_timeout=1.0))


async def test_dead_nodes_among_those_named_are_passed_over(redis_cluster: RedisCluster, cell: str) -> None:
    alive = redis_cluster.nodes[0].port
    async with linked(RedisSettings(url=f"redis+cluster://127.0.0.1:{free_port()},127.0.0.1:{alive}"), cell) as link:
        assert await link.command("SET", f"{{carillon:{cell}}}:x", "1", "PX", 60_000, timeout=5) == b"OK"


async def test_a_server_that_is_no_cluster_node_says_so(redis_server: RedisServer) -> None:
    assert "cluster" in await refused(RedisSettings(url=f"redis+cluster://127.0.0.1:{redis_server.port}"))


async def test_dead_sentinels_and_sentinels_without_the_service(shared_sentinel: RedisSentinel, cell: str) -> None:
    url = shared_sentinel.url.replace("127.0.0.1", f"127.0.0.1:{free_port()},127.0.0.1")
    settings = RedisSettings(url=url, sentinel_password=shared_sentinel.sentinel_password)
    async with linked(settings, cell) as link:
        assert await link.command("PING", timeout=5) == b"PONG"
    assert "nobody" in await refused(
        RedisSettings(url=url.replace("/calls", "/nobody"), sentinel_password=shared_sentinel.sentinel_password)
    )


async def test_only_the_sentinels_own_password_opens_them(shared_sentinel: RedisSentinel) -> None:
    await refused(RedisSettings(url=shared_sentinel.url))


async def test_connections_carry_a_name(redis_server: RedisServer, cell: str) -> None:
    async with linked(RedisSettings(url=redis_server.url), cell):
        assert "carillon" in {client["name"] for client in redis_server.ask("CLIENT LIST")}
