import os
from collections.abc import Iterator

import pytest
from harness.environments import Environment, choose
from harness.evidence import pytest_runtest_makereport
from harness.figures import Figures
from harness.operated import Operator
from harness.sizes import SIZES, Size

__all__ = ["pytest_runtest_makereport"]


@pytest.fixture(scope="session")
def environment() -> Iterator[Environment]:
    with choose() as chosen:
        yield chosen


@pytest.fixture(scope="session")
def figures(request: pytest.FixtureRequest) -> Iterator[Figures]:
    found = Figures()
    yield found
    found.show(request.config)


@pytest.fixture(scope="session")
def operator(environment: Environment) -> Iterator[Operator]:
    with Operator(environment, metricsApi={"enabled": True}) as installed:
        yield installed


@pytest.fixture(scope="session")
def size() -> Size:
    """CHAOS_SIZE: `short`, which is what CI runs, or `full`."""
    return SIZES[os.environ.get("CHAOS_SIZE", "short")]
