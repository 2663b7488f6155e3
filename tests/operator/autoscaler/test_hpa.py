"""The same load asks for the same pods as from Kubernetes' own HorizontalPodAutoscaler, over a table of some thousand cases."""

import itertools
import math

import pytest

from carillon_operator.autoscaler import History, Sample, Scale, decide
from carillon_operator.spec.scaling import Autoscaling

NOW = 1_790_000_000.0
PER_POD = 100
RUNNING = (1, 2, 3, 5, 8, 13, 40)
LOADS = (0, 1, 45, 50, 89, 90, 91, 99, 100, 101, 109, 110, 111, 150, 199, 200, 201, 250, 400, 1000)
TOLERANCES = (0, 10, 25)
MISSING = (0, 1, 3)


def hpa(running: int, values: list[int], missing: int, tolerance: float) -> int:
    """replica_calculator.go, calcPlainMetricReplicas (Kubernetes 1.34), for pods that are all ready."""
    if not values:
        return running
    ratio = sum(values) / len(values) / PER_POD
    if not missing:
        return running if within(ratio, tolerance) else math.ceil(round(ratio * len(values), 9))
    filled = values + [PER_POD if ratio < 1 else 0] * missing
    again = sum(filled) / len(filled) / PER_POD
    if within(again, tolerance) or (ratio < 1) != (again < 1):
        return running
    count = math.ceil(round(again * len(filled), 9))
    return running if (again < 1 and count > running) or (again > 1 and count < running) else count


def within(ratio: float, tolerance: float) -> bool:
    return round(abs(1 - ratio), 9) <= tolerance


def uneven(load: int, pods: int) -> list[int]:
    """`load` a pod on average, spread so that no pod has the average."""
    return [load * pods // pods + (index % 2 * 2 - 1) * min(load, 7) * (pods > 1 and index < pods // 2 * 2) for index in range(pods)]


TABLE = [
    (running, load, tolerance, missing)
    for running, load, tolerance, missing in itertools.product(RUNNING, LOADS, TOLERANCES, MISSING)
    if missing < running
]


def test_the_table_is_large() -> None:
    assert len(TABLE) >= 1000


@pytest.mark.parametrize("running", RUNNING)
def test_rises_are_the_hpas(running: int) -> None:
    """Also with pods that could not be asked. Never less than now, and at most what the pace allows at once, where it is the HPA's."""
    for _, load, tolerance, missing in (row for row in TABLE if row[0] == running):
        scaling = Autoscaling(
            min_replicas=1, max_replicas=1000, connections_per_pod=PER_POD, tolerance_percent=tolerance, scale_up_percent=100
        )
        values = uneven(load, running - missing)
        samples = [Sample(f"p{index}", value) for index, value in enumerate([*values, *[None] * missing])]
        found = decide(scaling, Scale(running, running, last=running), samples, History(), NOW).replicas
        pace = max(2 * running, running + 4)
        assert found == max(running, min(hpa(running, values, missing, tolerance / 100), pace)), (load, tolerance, missing)


@pytest.mark.parametrize("running", RUNNING)
def test_falls_are_the_hpas_where_every_pod_is_known(running: int) -> None:
    """An unknown pod forbids a fall altogether; the HPA takes it for one at its target and may still take others away."""
    for _, load, tolerance, missing in (row for row in TABLE if row[0] == running and row[1] < PER_POD):
        scaling = Autoscaling(
            min_replicas=1,
            max_replicas=1000,
            connections_per_pod=PER_POD,
            tolerance_percent=tolerance,
            scale_down_window_seconds=0,
            scale_down_pods=1000,
        )
        values = uneven(load, running - missing)
        samples = [Sample(f"p{index}", value) for index, value in enumerate([*values, *[None] * missing])]
        found = decide(scaling, Scale(running, running, last=running), samples, History(), NOW).replicas
        expected = running if missing else max(1, hpa(running, values, 0, tolerance / 100))
        assert found == expected, (load, tolerance, missing)
