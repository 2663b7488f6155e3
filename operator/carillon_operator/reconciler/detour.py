"""Leads users to the pods that can be reached: a label, which the Service asks for, says of each pod whether it is one."""

from collections import Counter

from carillon_operator.kube import Client
from carillon_operator.reconciler import pods as look
from carillon_operator.reconciler.apply import Report
from carillon_operator.reconciler.mark import mark
from carillon_operator.reconciler.world import World
from carillon_operator.resources import Cluster, Object
from carillon_operator.resources.metadata import LED, LED_LABEL, SERVER
from carillon_operator.silence import Nodes, Standing, detours
from carillon_operator.status import Event


def standings(world: World) -> tuple[Standing, ...]:
    """Of the pods that the Service may lead to."""
    return tuple(_standing(one) for one in world.component(SERVER) if look.is_ready(one))


def _standing(pod: Object) -> Standing:
    about = pod["metadata"]
    return Standing(
        about["name"],
        about["uid"],
        look.revision_of(pod),
        (pod.get("spec") or {}).get("nodeName", ""),
        (pod.get("status") or {}).get("podIP", ""),
        about["labels"].get(LED_LABEL) == LED,
    )


async def lead(client: Client, cluster: Cluster, nodes: Nodes, pods: tuple[Standing, ...], report: Report) -> list[Event]:
    """Labels the pods of which it has changed; returns what is worth telling of it."""
    changed: Counter[tuple[str, bool]] = Counter()
    for pod in detours(nodes, pods):
        led = not pod.led
        if await mark(client, cluster.namespace, pod.name, pod.uid, labels={LED_LABEL: LED if led else "false"}):
            report.written += 1
            changed[pod.node, led] += 1
    return [_event(node, led, count) for (node, led), count in changed.items()]


def _event(node: str, led: bool, count: int) -> Event:
    if led:
        return Event("Normal", "NodeAnswers", f"Node {node} answers: its pods ({count}) get new connections again.")
    return Event("Warning", "NodeSilent", f"Node {node} does not answer: its pods ({count}) get no new connections until it does.")
