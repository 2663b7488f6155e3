import secrets
from collections.abc import Iterator

import pytest
from harness.apiserver import ApiServer, programs
from harness.operators import Cell

from carillon_operator.crd import definition


@pytest.fixture(scope="session")
def api_server() -> Iterator[ApiServer]:
    """A real API server with our CRD, shared by all tests that leave it running; each test has a namespace of its own."""
    try:
        programs()
    except FileNotFoundError as missing:
        pytest.skip(str(missing))
    server = ApiServer()
    try:
        server.start().install(definition())
        yield server
    finally:
        server.remove()


@pytest.fixture
def cell(api_server: ApiServer) -> Cell:
    """A fresh namespace."""
    name = f"test-{secrets.token_hex(4)}"
    api_server.call("POST", "/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    return Cell(api_server, name)


@pytest.fixture
def own_api_server() -> Iterator[ApiServer]:
    """An API server for one test to stop or change; three seconds to start."""
    try:
        programs()
    except FileNotFoundError as missing:
        pytest.skip(str(missing))
    server = ApiServer()
    try:
        server.start().install(definition())
        yield server
    finally:
        server.remove()
