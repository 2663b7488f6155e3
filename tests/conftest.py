import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest
from harness.certificates import Authority
from harness.redis import RedisServer
from harness.redis_groups import RedisCluster, RedisSentinel

REAL_PODS = ("e2e", "chaos")
"""Folders that run only when they are named, by `make e2e` and `make chaos`: they make images and a cluster."""


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    if collection_path.parent != Path(__file__).parent or collection_path.name not in REAL_PODS:
        return None
    named = [part for word in config.invocation_params.args for part in Path(word.split("::")[0]).parts]
    return collection_path.name not in named or None


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    """The Redis that most tests share, each with a cell of its own."""
    server = RedisServer().start()
    yield server
    server.remove()


@pytest.fixture
def own_redis() -> Iterator[RedisServer]:
    """A Redis for one test to stop, freeze or wipe."""
    server = RedisServer().start()
    yield server
    server.remove()


@pytest.fixture(scope="session")
def redis_cluster() -> Iterator[RedisCluster]:
    """Three masters. A test may move the slot of its own cell, and stop nothing."""
    cluster = RedisCluster().start()
    yield cluster
    cluster.remove()


@pytest.fixture
def own_cluster() -> Iterator[RedisCluster]:
    """Three masters for one test to reshard or fail over; two seconds to start."""
    cluster = RedisCluster().start()
    yield cluster
    cluster.remove()


@pytest.fixture
def redis_sentinel() -> Iterator[RedisSentinel]:
    """A primary, a replica and a sentinel, all with passwords, for one test to fail over."""
    group = RedisSentinel(password="redis-password", sentinel_password="sentinel-password").start()
    yield group
    group.remove()


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def cell() -> str:
    return secrets.token_hex(6)
