"""The operator behind an API server that is slow, refuses, loses answers, falls silent or is away: it converges all the same, writes
nothing wrong, and is never restarted for it.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
from harness.apiserver import ApiServer
from harness.kubefaults import Fault, KubeFaults, not_watches, writes
from harness.kubelet import Kubelet
from harness.operators import Cell, Operator, grant, until, wait
from harness.shapes import KINDS, NOT_OURS, shape

EVERY_FOURTH = {"every": 4, "matches": not_watches}
FAULTS = {
    "500": lambda: Fault(500, **EVERY_FOURTH),
    "503": lambda: Fault(503, every=8, matches=not_watches, retry_after="1"),
    "429": lambda: Fault(429, every=8, matches=not_watches, retry_after="1"),
    "409": lambda: Fault(409, every=3, matches=writes),
    "deletions are refused with 409": lambda: Fault(409, times=4, matches=lambda method, path: method == "DELETE"),
    "connections are cut": lambda: Fault(0, **EVERY_FOURTH),
    "answers are cut in the middle": lambda: Fault(half=True, **EVERY_FOURTH),
    "answers to writes are lost": lambda: Fault(0, every=3, matches=writes, after=True),
    "writes are made and answered with 500": lambda: Fault(500, every=3, matches=writes, after=True),
    "every call is slow": lambda: Fault(delay=0.2, matches=not_watches),
}


@pytest.fixture(scope="module")
def user(api_server: ApiServer) -> tuple[str, str]:
    """Name and token of the operator that all these tests share."""
    found = api_server.user()
    grant(api_server, found[0])
    return found


@pytest.fixture(scope="module")
def proxy(api_server: ApiServer) -> Iterator[KubeFaults]:
    with KubeFaults(api_server) as found:
        yield found


@pytest.fixture(scope="module")
def shared(api_server: ApiServer, proxy: KubeFaults, user: tuple[str, str]) -> Iterator[Operator]:
    with Operator(api_server, "--home-namespace=default", f"--lease={user[0]}", token=user[1], url=proxy.url) as found:
        yield found.wait_ready()


@pytest.fixture
def operator(shared: Operator, proxy: KubeFaults) -> Iterator[Operator]:
    """It lives before and after each test, and nothing that was not foreseen befell it."""
    proxy.faults.clear()
    yield shared
    proxy.faults.clear()
    assert shared.process.poll() is None
    assert shared.ask("/livez")[0] == 200
    # kopf tells with one why it ends.
    assert not [line for line in shared.log.splitlines() if "Traceback" in line and '"logger": "kopf' not in line]


@pytest.fixture(scope="module")
def calm(api_server: ApiServer, shared: Operator) -> dict[str, Any]:
    """What a resource comes to where nothing fails, after the same change as under faults."""
    cell = Cell.fresh(api_server)

    async def live() -> None:
        async with Kubelet(api_server, cell.namespace):
            await a_life(cell, shared)

    asyncio.run(live())
    return shape(cell)


@pytest.fixture
async def kubelet(cell: Cell) -> AsyncIterator[Kubelet]:
    async with Kubelet(cell.server, cell.namespace) as found:
        yield found


async def a_life(cell: Cell, operator: Operator) -> None:
    """Declared, served, changed to another image, served again."""
    cell.declare({"ingress": {"hosts": ["calls.example.com"]}})
    await wait(cell.settled, "it serves", operator)
    cell.change("SignalingCluster", {"spec": {"image": {"reference": "example.com/other:2"}, "ingress": None}})
    await wait(lambda: len(cell.servers()) == 1 and cell.settled(), "the other image serves", operator)


def made(server: ApiServer, user: str, cell: Cell, verb: str) -> list[str]:
    """Secrets of that namespace on which the operator did so."""
    return [
        one["objectRef"].get("name") or one["objectRef"]["resource"]
        for one in server.audited(user)
        if one["verb"] == verb
        and (one.get("objectRef") or {}).get("resource") == "secrets"
        and one["objectRef"].get("namespace") == cell.namespace
        and one["responseStatus"]["code"] < 300
    ]


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
async def test_it_comes_to_the_same_as_where_nothing_fails(
    cell: Cell,
    operator: Operator,
    kubelet: Kubelet,
    proxy: KubeFaults,
    calm: dict[str, Any],
    user: tuple[str, str],
    fault: Callable[[], Fault],
) -> None:
    proxy.faults.append(hit := fault())
    await a_life(cell, operator)
    assert hit.done > 3
    assert shape(cell) == calm
    assert len(made(cell.server, user[0], cell, "create")) == 2
    assert not [verb for verb in ("update", "patch", "delete") if made(cell.server, user[0], cell, verb)]


async def test_a_silent_watch_is_noticed_and_begun_anew(cell: Cell, operator: Operator, kubelet: Kubelet, proxy: KubeFaults) -> None:
    cell.declare()
    await wait(cell.settled, "it serves", operator)
    before = set(proxy.watches)
    proxy.watches.clear()
    assert proxy.silence() >= len(before) > 8
    cell.delete("PodDisruptionBudget")
    await wait(lambda: before <= set(proxy.watches), "all watches are begun anew", operator)
    await wait(lambda: cell.get("PodDisruptionBudget"), "what was deleted meanwhile is there again", operator)
    cell.change("SignalingCluster", {"spec": {"replicas": 3}})
    await wait(lambda: cell.settled() and cell.get("SignalingCluster")["status"]["readyReplicas"] == 3, "changes are seen", operator)  # type: ignore[index]  # it is there


@pytest.mark.parametrize("code", [403, 410, 500])
async def test_watches_that_end_with_an_error_are_begun_anew(
    cell: Cell, operator: Operator, kubelet: Kubelet, proxy: KubeFaults, code: int
) -> None:
    cell.declare()
    await wait(cell.settled, "it serves", operator)
    before = set(proxy.watches)
    proxy.watches.clear()
    proxy.end_watches(code)
    cell.delete("PodDisruptionBudget")
    await wait(lambda: before <= set(proxy.watches), "all watches are begun anew", operator)
    await wait(lambda: cell.get("PodDisruptionBudget"), "what was deleted meanwhile is there again", operator)


async def test_a_resource_that_is_deleted_while_it_is_reconciled(
    cell: Cell, operator: Operator, kubelet: Kubelet, proxy: KubeFaults
) -> None:
    held = Fault(delay=1.5, matches=lambda method, path: method == "PATCH" and "/poddisruptionbudgets/" in path and cell.namespace in path)
    proxy.faults.append(held)
    cell.declare()
    await wait(lambda: held.done, "a pass is under way", operator)
    cell.delete("SignalingCluster")
    proxy.faults.clear()

    # Another of the same name is another one: what the pass still made for the first goes with it.
    uid = cell.declare()["metadata"]["uid"]

    def well() -> bool:
        kubelet.collect()
        return cell.settled() and cell.is_said("Degraded", "False")

    await wait(well, "the next one serves", operator)
    children = [one for kind in KINDS for one in cell.all(kind).values() if one["metadata"]["name"] not in NOT_OURS]
    assert {one["metadata"]["ownerReferences"][0]["uid"] for one in children} == {uid}
    cell.delete("SignalingCluster")

    def gone() -> bool:
        kubelet.collect()
        return not shape(cell)

    await wait(gone, "nothing is left", operator)


async def test_a_resource_that_is_made_again_before_its_children_are_collected(cell: Cell, operator: Operator, kubelet: Kubelet) -> None:
    cell.declare()
    await wait(cell.settled, "it serves", operator)
    cell.delete("SignalingCluster")
    cell.declare()
    await wait(lambda: cell.is_said("Degraded", "True", "ForeignObject"), "the old one's children are not taken over", operator)

    def well() -> bool:
        kubelet.collect()
        return cell.settled() and cell.is_said("Degraded", "False")

    await wait(well, "it serves once they are gone", operator)


async def test_a_namespace_in_deletion(cell: Cell, operator: Operator, kubelet: Kubelet, user: tuple[str, str]) -> None:
    cell.declare()
    await wait(cell.settled, "it serves", operator)
    path = f"/api/v1/namespaces/{cell.namespace}"
    cell.server.call("DELETE", path)
    cell.delete("PodDisruptionBudget")
    until(lambda: refused(cell, user[0]), "it tried to make it again", operator)
    count = len(refused(cell, user[0]))
    # Other namespaces go on as ever.
    other = Cell.fresh(cell.server)
    async with Kubelet(cell.server, other.namespace):
        other.declare()
        await wait(other.settled, "another one serves", operator)
    assert not cell.get("PodDisruptionBudget")
    assert len(refused(cell, user[0])) < count + 20
    cell.delete("SignalingCluster")


def refused(cell: Cell, user: str) -> list[dict[str, Any]]:
    """What the operator was not let make in a namespace that ends."""
    return [
        one
        for one in cell.server.audited(user)
        if (one.get("objectRef") or {}).get("namespace") == cell.namespace and one["responseStatus"].get("code") == 403
    ]
