"""A node dies, and long before Kubernetes gives it up users are led to the pods on others. Nodes are addresses of this machine here."""

from harness.dead import dead_machine
from harness.kubelet import Kubelet
from harness.operators import Cell, Operator, wait
from harness.ports import loopback_net

from carillon_operator.resources.environment import METRICS_PORT

LED = "carillon.dev/led"


async def test_users_are_led_around_a_dead_node_until_it_answers(cell: Cell, operator: Operator) -> None:
    living, dying = f"living-{cell.namespace}", f"dying-{cell.namespace}"
    address = f"{loopback_net()}.9"
    kubelet = Kubelet(cell.server, cell.namespace)
    kubelet.nodes = (living, dying)
    kubelet.address = lambda name: address if kubelet.placed.get(name) == dying else "127.0.0.1"

    def led() -> dict[str, str]:
        pods = [one for one in cell.all("Pod").values() if LED in one["metadata"]["labels"]]
        return {one["spec"]["nodeName"]: one["metadata"]["labels"][LED] for one in pods}

    def told(reason: str) -> bool:
        return any(one["reason"] == reason and dying in one["note"] for one in cell.all("Event").values())

    async with kubelet:
        cell.declare()
        await wait(lambda: cell.is_said("Ready", "True"), "a Ready service", operator)
        service = cell.get("Service")
        assert service["spec"]["selector"][LED] == "true"
        assert led() == {living: "true", dying: "true"}
        with dead_machine(address, METRICS_PORT):
            await wait(lambda: led() == {living: "true", dying: "false"}, "users are led around it", operator)
            await wait(lambda: told("NodeSilent"), "an event", operator)
            assert operator.metric("carillon_operator_silent_nodes") == 1
        await wait(lambda: led() == {living: "true", dying: "true"}, "users are led there again", operator)
        await wait(lambda: told("NodeAnswers"), "an event", operator)
        assert cell.is_said("Ready", "True")
