import secrets
from collections.abc import Iterator

import pytest
from harness.redis import RedisServer


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


@pytest.fixture
def cell() -> str:
    return secrets.token_hex(6)
