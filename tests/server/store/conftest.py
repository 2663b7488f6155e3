import asyncio
from collections.abc import AsyncIterator, Callable, Iterator

import pytest
import uvloop
from harness.certificates import Authority
from harness.faults import FaultProxy
from harness.links import ACL_RULES
from harness.redis import RedisServer
from harness.redis_groups import RedisCluster, RedisSentinel

from carillon.config import RedisSettings


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """The loop that the server runs on."""
    return {"uvloop": uvloop.new_event_loop}


@pytest.fixture(scope="session")
def shared_sentinel() -> Iterator[RedisSentinel]:
    group = RedisSentinel(password="redis-password", sentinel_password="sentinel-password").start()
    yield group
    group.remove()


@pytest.fixture(params=["standalone", "unix", "tls", "acl", "sentinel", "cluster"])
async def settings(
    request: pytest.FixtureRequest,
    redis_server: RedisServer,
    redis_cluster: RedisCluster,
    shared_sentinel: RedisSentinel,
    authority: Authority,
) -> AsyncIterator[RedisSettings]:
    """Every way in which Redis can be reached."""
    match request.param:
        case "standalone":
            yield RedisSettings(url=redis_server.url)
        case "unix":
            yield RedisSettings(url=f"unix://{redis_server.unix_path}")
        case "tls":
            server, client = authority.issue("redis", "localhost", "127.0.0.1"), authority.issue("carillon")
            context = authority.server_context(server, demand_client=True)
            async with FaultProxy(redis_server.port, tls=context) as proxy:
                url = f"rediss://localhost:{proxy.port}"
                yield RedisSettings(url=url, ca_file=authority.ca, cert_file=client.cert, key_file=client.key)
        case "acl":
            redis_server.ask("ACL", "SETUSER", "carillon", "reset", "on", ">acl-password", *ACL_RULES)
            yield RedisSettings(url=redis_server.url, username="carillon", password="acl-password")
        case "sentinel":
            yield RedisSettings(url=shared_sentinel.url, sentinel_password=shared_sentinel.sentinel_password)
        case "cluster":
            yield RedisSettings(url=redis_cluster.url)
