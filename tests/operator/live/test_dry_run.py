"""`--dry-run`, against a real API server: what it prints could be applied, and it writes nothing."""

import os
import subprocess
import sys
from typing import Any

import pytest
import yaml
from harness.apiserver import ApiServer
from harness.operators import Cell, grant

WRITES = ("create", "update", "patch", "delete")


def dry_run(server: ApiServer, token: str, *options: str) -> "subprocess.CompletedProcess[str]":
    environment = {**os.environ, "KUBECONFIG": str(server.kubeconfig(token))}
    command = [sys.executable, "-m", "carillon_operator", "--dry-run", *options]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)


@pytest.fixture
def user(api_server: ApiServer, cell: Cell) -> tuple[str, str]:
    found = api_server.user()
    grant(api_server, found[0], namespaces=(cell.namespace,), home=cell.namespace)
    return found


def test_what_is_printed_can_be_applied_and_nothing_is_written(cell: Cell, user: tuple[str, str]) -> None:
    cell.declare({"ingress": {"hosts": ["calls.example.com"]}})
    done = dry_run(cell.server, user[1], f"--namespace={cell.namespace}")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[:2] == [
        f"# SignalingCluster {cell.namespace}/calls",
        "# Secrets that would be made: calls-jwt, calls-redis",
    ]
    found: list[dict[str, Any]] = list(yaml.safe_load_all(done.stdout))
    kinds = {one["kind"] for one in found}
    assert {"Deployment", "Service", "ConfigMap", "ServiceAccount", "PodDisruptionBudget", "NetworkPolicy", "Ingress"} <= kinds
    assert "Secret" not in kinds
    assert not [one for one in cell.server.audited(user[0]) if one["verb"] in WRITES]
    for one in found:
        path = f"{cell.path(one['kind'], one['metadata']['name'])}?fieldManager=test&dryRun=All"
        assert not cell.server.refusal("PATCH", path, one, kind="application/apply-patch+yaml")


def test_resources_of_which_nothing_would_be_made_are_told(cell: Cell, user: tuple[str, str]) -> None:
    cell.declare({"access": {"trustedProxies": ["10.0.0.1/8"]}}, name="wrong")
    cell.declare({"paused": True}, name="waits")
    done = dry_run(cell.server, user[1], f"--namespace={cell.namespace}")
    assert done.returncode == 0, done.stderr
    assert (
        f"# SignalingCluster {cell.namespace}/wrong: nothing would be done. access.trustedProxies: 10.0.0.1/8 is no network" in done.stdout
    )
    assert f"# SignalingCluster {cell.namespace}/waits, paused: nothing would be done now" in done.stdout


def test_without_rights_it_says_so(cell: Cell) -> None:
    done = dry_run(cell.server, cell.server.user()[1], f"--namespace={cell.namespace}")
    assert done.returncode == 1
    assert f"cannot start: signalingclusters cannot be listed in namespace {cell.namespace}" in done.stderr
