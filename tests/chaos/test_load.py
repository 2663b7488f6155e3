"""Many connections while pods get fewer, are replaced, become more and die: each client moves once at most, and nobody is left out."""

import contextlib
import math
import time
from collections.abc import Iterator

import pytest
from cluster import faults
from harness.crowd import Crowd
from harness.environments import Environment
from harness.figures import Figures
from harness.havoc import await_loss, restore
from harness.kube import Json, condition, eventually
from harness.operated import Declared, Operator
from harness.services import since, undisturbed
from harness.sizes import Size

PODS = 4
IN_CALLS = 0.1
"""The part of all users that is in a call."""
MESSAGES = 100.0
"""A second, of all calls together, at most: this machine carries clients, pods and control plane alike, and it is moves that are tried."""
PLENTY = {"requests": {"cpu": "50m", "memory": "96Mi"}, "limits": {"memory": "1Gi"}}


@pytest.fixture
def four(operator: Operator, environment: Environment) -> Iterator[Declared]:
    """Four pods on two nodes; Redis on the one that stays."""
    redis = {"nodeSelector": {"kubernetes.io/hostname": "node1"}} if environment.breakable else {}
    spec = {"replicas": PODS, "drainSeconds": 25, "redis": {"managed": {"pod": redis}}, "pod": {"resources": PLENTY}}
    with Declared(operator, spec) as made:
        made.declare()
        made.await_ready()
        made.service.await_ready(PODS)
        yield made


@contextlib.contextmanager
def _crowd(declared: Declared, figures: Figures, what: str, users: int) -> Iterator[Crowd]:
    pairs = round(users * IN_CALLS / 2)
    period = max(0.5, 2 * pairs / MESSAGES)
    with undisturbed(declared.service, figures, what, pairs=pairs, idle=users - 2 * pairs, chatter=0, period=period) as crowd:
        yield crowd


def test_who_is_on_a_pod_too_many_moves_once(four: Declared, figures: Figures, size: Size) -> None:
    what = f"{size.moved} sockets, 4 to 2 pods"
    with _crowd(four, figures, what, size.moved) as crowd:
        four.scale(2)
        four.service.await_ready(2)
        crowd.settle()
        figures.add(f"{what}: users by number of moves", moved := crowd.moved())
        assert max(moved) <= 1


def test_a_restart_of_all_pods_moves_everybody_once(four: Declared, figures: Figures, size: Size) -> None:
    what = f"{size.rolled} sockets, rollout restart of 4 pods"
    old = {pod["metadata"]["name"] for pod in four.service.pods()}
    with _crowd(four, figures, what, size.rolled) as crowd:
        four.kube.run("rollout", "restart", "deployment", "-n", four.namespace, "-l", four.service.servers)
        eventually(lambda: not old & {pod["metadata"]["name"] for pod in four.service.await_ready(PODS)}, "new pods alone")
        four.await_ready()
        crowd.settle()
        figures.add(f"{what}: users by number of moves", moved := crowd.moved())
        assert max(moved) <= 1


def test_everybody_is_back_after_a_node_died(four: Declared, environment: Environment, figures: Figures, size: Size) -> None:
    if not environment.breakable:
        pytest.skip("the nodes of this cluster are not ours to break")
    what = f"{size.lost} sockets, a node dies"
    with _crowd(four, figures, what, size.lost) as crowd:
        failed, cut = crowd.failed_attempts(), time.monotonic()
        faults.cut_power(2)
        try:
            # Who hangs on a pod or an entrance of that node has noticed long before Kubernetes gives it up.
            await_loss(four, PODS)
            eventually(lambda: sum(four.connections().values()) == size.lost, "everybody on a living pod", 300, step=2.0)
            figures.spread(f"{what}: users back, from the cut", crowd.returned(cut))
            figures.add(f"{what}: attempts without a welcome", crowd.failed_attempts() - failed)
        finally:
            restore(four, PODS)


@pytest.fixture(params=["the built-in scaler", "the HPA"])
def scaled(request: pytest.FixtureRequest, operator: Operator, size: Size) -> Iterator[Declared]:
    """Two pods, and who adds more: at 90 % of what they are meant to hold with a quarter of the storm's users."""
    per_pod = _per_pod(size)
    built_in = request.param == "the built-in scaler"
    spec: Json = {"autoscaling": {"minReplicas": 2, "maxReplicas": 12, "connectionsPerPod": per_pod}} if built_in else {}
    with Declared(operator, spec) as made:
        made.declare()
        made.await_ready()
        made.service.await_ready(2)
        if not built_in:
            _scale_by_an_hpa(made, per_pod)
        yield made


def _per_pod(size: Size) -> int:
    return math.ceil(size.storm / 4 / 2 / 0.9)


def _scale_by_an_hpa(made: Declared, per_pod: int) -> None:
    metric = {"metric": {"name": "connections"}, "target": {"type": "AverageValue", "averageValue": str(per_pod)}}
    target = {"apiVersion": "carillon.dev/v1alpha1", "kind": "SignalingCluster", "name": Declared.NAME}
    made.kube.apply(
        {
            "apiVersion": "autoscaling/v2",
            "kind": "HorizontalPodAutoscaler",
            "metadata": {"name": Declared.NAME, "namespace": made.namespace},
            "spec": {"scaleTargetRef": target, "minReplicas": 2, "maxReplicas": 12, "metrics": [{"type": "Pods", "pods": metric}]},
        }
    )

    def active() -> bool:
        return condition(made.kube.get("hpa", Declared.NAME, made.namespace), "ScalingActive").get("status") == "True"

    eventually(active, "an HPA that gets its metric")


def test_a_storm_of_connections_gets_its_pods(scaled: Declared, request: pytest.FixtureRequest, figures: Figures, size: Size) -> None:
    who, needed = request.node.callspec.params["scaled"], math.ceil(size.storm / _per_pod(size))
    what = f"{size.storm // 4} to {size.storm} sockets, {who}"
    with Crowd(scaled.service.url, scaled.service.sign) as crowd:
        crowd.idle(size.storm // 4)
        eventually(lambda: sum(scaled.connections().values()) == size.storm // 4, "the first quarter")
        began = time.monotonic()
        crowd.idle(size.storm - size.storm // 4)
        figures.add(f"{what}: all in after", since(began))
        eventually(lambda: len(scaled.service.pods()) >= needed, f"{needed} pods", 240)
        figures.add(f"{what}: 2 to {needed} ready pods after", since(began))


def test_new_pods_get_their_share(operator: Operator, figures: Figures, size: Size) -> None:
    scaling = {"minReplicas": 2, "maxReplicas": 8, "rebalance": {"abovePercent": 25, "percentPerSecond": 10}}
    with Declared(operator, {"autoscaling": scaling}) as made:
        made.declare()
        made.await_ready()
        made.service.await_ready(2)
        with Crowd(made.service.url, made.service.sign) as crowd:
            crowd.idle(size.storm)
            made.patch(autoscaling={"minReplicas": 4})
            made.service.await_ready(4)
            began, before = time.monotonic(), made.connections()

            def even() -> dict[str, int]:
                found = made.connections()
                assert max(found.values()) <= 10 + 1.25 * size.storm / 4, found
                return found

            after = eventually(even, "an even share")
            figures.add("rebalance: connections of pods", f"{sorted(before.values())} to {sorted(after.values())} in {since(began)}")
            assert crowd.tally.problems == []
