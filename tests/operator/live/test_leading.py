"""Two operators: one writes, the other takes over; never both. Judged by what the API server recorded."""

import signal
import time
from datetime import datetime
from typing import Any

from harness.apiserver import ApiServer
from harness.kubefaults import Fault, KubeFaults
from harness.operators import Cell, Operator, grant, until

from carillon_operator.kube.client import WRITE_SECONDS
from carillon_operator.leader import DEADLINE, DURATION, RETRY

WRITES = ("create", "update", "patch", "delete")


def test_the_times_let_nobody_write_twice_and_replace_a_dead_leader_in_15_seconds() -> None:
    assert DEADLINE + WRITE_SECONDS < DURATION
    assert DURATION + RETRY < 15


def pair(server: ApiServer, cell: Cell, first_url: str = "") -> tuple[Operator, Operator, str, str]:
    """Two operators of one namespace, each a user of its own; the first leads. first_url: a proxy between it and the API server."""
    found = []
    users = []
    options = (f"--namespace={cell.namespace}", f"--home-namespace={cell.namespace}")
    for url in (first_url, ""):
        name, token = server.user()
        grant(server, name, namespaces=(cell.namespace,), home=cell.namespace)
        users.append(name)
        found.append(Operator(server, *options, token=token, identity=name, url=url))
        until(lambda: holder(cell), "somebody leads", *found)
    for one in found:
        one.wait_ready()
    return found[0], found[1], users[0], users[1]


def holder(cell: Cell) -> str:
    path = f"/apis/coordination.k8s.io/v1/namespaces/{cell.namespace}/leases"
    items = cell.server.call("GET", path)["items"]
    return str(items[0]["spec"].get("holderIdentity", "")) if items else ""


def writes(server: ApiServer, user: str) -> list[dict[str, Any]]:
    """What it wrote, the Lease apart."""
    return [one for one in server.audited(user) if one["verb"] in WRITES and one["objectRef"]["resource"] != "leases"]


def at(one: dict[str, Any]) -> float:
    return datetime.fromisoformat(one["requestReceivedTimestamp"]).timestamp()


def test_a_dead_leader_is_replaced(api_server: ApiServer, cell: Cell) -> None:
    first, second, one, other = pair(api_server, cell)
    with first, second:
        cell.declare()
        until(lambda: cell.get("Deployment", "calls-redis"), "the children are made", first, second)
        assert holder(cell) == one
        assert not writes(api_server, other)
        first.end(signal.SIGKILL)
        dead = time.time()
        cell.delete("Deployment", "calls-redis")
        until(lambda: cell.get("Deployment", "calls-redis"), "the other one repairs", second)
        begun = min(at(call) for call in writes(api_server, other))
        assert max(at(call) for call in writes(api_server, one)) < begun
        print(f"leader killed → first write of the next: {begun - dead:.1f} s (goal: 15 s)")


def test_a_leader_that_leaves_gives_the_lease_back(api_server: ApiServer, cell: Cell) -> None:
    first, second, _, other = pair(api_server, cell)
    with first, second:
        cell.declare()
        until(lambda: cell.get("Deployment", "calls-redis"), "the children are made", first, second)
        left = time.time()
        assert first.end() == 0
        until(lambda: holder(cell) == other, "the other one leads", second)
        print(f"leader left → the next leads: {time.time() - left:.1f} s")
        assert "gives back" in first.log or "given back" in first.log


def test_a_leader_that_was_frozen_writes_nothing_when_it_wakes(api_server: ApiServer, cell: Cell) -> None:
    first, second, one, other = pair(api_server, cell)
    with first, second:
        cell.declare()
        until(lambda: cell.get("Deployment", "calls-redis"), "the children are made", first, second)
        first.process.send_signal(signal.SIGSTOP)
        try:
            until(lambda: holder(cell) == other, "the other one leads", second)
            before = len(writes(api_server, one))
            cell.change("SignalingCluster", {"spec": {"replicas": 5}})
            until(lambda: [found["spec"]["replicas"] for found in cell.servers().values()] == [5], "the other one works", second)
        finally:
            first.process.send_signal(signal.SIGCONT)
        until(lambda: "leads no more" in first.log, "the first one steps back", first)
        cell.delete("Deployment", "calls-redis")
        until(lambda: cell.get("Deployment", "calls-redis"), "it is repaired", second)
        assert len(writes(api_server, one)) == before
        assert first.process.poll() is None
        assert first.ask("/livez")[0] == 200


def test_a_leader_that_cannot_renew_stops_before_the_next_begins(api_server: ApiServer, cell: Cell) -> None:
    """Only its calls for the Lease fail; children drift all the time, so that both have something to write whenever they may."""
    with KubeFaults(api_server) as proxy:
        first, second, one, other = pair(api_server, cell, proxy.url)
        with first, second:
            cell.declare()
            until(lambda: cell.get("PodDisruptionBudget"), "the children are made", first, second)

            def drifting(until_then: bool) -> bool:
                if cell.get("PodDisruptionBudget"):
                    cell.delete("PodDisruptionBudget")
                return until_then

            proxy.faults.append(Fault(0, matches=lambda method, path: "/leases" in path))
            until(lambda: drifting(holder(cell) == other), "the other one leads", first, second)
            until(lambda: drifting(bool(writes(api_server, other))), "the other one writes", second)
            begun = min(at(call) for call in writes(api_server, other))
            assert max(at(call) for call in writes(api_server, one)) < begun
            assert first.process.poll() is None
            assert first.ask("/livez")[0] == 200
