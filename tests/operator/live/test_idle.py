"""Where nothing happens, nothing is written and next to nothing is read. `make bench-operator` measures the same with 500 resources."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from harness.kubelet import Kubelet
from harness.operators import Cell, until

from carillon_operator.kube import CHILDREN, Client, Watch, load
from carillon_operator.kube.kinds import POD, RESOURCE, SECRET
from carillon_operator.metrics import Own, Scraper
from carillon_operator.reconciler import Applier, Lookout, Loop, Queue, Reconciler, Scaler, loop
from carillon_operator.resources import Defaults
from carillon_operator.resources.metadata import CLUSTER_LABEL

RESOURCES = 12
ROUNDS = 5


class Running:
    """An operator's reconciling part in this process. calls: its calls to the API server, by verb and kind."""

    def __init__(self, client: Client, scraper: Scraper, calls: Counter[tuple[str, str]], namespace: str) -> None:
        self.calls = calls
        queue, own = Queue(), Own()
        lookout, defaults = Lookout(own, queue.add), Defaults("server:1", "redis:1", "home")
        reconciler = Reconciler(client, Applier(client), Scaler(client, scraper), lookout, defaults, "test", time.time)
        self.loop = Loop(client, reconciler, lookout, queue, own, (namespace,), {})
        appeared = self.loop.kind_appeared
        self.watches = [
            Watch(client, kind, namespace, self.loop.child_changed, appeared, selector=CLUSTER_LABEL) for kind in (*CHILDREN, POD)
        ]
        self.watches.append(Watch(client, SECRET, namespace, self.loop.secret_changed, appeared, selector=""))


@asynccontextmanager
async def running(cell: Cell) -> AsyncIterator[Running]:
    calls: Counter[tuple[str, str]] = Counter()
    client = Client(await load(), lambda: True, lambda verb, kind, _: calls.update([(verb, kind)]))
    scraper = Scraper()
    found = Running(client, scraper, calls, cell.namespace)
    tasks = [asyncio.create_task(one) for one in (found.loop.lead(4), *(watch.run() for watch in found.watches))]
    try:
        yield found
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await scraper.close()
        await client.close()


def settled(cell: Cell) -> bool:
    found = cell.all("SignalingCluster")
    return all(cell.is_said("Ready", "True", "Serving", name) and cell.is_said("Progressing", "False", "Settled", name) for name in found)


async def test_idle_resources_cost_one_list_a_round(cell: Cell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", str(cell.server.kubeconfig()))
    monkeypatch.setattr(loop, "RESYNC", 0.3)
    for number in range(RESOURCES):
        cell.declare(name=f"calls-{number}")
    async with running(cell) as operator:
        async with Kubelet(cell.server, cell.namespace):
            await asyncio.to_thread(until, lambda: settled(cell), "all serve")
        await quiet(operator)
        before = operator.calls.copy()
        await listed(operator, ROUNDS)
        since = operator.calls - before
    assert {key: count for key, count in since.items() if key[0] != "watch"} == {("list", RESOURCE.plural): since["list", RESOURCE.plural]}


async def listed(operator: Running, rounds: int) -> None:
    """Waits for so many LISTs of the resources."""
    wanted = operator.calls["list", RESOURCE.plural] + rounds
    async with asyncio.timeout(30):
        while operator.calls["list", RESOURCE.plural] < wanted:  # noqa: ASYNC110 - the loop tells nobody of its rounds
            await asyncio.sleep(0.05)


async def quiet(operator: Running) -> None:
    """Waits until a whole round passes without a further look at any resource: what was written has come back as hints."""
    async with asyncio.timeout(60):
        looks = -1
        while looks != operator.calls["get", RESOURCE.plural]:
            looks = operator.calls["get", RESOURCE.plural]
            await listed(operator, 1)
