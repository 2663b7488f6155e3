import os
from collections.abc import Iterator

import pytest
from harness.cluster_fixtures import environment, figures
from harness.environments import Environment
from harness.evidence import pytest_runtest_makereport
from harness.operated import Operator
from harness.sizes import SIZES, Size

__all__ = ["environment", "figures", "pytest_runtest_makereport"]


@pytest.fixture(scope="session")
def operator(environment: Environment) -> Iterator[Operator]:
    with Operator(environment, metricsApi={"enabled": True}) as installed:
        yield installed


@pytest.fixture(scope="session")
def size() -> Size:
    """CHAOS_SIZE: `short`, which is what CI runs, or `full`."""
    return SIZES[os.environ.get("CHAOS_SIZE", "short")]
