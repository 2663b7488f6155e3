"""Live calls while everything around them fails: no call ends that nobody ended, nothing is lost, doubled or out of order."""

from collections.abc import Iterator

import pytest
from harness.environments import Environment
from harness.figures import Figures
from harness.havoc import EVERYWHERE, HERE
from harness.operated import Declared, Operator
from harness.services import undisturbed
from harness.sizes import Size

PINNED = {"kubernetes.io/hostname": "node1"}


@pytest.fixture(params=["managed", "external"])
def declared(request: pytest.FixtureRequest, environment: Environment, operator: Operator) -> Iterator[Declared]:
    pod = {"nodeSelector": PINNED} if environment.breakable else {}
    with Declared(operator, {"redis": {"managed": {"pod": pod}}}) as made:
        if request.param == "external":
            made.use_external_redis(environment.images.redis, pod)
        made.declare()
        made.await_ready()
        made.service.await_ready(2)
        yield made


def test_calls_outlive_everything(declared: Declared, environment: Environment, figures: Figures, size: Size) -> None:
    kind = next(iter(declared.spec["redis"]))
    for disturbance in (*EVERYWHERE, *(HERE if environment.breakable else ())):
        declared.await_reached(2)
        what = f"{disturbance.__name__.replace('_', ' ')}, {kind} Redis"
        with undisturbed(declared.service, figures, what, pairs=size.pairs, idle=size.idle, chatter=size.chatter):
            disturbance(declared)
