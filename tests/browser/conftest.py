import os
import secrets
from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio
from harness.browser import FAKE_MEDIA, REAL, People, chromium, program
from harness.redis import RedisServer
from harness.server import ServerProcess
from playwright.async_api import Browser


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if program() is None:
        skip = pytest.mark.skip(reason="no Chromium here: install one (Debian: apt-get install chromium), or set CHROMIUM to its path")
        for item in items:
            if "tests/browser/" in item.nodeid:
                item.add_marker(skip)


@pytest.fixture(scope="module")
def server(redis_server: RedisServer) -> Iterator[ServerProcess]:
    with ServerProcess(redis_server.url, secrets.token_hex(6), **REAL) as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with chromium(*FAKE_MEDIA, *os.environ.get("CHROMIUM_FLAGS", "").split()) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def people(browser: Browser, server: ServerProcess) -> AsyncIterator[People]:
    async with People(browser, server.port) as everybody:
        yield everybody
