"""Installed, upgraded, rolled back and removed by Helm on a real API server (which runs no pods, so without hooks).

Nothing has been released yet: the release before is this chart with a lower version, as it was packaged then. Once there are releases,
their packages belong in `previous/`, where this test finds them.
"""

import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import yaml
from cluster.paths import BIN
from harness.apiserver import ApiServer
from harness.helm import CHARTS, helm

PACKAGES = Path(__file__).parent / "previous"
DEFINITION = Path(__file__).parents[2] / "manifests" / "crd" / "carillon.dev_signalingclusters.yaml"
CRD = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/signalingclusters.carillon.dev"
HELD = ("deployments", "services", "serviceaccounts", "configmaps")


def previous(chart: str, folder: Path) -> Iterator[Path]:
    """Earlier charts, the simulated one first."""
    copy = folder / chart
    shutil.copytree(CHARTS / chart, copy)
    head = yaml.safe_load((copy / "Chart.yaml").read_text()) | {"version": "0.0.1", "appVersion": "0.0.1"}
    (copy / "Chart.yaml").write_text(yaml.safe_dump(head))
    yield copy
    yield from sorted(PACKAGES.glob(f"{chart}-[0-9]*.tgz"))


class Release:
    def __init__(self, api: ApiServer, name: str, namespace: str) -> None:
        self.api, self.name, self.namespace = api, name, namespace
        self.kubeconfig = api.kubeconfig()

    def helm(self, command: str, *words: object) -> "subprocess.CompletedProcess[str]":
        return helm(command, self.name, *words, "--namespace", self.namespace, "--no-hooks", kubeconfig=self.kubeconfig)

    def do(self, command: str, *words: object) -> str:
        done = self.helm(command, *words)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def get(self, path: str) -> dict[str, Any]:
        found: dict[str, Any] = self.api.call("GET", path)
        return found

    def deployment(self, name: str) -> dict[str, Any]:
        return self.get(f"/apis/apps/v1/namespaces/{self.namespace}/deployments/{name}")


def image(deployment: dict[str, Any]) -> str:
    return str(deployment["spec"]["template"]["spec"]["containers"][0]["image"])


def test_the_service_is_upgraded_rolled_back_and_removed(api: ApiServer, tmp_path: Path) -> None:
    for number, old in enumerate(previous("carillon", tmp_path)):
        release = Release(api, "calls", f"upgrades-{number}")
        values = "replicas=3,calls.graceSeconds=40,redis.managed.storage.enabled=true"
        told(release.do("install", old, "--create-namespace", "--set", values), "helm -n upgrades-", "get secret calls-carillon-jwt")
        secret = {"metadata": {"name": "calls-carillon-jwt"}, "data": {"keyring.json": "e30="}}
        kept = api.call("POST", f"/api/v1/namespaces/{release.namespace}/secrets", secret)
        before = release.deployment("calls-carillon")
        release.do("upgrade", CHARTS / "carillon", "--reset-then-reuse-values", "--set", "calls.ringTimeoutSeconds=50")
        after = release.deployment("calls-carillon")
        assert after["metadata"]["uid"] == before["metadata"]["uid"]
        assert image(after) != image(before)
        assert after["spec"]["replicas"] == 3
        environ = {one["name"]: one.get("value") for one in after["spec"]["template"]["spec"]["containers"][0]["env"]}
        assert (environ["GRACE_PERIOD"], environ["RING_TIMEOUT"]) == ("40", "50")
        release.do("rollback")
        assert image(release.deployment("calls-carillon")) == image(before)
        release.do("uninstall")
        for kind in HELD:
            group = "/apis/apps/v1" if kind == "deployments" else "/api/v1"
            found = release.get(f"{group}/namespaces/{release.namespace}/{kind}")["items"]
            assert [one["metadata"]["name"] for one in found if one["metadata"]["name"].startswith("calls")] == []
        assert api.call("GET", f"/api/v1/namespaces/{release.namespace}/secrets/calls-carillon-jwt") == kept


def test_a_new_version_alone_restarts_no_redis(api: ApiServer, tmp_path: Path) -> None:
    release = Release(api, "calls", "restarts")
    release.do("install", next(previous("carillon", tmp_path)), "--create-namespace")
    before = release.deployment("calls-carillon-redis")["spec"]["template"]
    release.do("upgrade", CHARTS / "carillon")
    assert release.deployment("calls-carillon-redis")["spec"]["template"] == before


def test_the_definition_and_its_resources_outlive_the_operators_chart(api: ApiServer, tmp_path: Path) -> None:
    for number, old in enumerate(previous("carillon-operator", tmp_path)):
        release = Release(api, "operator", f"operators-{number}")
        told(release.do("install", old, "--create-namespace"), "wait --for=condition=Ready signalingcluster/calls")
        definition = release.get(CRD)
        served(api)
        clusters = f"/apis/carillon.dev/v1alpha1/namespaces/{release.namespace}/signalingclusters"
        made = api.call(
            "POST", clusters, {"apiVersion": "carillon.dev/v1alpha1", "kind": "SignalingCluster", "metadata": {"name": "calls"}}
        )
        before = release.deployment("operator-carillon-operator")
        release.do("upgrade", CHARTS / "carillon-operator")
        after = release.deployment("operator-carillon-operator")
        assert image(after) != image(before)
        assert after["metadata"]["uid"] == before["metadata"]["uid"]
        # The four ways that `crds.keep` is met.
        release.do("upgrade", CHARTS / "carillon-operator", "--set", "crds.enabled=false")
        release.do("upgrade", CHARTS / "carillon-operator")
        release.do("uninstall")
        assert release.get(CRD)["metadata"]["uid"] == definition["metadata"]["uid"]
        release.do("install", CHARTS / "carillon-operator")
        assert api.call("GET", f"{clusters}/calls")["metadata"]["uid"] == made["metadata"]["uid"]
        release.do("uninstall")
        other = Release(api, "another", release.namespace).helm("install", CHARTS / "carillon-operator")
        assert "invalid ownership metadata" in other.stderr
        taken = Release(api, "another", release.namespace)
        taken.do("install", CHARTS / "carillon-operator", "--take-ownership")
        assert api.call("GET", f"{clusters}/calls")["metadata"]["uid"] == made["metadata"]["uid"]
        taken.do("uninstall")
        api.call("DELETE", CRD)
        gone(api, CRD)


def told(notes: str, *commands: str) -> None:
    """What to do next is said, with nothing left unfilled."""
    assert not {one for one in ("<no value>", "%!", "<nil>") if one in notes}
    assert [one for one in commands if one not in notes] == []


def until(happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def served(api: ApiServer) -> None:
    """Until the API server serves the kind."""
    until(lambda: not api.refusal("GET", "/apis/carillon.dev/v1alpha1/signalingclusters"))


def gone(api: ApiServer, path: str) -> None:
    until(lambda: "not found" in api.refusal("GET", path))


def test_a_definition_that_kubectl_applied_is_taken_over_when_told(api: ApiServer) -> None:
    release = Release(api, "late", "late")
    kubectl(release, "apply", "--server-side", "-f", DEFINITION)
    assert "invalid ownership metadata" in release.helm("install", CHARTS / "carillon-operator", "--create-namespace").stderr
    release.do("install", CHARTS / "carillon-operator", "--create-namespace", "--take-ownership")
    release.do("uninstall")
    api.call("DELETE", CRD)
    gone(api, CRD)


def test_a_definition_that_helm_applied_is_not_changed_by_kubectl_unnoticed(api: ApiServer, tmp_path: Path) -> None:
    release = Release(api, "early", "early")
    release.do("install", CHARTS / "carillon-operator", "--create-namespace")
    newer = tmp_path / "newer.yaml"
    newer.write_text(DEFINITION.read_text().replace("- sigc", "- signaling"))
    refused = kubectl(release, "apply", "--server-side", "-f", newer, check=False)
    assert 'conflict with "helm"' in refused.stderr
    kubectl(release, "apply", "--server-side", "--force-conflicts", "-f", newer)
    release.do("uninstall")
    api.call("DELETE", CRD)
    gone(api, CRD)


def test_the_metrics_api_is_never_taken_over_and_goes_when_it_is_disabled(api: ApiServer) -> None:
    release = Release(api, "metrics", "metrics")
    path = "/apis/apiregistration.k8s.io/v1/apiservices"
    name = "v1beta2.custom.metrics.k8s.io"
    service = {"name": "adapter", "namespace": "monitoring"}
    spec = {"group": "custom.metrics.k8s.io", "version": "v1beta2", "groupPriorityMinimum": 100, "versionPriority": 200, "service": service}
    api.call("POST", path, {"apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService", "metadata": {"name": name}, "spec": spec})
    enabled = ("--create-namespace", "--set", "metricsApi.enabled=true,crds.keep=false")
    assert "invalid ownership metadata" in release.helm("install", CHARTS / "carillon-operator", *enabled).stderr
    assert api.call("GET", f"{path}/{name}")["spec"]["service"]["name"] == "adapter"
    api.call("DELETE", f"{path}/{name}")
    release.do("install", CHARTS / "carillon-operator", *enabled)
    assert api.call("GET", f"{path}/{name}")["spec"]["service"]["name"] == "metrics-carillon-operator-api"
    # Nobody serves it here, as where the operator is down: Helm must still be able to remove it.
    release.do("upgrade", CHARTS / "carillon-operator", "--set", "metricsApi.enabled=false,crds.keep=false")
    assert "not found" in api.refusal("GET", f"{path}/{name}")
    release.do("uninstall")
    gone(api, CRD)


def kubectl(release: Release, *words: object, check: bool = True) -> "subprocess.CompletedProcess[str]":
    command = [BIN / "kubectl", f"--kubeconfig={release.kubeconfig}", *words]
    return subprocess.run([str(one) for one in command], capture_output=True, text=True, check=check)
