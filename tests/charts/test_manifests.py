"""manifests/: current, and such as `kubectl apply -k` and the operator take."""

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from cluster.paths import BIN
from harness.helm import program

from carillon_operator.charts.manifests import manifests
from carillon_operator.spec import decode, problems

ROOT = Path(__file__).parents[2]
SAMPLES = sorted((ROOT / "manifests" / "samples").glob("*.yaml"))


def test_they_are_rendered_from_the_chart_of_today() -> None:
    for path, text in manifests(ROOT, program()).items():
        assert path.read_text() == text, "run: HELM=… python -m carillon_operator.charts write"


def built(folder: str) -> list[dict[str, Any]]:
    done = subprocess.run([BIN / "kubectl", "kustomize", ROOT / "manifests" / folder], capture_output=True, text=True, check=True)
    return list(yaml.safe_load_all(done.stdout))


def test_one_command_installs_all_of_it() -> None:
    found = {(one["kind"], one["metadata"]["name"]) for one in built("")}
    assert {
        ("CustomResourceDefinition", "signalingclusters.carillon.dev"),
        ("Namespace", "carillon-system"),
        ("Deployment", "carillon-operator"),
        ("ClusterRole", "carillon-system:carillon-operator"),
    } <= found


def test_with_namespaced_rights_nothing_of_the_cluster_is_touched() -> None:
    found = built("namespaced")
    assert not [one for one in found if one["kind"].startswith("Cluster") or one["kind"] in ("CustomResourceDefinition", "Namespace")]
    assert {one["metadata"]["namespace"] for one in found} == {"carillon-system"}
    deployment = next(one for one in found if one["kind"] == "Deployment")
    assert "--namespace=carillon-system" in deployment["spec"]["template"]["spec"]["containers"][0]["args"]


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_samples_are_what_the_operator_takes(path: Path) -> None:
    found = yaml.safe_load(path.read_text())
    assert problems(decode(found).spec) == []
    if "autoscaling" in found.get("spec", {}):
        assert "replicas" not in found["spec"]
