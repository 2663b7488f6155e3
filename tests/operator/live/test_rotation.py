"""Rotation of the JWT keyring, with pods that load what they are given when they are told to: no token is refused at any moment."""

import base64
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from harness.apiserver import MERGE
from harness.kubelet import Kubelet
from harness.operators import Cell, Operator, wait
from harness.podmetrics import PodMetrics

from carillon_operator.keyring import PATIENCE, checksum
from carillon_operator.reconciler.secrets import HURRY

LIFETIME = 3600
KEYRING = {"auth": {"maxTokenLifetimeSeconds": LIFETIME}}


class Pods:
    """What each pod has loaded, by its name; silent ones do not answer."""

    def __init__(self, cell: Cell) -> None:
        self._cell = cell
        self.loaded: dict[str, str] = {}
        self.silent: set[str] = set()
        self.metrics = PodMetrics(self._text)

    def _text(self, pod: str) -> str | None:
        if pod in self.silent:
            return None
        has = self.loaded.get(pod)
        return f'carillon_connections 0\ncarillon_keyring{{checksum="{checksum(has) if has else ""}"}} 1\n'

    def names(self) -> list[str]:
        return sorted(name for name in self._cell.all("Pod") if "-redis" not in name)

    def load(self, *names: str) -> None:
        """As kubelet renews the file, and the server reads it."""
        for name in names:
            self.loaded[name] = self.keyring()

    def keyring(self) -> str:
        secret = self._cell.get("Secret", "calls-jwt")
        assert secret
        return base64.b64decode(secret["data"]["keyring.json"]).decode()

    def keys(self) -> dict[str, str]:
        """kid → use, as the Secret has it."""
        return {one["kid"]: one["use"] for one in json.loads(self.keyring())["keys"]}

    def believe_the_backend(self) -> bool:
        """Whether every pod knows the key with which a backend that has just read the Secret signs."""
        signs = next(one for one in json.loads(self.keyring())["keys"] if one["use"] == "sign")
        return all(signs["secret"] in self.loaded[name] for name in self.names())


@pytest.fixture
async def pods(cell: Cell) -> AsyncIterator[Pods]:
    """They run, and have loaded the keyring that was generated."""
    found = Pods(cell)
    async with found.metrics.serving(), Kubelet(cell.server, cell.namespace) as kubelet:
        kubelet.address = found.metrics.address
        yield found


def phase(cell: Cell) -> str:
    status = (cell.get("SignalingCluster") or {}).get("status") or {}
    return str((status.get("keyring") or {}).get("phase", ""))


def let_pass(cell: Cell, seconds: float) -> None:
    """As if the phase had begun so much earlier."""
    since = (datetime.now(UTC) - timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")
    path = cell.path("SignalingCluster", "calls") + "/status"
    cell.server.call("PATCH", path, {"status": {"keyring": {"since": since}}}, kind=MERGE)


async def asked_again(pods: Pods, operator: Operator) -> None:
    """Every pod, twice."""
    count = pods.metrics.asked + 2 * len(pods.names())
    await wait(lambda: pods.metrics.asked >= count, "the pods are asked again", operator)


async def begin(cell: Cell, operator: Operator, pods: Pods) -> None:
    cell.declare(KEYRING)
    await wait(lambda: cell.is_said("Ready", "True", "Serving") and cell.is_said("Progressing", "False"), "it serves", operator)
    pods.load(*pods.names())


async def test_a_new_key_verifies_then_signs_and_the_old_one_goes(cell: Cell, operator: Operator, pods: Pods) -> None:
    await begin(cell, operator, pods)
    assert pods.keys() == {"0": "sign"}
    cell.change("SignalingCluster", {"spec": {"auth": {"rotation": 1}}})
    await wait(lambda: pods.keys() == {"0": "sign", "1": "verify"}, "a key is added that verifies", operator)
    await wait(lambda: cell.is_said("Progressing", "True", "RotatingKeys"), "it is said", operator)
    await wait(lambda: len(marks(cell)) == 1 and "" not in marks(cell), "every pod is hurried to read it", operator)
    hurried = marks(cell)

    # Neither time alone nor most of the pods suffice.
    let_pass(cell, PATIENCE + 1)
    first, *rest = pods.names()
    pods.load(first)
    await asked_again(pods, operator)
    assert pods.keys()["0"] == "sign"
    pods.load(*rest)
    pods.silent.add(first)
    await asked_again(pods, operator)
    assert pods.keys()["0"] == "sign"
    pods.silent.clear()

    await wait(lambda: pods.keys() == {"0": "verify", "1": "sign"}, "the new key signs once all have it", operator)
    assert pods.believe_the_backend()
    await wait(lambda: phase(cell) == "Retiring", "the old key retires", operator)
    await wait(lambda: len(marks(cell)) == 1 and marks(cell) != hurried, "the pods are hurried again", operator)
    pods.load(*pods.names())
    await asked_again(pods, operator)
    assert pods.keys() == {"0": "verify", "1": "sign"}

    let_pass(cell, LIFETIME + PATIENCE + 1)
    await wait(lambda: pods.keys() == {"1": "sign"}, "the old key is taken out", operator)
    await wait(lambda: phase(cell) == "Settled" and cell.is_said("Progressing", "False", "Settled"), "it has ended", operator)
    assert pods.believe_the_backend()
    told = [one["note"] for one in cell.all("Event").values() if one["reason"] == "RotatingKeys"]
    assert any("key 1 was added" in note for note in told)
    assert any("key 1 signs" in note for note in told)
    assert any("key 0 was taken out" in note for note in told)
    everything = json.dumps([cell.get("SignalingCluster"), cell.all("Event"), cell.all("Deployment"), cell.all("Pod")]) + operator.log
    for keyring in {*pods.loaded.values(), pods.keyring()}:
        assert not [one["kid"] for one in json.loads(keyring)["keys"] if one["secret"] in everything]


async def test_no_pod_is_replaced_for_it(cell: Cell, operator: Operator, pods: Pods) -> None:
    await begin(cell, operator, pods)
    before = {name: one["metadata"]["uid"] for name, one in cell.all("Pod").items()}
    cell.change("SignalingCluster", {"spec": {"auth": {"rotation": 1}}})
    await wait(lambda: phase(cell) == "Verifying", "it has begun", operator)
    pods.load(*pods.names())
    let_pass(cell, PATIENCE + 1)
    await wait(lambda: phase(cell) == "Retiring", "the new key signs", operator)
    assert {name: one["metadata"]["uid"] for name, one in cell.all("Pod").items()} == before


async def test_a_keyring_that_somebody_spoilt_is_neither_rotated_nor_replaced(cell: Cell, operator: Operator, pods: Pods) -> None:
    await begin(cell, operator, pods)
    spoilt: dict[str, Any] = {"data": {"keyring.json": base64.b64encode(b"hidden-value").decode()}}
    cell.change("Secret", spoilt, "calls-jwt")
    cell.change("SignalingCluster", {"spec": {"auth": {"rotation": 1}}})
    await wait(lambda: cell.is_said("SecretsReady", "False", "SecretInvalid"), "it is said", operator)
    assert "is no keyring any more" in cell.condition("SecretsReady")["message"]
    assert pods.keyring() == "hidden-value"
    assert "hidden-value" not in operator.log


async def test_a_keyring_that_was_there_before_is_used_and_its_rotation_left_to_its_owner(
    cell: Cell, operator: Operator, pods: Pods
) -> None:
    own = base64.b64encode(b'{"keys": [{"kid": "mine", "secret": "mine-mine-mine-mine-mine-mine-mine", "use": "sign"}]}').decode()
    cell.server.call("POST", cell.path("Secret"), {"metadata": {"name": "calls-jwt"}, "data": {"keyring.json": own}})
    await begin(cell, operator, pods)
    assert cell.is_said("Degraded", "False")
    cell.change("SignalingCluster", {"spec": {"auth": {"rotation": 1}}})
    await wait(lambda: cell.is_said("Degraded", "True", "ForeignObject"), "it is said", operator)
    assert "its keys are not rotated" in cell.condition("Degraded")["message"]
    assert pods.keys() == {"mine": "sign"}


def marks(cell: Cell) -> set[str]:
    """How the server's pods are marked."""
    found = [one for name, one in cell.all("Pod").items() if "-redis" not in name]
    return {(one["metadata"].get("annotations") or {}).get(HURRY, "") for one in found}
