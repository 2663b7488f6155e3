from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from harness.apiserver import ApiServer


@pytest.fixture(scope="module")
def api() -> Iterator[ApiServer]:
    """A real API server, with the kinds of the Prometheus operator and the Gateway API."""
    server = ApiServer()
    try:
        server.start()
        for one in yaml.safe_load_all((Path(__file__).parent / "crds.yaml").read_text()):
            server.install(one)
        yield server
    finally:
        server.remove()
