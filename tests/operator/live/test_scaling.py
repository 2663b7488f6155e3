"""`/scale` is the one way by which pods become more or fewer: for the built-in scaler, `kubectl scale`, and controllers such as KEDA's."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from harness.apiserver import MERGE, ApiServer
from harness.kubelet import Kubelet
from harness.operators import Cell, Operator, grant, status_of, wait
from harness.podmetrics import PodMetrics

COST = "controller.kubernetes.io/pod-deletion-cost"


@pytest.fixture(scope="module")
def account(api_server: ApiServer) -> tuple[str, str]:
    name, token = api_server.user()
    grant(api_server, name)
    return name, token


@pytest.fixture(scope="module")
def operator(api_server: ApiServer, account: tuple[str, str]) -> Iterator[Operator]:
    name, token = account
    with Operator(api_server, "--home-namespace=default", f"--lease={name}", token=token) as found:
        yield found.wait_ready()


class Load:
    """What pods tell of their connections; None: they do not answer."""

    def __init__(self) -> None:
        self.connections: dict[str, int | None] = {}
        self.everywhere: int | None = 0
        self.metrics = PodMetrics(self._text)

    def _text(self, pod: str) -> str | None:
        count = self.connections.get(pod, self.everywhere)
        return None if count is None else f'carillon_connections{{protocol="v1"}} {count}\n'


@pytest.fixture
async def load() -> AsyncIterator[Load]:
    found = Load()
    async with found.metrics.serving():
        yield found


@pytest.fixture
async def kubelet(cell: Cell, load: Load) -> AsyncIterator[Kubelet]:
    found = Kubelet(cell.server, cell.namespace)
    found.address = load.metrics.address
    async with found:
        yield found


async def test_a_schedule_nowhere_is_said_and_stops_nothing(cell: Cell, operator: Operator, kubelet: Kubelet) -> None:
    peak = {"start": "0 8 * * *", "durationSeconds": 3600, "minReplicas": 3}
    cell.declare({"autoscaling": {"maxReplicas": 4, "schedules": [peak | {"timeZone": "Europe"}]}})
    await wait(lambda: cell.is_said("Degraded", "True", "InvalidSpec"), "it is said", operator)
    assert "'Europe' is no time zone" in cell.condition("Degraded")["message"]
    cell.change("SignalingCluster", {"spec": {"autoscaling": {"schedules": [peak | {"timeZone": "Europe/Berlin"}]}}})
    await wait(lambda: cell.is_said("Ready", "True", "Serving"), "it serves", operator)


def scale(cell: Cell) -> dict[str, Any]:
    found: dict[str, Any] = cell.server.call("GET", cell.path("SignalingCluster", "calls") + "/scale")
    return found


def server_pods(cell: Cell) -> dict[str, dict[str, Any]]:
    return {name: one for name, one in cell.all("Pod").items() if "-redis" not in name}


async def settled(cell: Cell, operator: Operator, count: int) -> None:
    """So many pods serve, and the status says so."""

    def there() -> bool:
        status = (cell.get("SignalingCluster") or {}).get("status") or {}
        return len(server_pods(cell)) == count and status.get("replicas") == count and cell.is_said("Ready", "True")

    await wait(there, f"{count} pods: {status_of(cell.get('SignalingCluster'))}", operator)


async def test_connections_make_pods_through_scale(
    cell: Cell, operator: Operator, kubelet: Kubelet, load: Load, account: tuple[str, str]
) -> None:
    load.everywhere = 95
    cell.declare({"autoscaling": {"minReplicas": 2, "maxReplicas": 6, "connectionsPerPod": 50}})
    await settled(cell, operator, 4)
    assert scale(cell)["spec"]["replicas"] == 4
    paths = [one["objectRef"] for one in cell.server.audited(account[0]) if one["verb"] in ("patch", "update", "create")]
    ours = [one for one in paths if one["resource"] == "signalingclusters" and one.get("namespace") == cell.namespace]
    assert {one.get("subresource", "") for one in ours} == {"status", "scale"}
    assert any(one["reason"] == "Scaled" or "→" in str(one.get("note")) for one in cell.all("Event").values())
    assert not cell.is_said("ScalerConflict", "True")


async def test_nothing_falls_while_a_pod_is_silent_and_then_the_emptiest_goes(
    cell: Cell, operator: Operator, kubelet: Kubelet, load: Load
) -> None:
    load.everywhere = 40
    cell.declare({"autoscaling": {"minReplicas": 1, "maxReplicas": 6, "connectionsPerPod": 50, "scaleDownWindowSeconds": 0}})
    await settled(cell, operator, 2)
    silent, other = sorted(server_pods(cell))
    load.connections |= {silent: None, other: 20}
    last = {"replicas": 2, "changedAt": "2026-01-01T00:00:00Z"}
    cell.server.call("PATCH", cell.path("SignalingCluster", "calls") + "/status", {"status": {"scaler": last}}, kind=MERGE)
    asked = load.metrics.asked
    await wait(lambda: load.metrics.asked >= asked + 4, "both are asked again, twice", operator)
    assert len(server_pods(cell)) == 2
    load.connections[silent] = 3
    await settled(cell, operator, 1)
    assert set(server_pods(cell)) == {other}


async def test_kubectl_and_keda_scale_where_no_scaler_drives(cell: Cell, operator: Operator, kubelet: Kubelet) -> None:
    cell.declare()
    await settled(cell, operator, 2)
    path = cell.path("SignalingCluster", "calls") + "/scale"
    cell.server.call("PATCH", path, {"spec": {"replicas": 4}}, kind=MERGE)
    await settled(cell, operator, 4)
    assert scale(cell)["status"]["selector"].startswith("carillon.dev/cluster=calls")
    stale = scale(cell)

    def put() -> bool:
        """As KEDA and the HPA do: the object that was read, with another number, and its resourceVersion; again if that is old."""
        found = scale(cell)
        return not cell.server.refusal("PUT", path, found | {"spec": {"replicas": 1}})

    await wait(put, "it is taken", operator)
    await settled(cell, operator, 1)
    assert "the object has been modified" in cell.server.refusal("PUT", path, stale)


async def test_whoever_wants_fewer_pods_takes_the_emptiest(cell: Cell, operator: Operator, kubelet: Kubelet, load: Load) -> None:
    cell.declare({"replicas": 4})
    await settled(cell, operator, 4)
    *full, third, fourth = sorted(server_pods(cell))
    load.connections = {third: 1, fourth: 2} | dict.fromkeys(full, 50)
    seen: dict[str, str] = {}

    def fewer() -> bool:
        seen.update({name: one["metadata"].get("annotations", {}).get(COST, "") for name, one in server_pods(cell).items()})
        return sorted(server_pods(cell)) == full

    cell.server.call("PATCH", cell.path("SignalingCluster", "calls") + "/scale", {"spec": {"replicas": 2}}, kind=MERGE)
    await wait(fewer, "two pods fewer", operator)
    assert all(not seen[name] for name in full)


async def test_another_writer_beside_the_scaler_is_reported_and_followed(
    cell: Cell, operator: Operator, kubelet: Kubelet, load: Load
) -> None:
    load.everywhere = 50
    cell.declare({"autoscaling": {"minReplicas": 2, "maxReplicas": 6, "connectionsPerPod": 50}})
    await settled(cell, operator, 2)
    cell.server.call("PATCH", cell.path("SignalingCluster", "calls") + "/scale", {"spec": {"replicas": 5}}, kind=MERGE)
    await wait(lambda: cell.is_said("ScalerConflict", "True"), "the conflict is said", operator)
    await settled(cell, operator, 5)
    assert "was set to 5 by somebody else" in cell.condition("ScalerConflict")["message"]


async def test_a_manifest_without_replicas_takes_no_pods_away(cell: Cell, operator: Operator, kubelet: Kubelet, load: Load) -> None:
    """Taking `replicas` out of a manifest sets it to the default."""
    load.everywhere = 95
    cell.declare({"autoscaling": {"minReplicas": 2, "maxReplicas": 4, "connectionsPerPod": 50}})
    await settled(cell, operator, 4)
    cell.change("SignalingCluster", {"spec": {"replicas": None}})
    await wait(lambda: scale(cell)["spec"]["replicas"] == 4, "the scaler puts its number back", operator)
    assert len(server_pods(cell)) == 4


async def test_an_hpa_that_names_the_resource_drives_instead(cell: Cell, operator: Operator, kubelet: Kubelet, load: Load) -> None:
    load.everywhere = 50
    target = {"apiVersion": "carillon.dev/v1alpha1", "kind": "SignalingCluster", "name": "calls"}
    spec = {"scaleTargetRef": target, "minReplicas": 2, "maxReplicas": 5}
    hpa = {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "rival"}, "spec": spec}
    cell.server.call("POST", f"/apis/autoscaling/v2/namespaces/{cell.namespace}/horizontalpodautoscalers", hpa)
    cell.declare({"autoscaling": {"minReplicas": 2, "maxReplicas": 6, "connectionsPerPod": 10}})
    await wait(lambda: cell.is_said("ScalerConflict", "True"), "the conflict is said", operator)
    assert cell.condition("ScalerConflict")["message"].startswith("HorizontalPodAutoscaler rival scales this resource too")
    assert scale(cell)["spec"]["replicas"] == 2


def test_scaling_to_nothing_is_refused_in_words(cell: Cell) -> None:
    cell.declare()
    path = cell.path("SignalingCluster", "calls") + "/scale"
    assert "nothing would ever start one" in cell.server.refusal("PATCH", path, {"spec": {"replicas": 0}}, kind=MERGE)
