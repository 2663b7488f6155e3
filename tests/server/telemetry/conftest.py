import logging
from collections.abc import Iterator

import pytest

NAMES = ("uvicorn", "uvicorn.error", "uvicorn.access", "websockets", "httpx", "httpcore", "hpack", "urllib3", "google.auth", "asyncio")


@pytest.fixture
def logging_restored() -> Iterator[None]:
    """Logging belongs to the process: leave it as it was."""
    root = logging.getLogger()
    loggers = [root, *(logging.getLogger(name) for name in NAMES)]
    before = [(one, one.level, list(one.handlers), list(one.filters), one.disabled, one.propagate) for one in loggers]
    yield
    logging.captureWarnings(False)
    for one, level, handlers, filters, disabled, propagate in before:
        one.setLevel(level)
        one.handlers, one.filters, one.disabled, one.propagate = handlers, filters, disabled, propagate
