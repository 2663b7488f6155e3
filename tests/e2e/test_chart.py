"""The service's chart on real pods, without the operator: install, call, upgrade, scale, drain, remove."""

from collections.abc import Iterator

import pytest
from harness.environments import Environment
from harness.figures import Figures
from harness.kube import eventually
from harness.releases import Release
from harness.services import undisturbed


@pytest.fixture(scope="module")
def release(environment: Environment, figures: Figures) -> Iterator[Release]:
    with Release(environment) as made:
        with figures.took("service chart: helm install to Ready"):
            made.install(drainSeconds=10)
        yield made


def test_a_call_through_the_service_from_inside(release: Release) -> None:
    assert "Succeeded" in release.helm("test", Release.NAME, "--timeout=100s")


def test_pods_die_roll_and_move_under_live_calls(release: Release, figures: Figures) -> None:
    service, kube = release.service, release.kube
    with undisturbed(service, figures, "service chart: a pod killed, image rolled, 2 to 3 to 2 pods, a node drained") as crowd:
        keyring = kube.secret(service.keyring, release.namespace)
        service.lose_a_pod(2)
        crowd.settle()
        release.install(release.environment.images.next_server, drainSeconds=10, replicas=3)
        service.await_ready(3)
        crowd.settle()
        assert kube.secret(service.keyring, release.namespace) == keyring
        release.install(release.environment.images.next_server, drainSeconds=10)
        service.await_ready(2)
        crowd.settle()
        node = service.pods()[0]["spec"]["nodeName"]
        try:
            kube.run("drain", node, "--ignore-daemonsets", "--delete-emptydir-data", f"--pod-selector={service.servers}", "--timeout=120s")
            service.await_ready(2)
            assert node not in {pod["spec"]["nodeName"] for pod in service.pods()}
        finally:
            kube.run("uncordon", node)


def test_nothing_is_left_of_a_release(environment: Environment) -> None:
    kinds = "all,configmap,secret,serviceaccount,poddisruptionbudget,networkpolicy,role,rolebinding,job"
    with Release(environment) as release:
        release.install(replicas=1, drainSeconds=5)
        release.helm("uninstall", Release.NAME, "--wait", "--timeout=100s")

        def left() -> set[str]:
            found = release.kube.run("get", kinds, "-n", release.namespace, "-o", "name").split()
            # What every namespace has; and the Secrets that calls of a next release live on, which stay as the notes say.
            kept = {"configmap/kube-root-ca.crt", "serviceaccount/default", "secret/calls-carillon-jwt", "secret/calls-carillon-redis"}
            return set(found) - kept

        eventually(lambda: not left(), "an empty namespace")
