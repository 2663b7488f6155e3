"""What the operator costs and how fast it is, on a real API server: `make bench-operator` (MINUTES of idling: 10; RESOURCES: 500).

No node takes part: pods are made and called ready by the tests' own kubelet. Times are those of this machine, API server and all.
"""

import asyncio
import os
import signal
import statistics
import sys
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from harness.apiserver import ApiServer
from harness.kubelet import Kubelet
from harness.operators import Cell, Operator, grant, until

from carillon_operator.crd import definition

MINUTES = float(os.environ.get("MINUTES", "10"))
RESOURCES = int(os.environ.get("RESOURCES", "500"))
DRIFTS = 200
WRITES = ("create", "update", "patch", "delete")
PATIENCE = 900.0


def say(name: str, value: str) -> None:
    print(f"{name}: {value}", flush=True)


def serving(cell: Cell) -> int:
    """Resources that serve and settle."""
    found = 0
    for one in cell.all("SignalingCluster").values():
        conditions = {each["type"]: each["status"] for each in (one.get("status") or {}).get("conditions") or []}
        found += conditions.get("Ready") == "True" and conditions.get("Progressing") == "False"
    return found


async def settle(cell: Cell, count: int) -> float:
    """Seconds until so many resources serve."""
    begun = time.monotonic()
    async with asyncio.timeout(PATIENCE), Kubelet(cell.server, cell.namespace):
        # Once a second: a list of them all is work for the API server, too.
        while await asyncio.to_thread(serving, cell) < count:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(1 if count > 1 else 0.05)
    return time.monotonic() - begun


def idle(operator: Operator, server: ApiServer, user: str, minutes: float) -> str:
    """API calls in that time by what they were; the Lease's own writes apart."""
    before = sum(1 for _ in server.audited(user))
    time.sleep(minutes * 60)
    calls = list(server.audited(user))[before:]
    leases = [one for one in calls if one["objectRef"]["resource"] == "leases"]
    others = Counter(one["verb"] for one in calls if one["objectRef"]["resource"] != "leases")
    writes = sum(others[verb] for verb in WRITES)
    reads = ", ".join(f"{others[verb]} {verb}" for verb in ("list", "get", "watch"))
    return f"{writes} writes, {reads}; {len(leases)} calls for the Lease; {operator.memory():.0f} MiB"


def drift(cell: Cell, operator: Operator) -> list[float]:
    """ms from each change of a child until it is as it was."""
    wanted = (cell.get("Service") or {})["spec"]["selector"]
    found = []
    for _ in range(DRIFTS):
        begun = time.perf_counter()
        cell.change("Service", {"spec": {"selector": {"carillon.dev/component": "nobody"}}})
        until(lambda: (cell.get("Service") or {})["spec"]["selector"] == wanted, "it is repaired", operator)
        found.append((time.perf_counter() - begun) * 1000)
    return found


def takeover(server: ApiServer, how: signal.Signals) -> float:
    """Seconds from the end of a leader to the next one's first write."""
    cell, operators, users = Cell.fresh(server), [], []
    for number in range(2):
        name, token = server.user()
        grant(server, name, namespaces=(cell.namespace,), home=cell.namespace)
        options = (f"--namespace={cell.namespace}", f"--home-namespace={cell.namespace}")
        operators.append(Operator(server, *options, token=token, identity=f"bench-{number}").wait_ready())
        users.append(name)
        until(lambda: operators[0].metric("carillon_operator_leading") == 1, "the first leads", *operators)
    first, second = operators
    with first, second:
        cell.declare()
        until(lambda: cell.get("Deployment", "calls-redis"), "the children are made", first, second)
        begun = time.monotonic()
        first.process.send_signal(how)
        cell.delete("Deployment", "calls-redis")
        until(lambda: cell.get("Deployment", "calls-redis"), "the next one writes", second)
        return time.monotonic() - begun


def main() -> None:
    server = ApiServer()
    try:
        server.start().install(definition())
        name, token = server.user()
        grant(server, name)
        with Operator(server, "--home-namespace=default", "--log-level=info", token=token) as operator:
            operator.wait_ready()
            asyncio.run(measure(server, operator, name))
        for how, told in ((signal.SIGKILL, "killed"), (signal.SIGTERM, "leaves")):
            seconds = [takeover(server, how) for _ in range(2)]
            say(f"leader {told} → next leader's first write", f"{', '.join(f'{one:.1f}' for one in seconds)} s")
    finally:
        server.remove()


async def measure(server: ApiServer, operator: Operator, user: str) -> None:
    say("memory without a resource", f"{operator.memory():.0f} MiB")
    cell = Cell.fresh(server)
    cell.declare()
    say("first resource declared → serving, pods ready at once", f"{await settle(cell, 1):.1f} s")
    say("memory with one resource", f"{operator.memory():.0f} MiB")
    times = sorted(await asyncio.to_thread(drift, cell, operator))
    say(f"drift → repaired, {len(times)} times", f"p50 {statistics.median(times):.0f} ms, p99 {times[int(len(times) * 0.99)]:.0f} ms")
    await asyncio.sleep(20)
    say(f"one resource, {MINUTES:g} idle minutes", await asyncio.to_thread(idle, operator, server, user, MINUTES))
    many = Cell.fresh(server)
    for number in range(RESOURCES):
        many.declare(name=f"calls-{number}")
    await settle(many, RESOURCES)
    say(f"memory with {RESOURCES} resources", f"{operator.memory():.0f} MiB")
    await asyncio.sleep(20)
    say(f"{RESOURCES} resources, {MINUTES:g} idle minutes", await asyncio.to_thread(idle, operator, server, user, MINUTES))
    times = sorted(await asyncio.to_thread(drift, cell, operator))
    say(f"drift → repaired beside {RESOURCES}", f"p50 {statistics.median(times):.0f} ms, p99 {times[int(len(times) * 0.99)]:.0f} ms")


if __name__ == "__main__":
    main()
