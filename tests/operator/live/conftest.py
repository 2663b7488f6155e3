from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from harness.apiserver import ApiServer, programs
from harness.operators import Cell, Operator, grant

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


@pytest.fixture(scope="module")
def operator(api_server: ApiServer) -> Iterator[Operator]:
    """Serves all namespaces, with the rights of its ClusterRole alone."""
    name, token = api_server.user()
    grant(api_server, name)
    with Operator(api_server, "--home-namespace=default", f"--lease={name}", token=token) as found:
        yield found.wait_ready()


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
