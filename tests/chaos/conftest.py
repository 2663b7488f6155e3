import os
from collections.abc import Iterator

import pytest
from harness.environments import Environment, choose
from harness.figures import Figures
from harness.operated import Operator


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
    with Operator(environment) as installed:
        yield installed


@pytest.fixture(scope="session")
def size() -> int:
    """CHAOS_SIZE: 1 is the short form, 100 users and 30 lasting calls."""
    return int(os.environ.get("CHAOS_SIZE", "1"))
