from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from harness.apiserver import ApiServer, programs
from harness.helm import program


@pytest.fixture(scope="session", autouse=True)
def tools() -> None:
    """Built at their first use, once a machine."""
    try:
        program("helm")
        program("promtool")
    except RuntimeError as missing:
        pytest.skip(str(missing))


@pytest.fixture(scope="module")
def api() -> Iterator[ApiServer]:
    """A real API server, with the kinds of the Prometheus operator and the Gateway API."""
    try:
        programs()
    except FileNotFoundError as missing:
        pytest.skip(str(missing))
    server = ApiServer()
    try:
        server.start()
        for one in yaml.safe_load_all((Path(__file__).parent / "crds.yaml").read_text()):
            server.install(one)
        yield server
    finally:
        server.remove()
