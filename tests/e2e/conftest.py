import time
from collections.abc import Iterator

import pytest
from harness.cluster_fixtures import environment, figures
from harness.environments import Environment
from harness.evidence import pytest_runtest_makereport
from harness.figures import Figures
from harness.operated import Declared, Operator
from harness.services import since

__all__ = ["environment", "figures", "pytest_runtest_makereport"]


@pytest.fixture(scope="session")
def operator(environment: Environment, figures: Figures) -> Iterator[Operator]:
    began = time.monotonic()
    with Operator(environment) as installed:
        figures.add("operator: helm install to Ready", since(began))
        yield installed


@pytest.fixture(scope="module")
def declared(operator: Operator, figures: Figures) -> Iterator[Declared]:
    with Declared(operator, {}) as made:
        began = time.monotonic()
        made.declare()
        made.await_ready()
        figures.add("SignalingCluster applied to Ready", since(began))
        made.service.await_ready(2)
        yield made
