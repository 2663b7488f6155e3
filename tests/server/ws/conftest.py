import asyncio
from collections.abc import AsyncIterator, Callable

import pytest
import uvloop
from harness.wire import Host, settings


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """The loop that the server runs on: write buffers and resets differ from asyncio's own."""
    return {"uvloop": uvloop.new_event_loop}


@pytest.fixture
async def host() -> AsyncIterator[Host]:
    async with Host(settings()) as running:
        yield running
