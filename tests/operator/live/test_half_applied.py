"""An operator that dies between two writes, any two: the next one completes what it began. Passes in this process, on a real API server."""

import base64
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from harness.apiserver import ApiServer
from harness.kubelet import Kubelet
from harness.operators import Cell
from harness.shapes import shape

from carillon_operator.keyring import PATIENCE, checksum
from carillon_operator.kube import Client, NotLeading, load
from carillon_operator.metrics import Own, Reading
from carillon_operator.reconciler import Applier, Lookout, Reconciler, Scaler
from carillon_operator.resources import Defaults

DEFAULTS = Defaults("example.com/carillon-server:1", "redis:8.2-alpine", "default")
UNBOUNDED = 10_000
STEP = PATIENCE + 61.0
"""Seconds from one to the next: longer than a phase of a rotation with the shortest tokens."""
ENOUGH = 300
"""Passes in which everything must have settled."""


class Load:
    """Stands in for the pods' own metrics: so many connections, spread evenly, and the keyring as it is."""

    def __init__(self, connections: int = 0, keyring: Callable[[], str] = str) -> None:
        self.connections, self.keyring = connections, keyring

    async def read(self, pods: list[dict[str, Any]]) -> dict[str, Reading | None]:
        loaded = checksum(self.keyring())
        return {one["metadata"]["name"]: Reading(self.connections // len(pods), keyring=loaded) for one in pods}


class Clock:
    """Goes on by more than any wait of an operator, from each to the next."""

    def __init__(self) -> None:
        self.now = time.time()

    def __call__(self) -> float:
        return self.now


@asynccontextmanager
async def life(writes: int, load_of_pods: Load, clock: Clock) -> AsyncIterator[Reconciler]:
    """An operator that knows nothing yet, and is gone after so many writes."""
    left = writes

    def may_write() -> bool:
        nonlocal left
        left -= 1
        return left >= 0

    client = Client(await load(), may_write, lambda *_: None)
    try:
        scaler = Scaler(client, load_of_pods)  # type: ignore[arg-type]  # only `read` is asked of it
        yield Reconciler(client, Applier(client), scaler, Lookout(Own(), lambda key: None), DEFAULTS, "test", clock)
    finally:
        await client.close()


@pytest.fixture
def settle(api_server: ApiServer, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Awaitable[int]]:
    monkeypatch.setenv("KUBECONFIG", str(api_server.kubeconfig()))

    clock = Clock()

    async def settled(cell: Cell, writes: int, load_of_pods: Load) -> int:
        """One operator after the other, each of which makes so many writes, until one finds nothing to do. Returns how many died."""
        deaths = 0
        kubelet = Kubelet(cell.server, cell.namespace)
        for _ in range(ENOUGH):
            kubelet.step()
            clock.now += STEP
            async with life(writes, load_of_pods, clock) as reconciler:
                try:
                    if not (await reconciler.reconcile(cell.namespace, "calls")).written:
                        return deaths
                except NotLeading:
                    deaths += 1
        raise AssertionError(f"not settled: {cell.get('SignalingCluster')}")

    return settled


@pytest.mark.parametrize("writes", [1, 2, 3])
async def test_everything_is_made_and_changed_though_each_operator_makes_few_writes(
    api_server: ApiServer, settle: Callable[..., Awaitable[int]], writes: int
) -> None:
    calm, cell = Cell.fresh(api_server), Cell.fresh(api_server)
    for one, each in ((calm, UNBOUNDED), (cell, writes)):
        one.declare({"ingress": {"hosts": ["calls.example.com"]}})
        deaths = await settle(one, each, Load())
        assert (deaths > 2) == (one is cell)
    assert shape(cell) == shape(calm)
    generated = {name: found["data"] for name, found in cell.all("Secret").items()}
    for one, each in ((calm, UNBOUNDED), (cell, writes)):
        one.change("SignalingCluster", {"spec": {"image": {"reference": "example.com/other:2"}, "ingress": None}})
        await settle(one, each, Load())
        assert one.is_said("Ready", "True", "Serving")
        assert one.is_said("Progressing", "False")
        assert len(one.servers()) == 1
    assert shape(cell) == shape(calm)
    assert {name: found["data"] for name, found in cell.all("Secret").items()} == generated


@pytest.mark.parametrize("writes", [1, 2])
async def test_the_scaler_knows_its_own_write_again(api_server: ApiServer, settle: Callable[..., Awaitable[int]], writes: int) -> None:
    cell = Cell.fresh(api_server)
    cell.declare()
    await settle(cell, UNBOUNDED, Load())
    scaling = {"minReplicas": 2, "maxReplicas": 8, "connectionsPerPod": 100, "scaleUpWindowSeconds": 0}
    cell.change("SignalingCluster", {"spec": {"autoscaling": scaling}})
    await settle(cell, writes, Load(300))
    found = cell.get("SignalingCluster")
    assert found
    assert found["spec"]["replicas"] == found["status"]["scaler"]["replicas"] == 3
    assert "previous" not in found["status"]["scaler"]
    assert cell.is_said("ScalerConflict", "False")
    assert [one["spec"]["replicas"] for one in cell.servers().values()] == [3]


@pytest.mark.parametrize("writes", [1, 2])
async def test_a_rotation_goes_through_its_phases(api_server: ApiServer, settle: Callable[..., Awaitable[int]], writes: int) -> None:
    cell = Cell.fresh(api_server)

    def keyring() -> str:
        secret = cell.get("Secret", "calls-jwt")
        return base64.b64decode(secret["data"]["keyring.json"]).decode() if secret else ""

    cell.declare({"auth": {"maxTokenLifetimeSeconds": 60}})
    await settle(cell, UNBOUNDED, Load())
    cell.change("SignalingCluster", {"spec": {"auth": {"rotation": 1}}})
    assert await settle(cell, writes, Load(keyring=keyring))
    assert {one["kid"]: one["use"] for one in json.loads(keyring())["keys"]} == {"1": "sign"}
    assert (cell.get("SignalingCluster") or {})["status"]["keyring"] == {"rotation": 1, "phase": "Settled"}
