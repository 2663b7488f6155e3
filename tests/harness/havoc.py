"""What goes wrong around a running service, each as one disturbance that is over when it returns."""

import contextlib
import time
from collections.abc import Callable, Iterator

from cluster import faults
from harness.kube import eventually
from harness.operated import Declared

Disturbance = Callable[[Declared], None]
OUTAGE = 8.0
"""Seconds of a cut or a stop: long enough to be noticed by everybody, well within the grace (30)."""


def kill_a_pod(declared: Declared) -> None:
    declared.service.lose_a_pod(2)


def restart_redis(declared: Declared) -> None:
    """A Redis without storage comes back with nothing."""
    service = declared.service
    for pod in declared.kube.ready(service.namespace, service.redis):
        declared.kube.kill(service.namespace, pod["metadata"]["name"])
    eventually(lambda: declared.kube.ready(service.namespace, service.redis), "a Redis again")


def stop_the_operator(declared: Declared) -> None:
    """And lose a pod meanwhile, which Kubernetes alone replaces."""
    declared.operator.scale(0)
    kill_a_pod(declared)
    declared.operator.scale(2)


def stop_the_api_server(declared: Declared) -> None:
    faults.stop_program(1, "kube-apiserver")
    time.sleep(OUTAGE)
    faults.start_program(1, "kube-apiserver")
    eventually(lambda: declared.kube.run("get", "--raw", "/readyz", timeout=10) == "ok", "an API server again")
    declared.await_ready()


def cut_one_pod_off_redis(declared: Declared) -> None:
    with _to_redis(declared, "-j DROP"):
        time.sleep(OUTAGE)


def slow_one_pod_down(declared: Declared) -> None:
    """A line that loses a third of all packets: TCP repeats them after 0.2 s and more."""
    with _to_redis(declared, "-m statistic --mode random --probability 0.33 -j DROP"):
        time.sleep(OUTAGE)


def scale_up_and_down(declared: Declared) -> None:
    for replicas in (6, 2):
        declared.scale(replicas)
        declared.service.await_ready(replicas)


def roll_the_image(declared: Declared) -> None:
    images = declared.operator.environment.images
    image = declared.service.pods()[0]["spec"]["containers"][0]["image"]
    declared.patch(image={"reference": images.server if image == images.next_server else images.next_server})
    declared.await_ready()
    declared.service.await_ready(2)


def cut_the_power_of_a_node(declared: Declared) -> None:
    """Redis is on the other one: a call whose pods and Redis go together is lost, as the documentation says."""
    faults.cut_power(2)
    await_loss(declared, 2)
    restore(declared, 2)


def await_loss(declared: Declared, pods: int) -> None:
    """Kubernetes has given node 2 up, and so many pods serve on the other one."""
    eventually(lambda: not _healthy(declared, "node2"), "a node that is given up")
    eventually(lambda: _on(declared, "node1") == pods, f"{pods} pods on the other node")


def restore(declared: Declared, pods: int) -> None:
    """Node 2 again, and a Ready service of so many pods."""
    faults.restore_power(2)
    eventually(lambda: _healthy(declared, "node2"), "the node again")
    declared.service.await_ready(pods)
    declared.await_ready()


EVERYWHERE: tuple[Disturbance, ...] = (kill_a_pod, stop_the_operator, restart_redis, scale_up_and_down, roll_the_image)
HERE: tuple[Disturbance, ...] = (cut_one_pod_off_redis, slow_one_pod_down, stop_the_api_server, cut_the_power_of_a_node)
"""Only where nodes are ours to break."""


@contextlib.contextmanager
def _to_redis(declared: Declared, fate: str) -> Iterator[None]:
    """What becomes of packets from one server pod to Redis, by a rule of this machine's iptables in the pod's network."""
    uid = declared.service.pods()[0]["metadata"]["uid"]
    rule = f"OUTPUT -p tcp --dport 6379 {fate}".split()
    faults.in_pod_network(uid, "iptables", "-I", *rule)
    try:
        yield
    finally:
        faults.in_pod_network(uid, "iptables", "-D", *rule)


def _on(declared: Declared, node: str) -> int:
    return sum(pod["spec"]["nodeName"] == node for pod in declared.service.pods())


def _healthy(declared: Declared, node: str) -> bool:
    status = declared.kube.run("get", "node", node, "-o", "jsonpath={.status.conditions[?(@.type=='Ready')].status}")
    return status == "True"
