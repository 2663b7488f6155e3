"""What the scaler keeps from one pass to the next."""

from typing import Any

import pytest
from harness.clusters import cluster

from carillon_operator.reconciler.scaling import Basis, Scaler
from carillon_operator.reconciler.world import World
from carillon_operator.spec import Status
from carillon_operator.spec.status import ScalerStatus

EXTERNAL = {"redis": {"external": {"urlSecret": {"name": "redis", "key": "url"}}}}


class Pods:
    """Stands in for the pods' metrics."""

    async def read(self, _: Any) -> dict[str, Any]:
        return {}


@pytest.mark.parametrize("spec", [{}, EXTERNAL], ids=["managed Redis", "external Redis"])
async def test_without_autoscaling_it_is_forgotten_what_the_scaler_wrote(spec: dict[str, Any]) -> None:
    """Set again later, it must not take what others wrote meanwhile for a conflict."""
    scaler = Scaler(None, Pods())  # type: ignore[arg-type]  # asked for nothing
    before = Status(scaler=ScalerStatus(replicas=8))
    found = await scaler.look(Basis({}, cluster(spec), World(), before, 1_790_000_000.0, True))
    assert found.status is None
