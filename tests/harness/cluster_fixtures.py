"""Fixtures of everything that is tried on real pods. A conftest imports them by name."""

from collections.abc import Iterator

import pytest
from harness.environments import Environment, choose
from harness.figures import Figures


@pytest.fixture(scope="session")
def environment() -> Iterator[Environment]:
    """A cluster with the images that this checkout builds."""
    with choose() as chosen:
        yield chosen


@pytest.fixture(scope="session")
def figures(request: pytest.FixtureRequest) -> Iterator[Figures]:
    """What was measured on the way; printed at the end, asserted never."""
    found = Figures()
    yield found
    found.show(request.config)
