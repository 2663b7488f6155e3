"""The operator on real pods: declare, call, break, change, scale, rotate, remove."""

import json
import time

import pytest
from harness.drift import repairs
from harness.figures import Figures
from harness.kube import eventually
from harness.operated import Declared, Operator
from harness.services import Service, since, undisturbed


def test_a_call_from_inside(operator: Operator) -> None:
    """`helm test` declares a service, calls through it and removes it."""
    assert "Succeeded" in operator.helm("test", Operator.RELEASE, "--timeout=110s")


def test_pods_are_spread_over_nodes(declared: Declared) -> None:
    """These have no zone: a constraint on zones beside that on nodes would spread nothing."""
    assert len({pod["spec"]["nodeName"] for pod in declared.service.pods()}) == 2


def test_it_serves_soon_and_leaves_nothing_behind(operator: Operator, figures: Figures) -> None:
    with Declared(operator, {"replicas": 1, "drainSeconds": 3, "drainDelaySeconds": 0}) as made:
        kube, began = operator.kube, time.monotonic()
        made.declare()
        eventually(lambda: made.service.sign("anybody") and made.service.url(), "a Service and its keys")
        with undisturbed(made.service, figures, "SignalingCluster applied, and called at once", pairs=1, idle=0, chatter=0):
            figures.add("SignalingCluster applied to first call accepted", since(began))
        kube.run("delete", "sigc", Declared.NAME, "-n", made.namespace)
        kinds = "all,configmap,secret,serviceaccount,poddisruptionbudget,networkpolicy,persistentvolumeclaim,lease"

        def left() -> set[str]:
            found = kube.run("get", kinds, "-n", made.namespace, "-o", "name").split()
            return set(found) - {"configmap/kube-root-ca.crt", "serviceaccount/default"}

        eventually(lambda: not left(), "an empty namespace")


def test_calls_outlive_all_that_happens_to_pods_nodes_keys_and_the_operator(declared: Declared, figures: Figures) -> None:
    service, kube, operator = declared.service, declared.kube, declared.operator
    what = "operator killed, pod killed, node drained, image rolled, keys rotated, 2 to 4 to 2 pods"
    with undisturbed(service, figures, what) as crowd:
        old = kube.secret(service.keyring, service.namespace)["keyring.json"]
        declared.patch(auth={"rotation": 1})

        lead = operator.leader()
        began = time.monotonic()
        kube.kill(operator.namespace, lead)
        eventually(lambda: operator.leader() not in ("", lead), "another leader")
        figures.add("leader deleted to next leader", since(began))

        service.lose_a_pod(2)
        crowd.settle()

        declared.scale(4)
        service.await_ready(4)
        declared.scale(2)
        service.await_ready(2)
        crowd.settle()

        began = time.monotonic()
        declared.patch(image={"reference": operator.environment.images.next_server})
        eventually(lambda: _images(service) == {operator.environment.images.next_server}, "pods of the new image alone")
        service.await_ready(2)
        figures.add("image changed to new revision alone", since(began))
        crowd.settle()

        node = service.pods()[0]["spec"]["nodeName"]
        try:
            kube.run("drain", node, "--ignore-daemonsets", "--delete-emptydir-data", f"--pod-selector={service.servers}", "--timeout=120s")
            service.await_ready(2)
        finally:
            kube.run("uncordon", node)

        def signs_anew() -> bool:
            keys = json.loads(kube.secret(service.keyring, service.namespace)["keyring.json"])["keys"]
            return any(key["use"] == "sign" and key["secret"] not in old for key in keys)

        eventually(signs_anew, "a new key that signs", 240)
        service.forget_key()
        crowd.call(2)


def test_a_frozen_leader_is_replaced(declared: Declared, figures: Figures) -> None:
    """And what it has not seen to is seen to."""
    operator = declared.operator
    if not operator.environment.breakable:
        pytest.skip("the nodes of this cluster are not ours to break")
    lead, began = operator.leader(), time.monotonic()
    with operator.frozen(lead):
        repairs(declared.kube.kubeconfig, declared.namespace, Declared.NAME, 1)
        figures.add("leader frozen to next leader's first write", since(began))
    eventually(lambda: len(operator.pods()) == 2, "the frozen one again")
    assert operator.leader() not in ("", lead)


def test_drift_is_repaired(declared: Declared, figures: Figures) -> None:
    found = repairs(declared.kube.kubeconfig, declared.namespace, Declared.NAME, 100)
    figures.spread("drift to repaired, as a watch sees it", found)


def _images(service: Service) -> set[str]:
    return {pod["spec"]["containers"][0]["image"] for pod in service.kube.find("pods", service.namespace, service.servers)}
