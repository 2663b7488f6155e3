from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from harness.apiserver import ApiServer, programs
from harness.operators import Cell

from carillon_operator.crd import definition


@pytest.fixture(scope="session")
def api_server() -> Iterator[ApiServer]:
    """A real API server with our CRD, shared by all tests that leave it running; each test has a namespace of its own."""
    with _started() as server:
        server.install(definition())
        yield server


@pytest.fixture
def cell(api_server: ApiServer) -> Cell:
    """A fresh namespace."""
    return Cell.fresh(api_server)


@pytest.fixture
def own_api_server() -> Iterator[ApiServer]:
    """An API server for one test to stop or change; three seconds to start."""
    with _started() as server:
        server.install(definition())
        yield server


@pytest.fixture
def bare_api_server() -> Iterator[ApiServer]:
    """One without our CRD."""
    with _started() as server:
        yield server


@contextmanager
def _started() -> Iterator[ApiServer]:
    try:
        programs()
    except FileNotFoundError as missing:
        pytest.skip(str(missing))
    server = ApiServer()
    try:
        yield server.start()
    finally:
        server.remove()
