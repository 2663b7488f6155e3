"""An API server that goes away, is not there yet, or changes what it serves: the operator waits, goes on, and is never restarted for it."""

import signal
from typing import Any

from harness.apiserver import ApiServer
from harness.kubelet import Kubelet
from harness.operators import Cell, Operator, until, wait

from carillon_operator.crd import definition


async def test_an_api_server_that_is_away_restarts_nothing(own_api_server: ApiServer) -> None:
    server, cell = own_api_server, Cell(own_api_server, "default")
    with Operator(server, "--home-namespace=default") as operator:
        operator.wait_ready()
        async with Kubelet(server, "default"):
            cell.declare()
            await wait(cell.settled, "it serves", operator)
            server.kill_server(signal.SIGKILL)
            await wait(lambda: "leads no more" in operator.log, "it writes nothing any more", operator)
            assert operator.ask("/livez")[0] == 200
            server.start_server()
            cell.change("SignalingCluster", {"spec": {"replicas": 4}})
            cell.delete("PodDisruptionBudget")
            await wait(lambda: cell.get("PodDisruptionBudget") and cell.settled(), "it goes on", operator)
            assert [one["spec"]["replicas"] for one in cell.servers().values()] == [4]
        assert operator.process.poll() is None
        assert operator.ask("/livez")[0] == 200


async def test_it_waits_for_an_api_server_that_is_not_there_yet(own_api_server: ApiServer) -> None:
    server, cell = own_api_server, Cell(own_api_server, "default")
    cell.declare()
    server.kill_server()
    with Operator(server, "--home-namespace=default") as operator:
        until(lambda: "does not answer yet" in operator.log, "it waits", operator)
        server.start_server()
        until(lambda: cell.get("Deployment", "calls-redis"), "it works", operator)


async def test_a_definition_that_changes_or_goes_and_comes_back(own_api_server: ApiServer) -> None:
    server, cell = own_api_server, Cell(own_api_server, "default")
    with Operator(server, "--home-namespace=default") as operator:
        operator.wait_ready()
        async with Kubelet(server, "default") as kubelet:
            cell.declare()
            await wait(cell.settled, "it serves", operator)
            server.install(newer := definition_of_the_next_release())
            cell.change("SignalingCluster", {"spec": {"replicas": 3, "newField": "its value"}})
            await wait(lambda: cell.settled() and cell.get("SignalingCluster")["status"]["replicas"] == 3, "changes are seen", operator)  # type: ignore[index]  # it is there
            assert (cell.get("SignalingCluster") or {})["spec"]["newField"] == "its value"
            path = f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{newer['metadata']['name']}"
            server.call("DELETE", path)
            await wait(lambda: server.refusal("GET", path) and server.refusal("GET", cell.path("SignalingCluster")), "it is gone", operator)
            server.install(definition())
            cell.declare()

            def well() -> bool:
                kubelet.collect()
                return cell.settled()

            await wait(well, "it serves again", operator)
        assert operator.process.poll() is None
        assert operator.ask("/livez")[0] == 200


def definition_of_the_next_release() -> dict[str, Any]:
    """With a field that this operator does not know."""
    found = definition()
    schema = found["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
    schema["properties"]["newField"] = {"type": "string", "maxLength": 64}
    return found
