"""kubectl as a person uses it, and waiting for what a cluster will come to."""

import base64
import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

import yaml
from cluster.paths import BIN
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from carillon.client.tokens import Signer

Json = dict[str, Any]
T = TypeVar("T")


class Kube:
    """One cluster, by its kubeconfig."""

    def __init__(self, kubeconfig: Path) -> None:
        self.kubeconfig = kubeconfig
        self.program = shutil.which("kubectl") or str(BIN / "kubectl")

    def run(self, *words: object, stdin: str | None = None, timeout: float = 180) -> str:
        """Raises AssertionError with kubectl's own words."""
        done = self.attempt(*words, stdin=stdin, timeout=timeout)
        assert done.returncode == 0, f"kubectl {' '.join(map(str, words))}: {done.stderr or done.stdout}"
        return done.stdout

    def attempt(self, *words: object, stdin: str | None = None, timeout: float = 180) -> "subprocess.CompletedProcess[str]":
        """Whose failure is an answer."""
        environ = {**os.environ, "KUBECONFIG": str(self.kubeconfig)}
        command = [self.program, *map(str, words)]
        return subprocess.run(command, input=stdin, capture_output=True, text=True, env=environ, timeout=timeout, check=False)

    def apply(self, *objects: Json) -> None:
        self.run("apply", "-f", "-", stdin=yaml.safe_dump_all(objects))

    def get(self, kind: str, name: str, namespace: str) -> Json:
        found: Json = json.loads(self.run("get", kind, name, "-n", namespace, "-o", "json"))
        return found

    def find(self, kind: str, namespace: str, selector: str = "") -> list[Json]:
        """Empty if there are none, and if there is no such kind."""
        words = ("-l", selector) if selector else ()
        done = self.attempt("get", kind, "-n", namespace, *words, "-o", "json")
        return list(json.loads(done.stdout)["items"]) if done.returncode == 0 else []

    def secret(self, name: str, namespace: str) -> dict[str, str]:
        data = self.get("secret", name, namespace)["data"]
        return {key: base64.b64decode(value).decode() for key, value in data.items()}

    def signer(self, secret: str, namespace: str) -> Signer:
        """Signs with the key that the keyring in that Secret says to sign with, as a customer's backend does."""
        keys = json.loads(self.secret(secret, namespace)["keyring.json"])["keys"]
        key = next(one for one in keys if one["use"] == "sign")
        return Signer(key["secret"], key["kid"])

    def kill(self, namespace: str, pod: str) -> None:
        """Returns when it is dead, by SIGKILL a second after SIGTERM. `--force` only forgets a pod, which may live on for its grace."""
        self.run("delete", "pod", "-n", namespace, pod, "--now")

    def pods(self, namespace: str, selector: str) -> list[Json]:
        """Those that are not on their way out."""
        return [pod for pod in self.find("pods", namespace, selector) if "deletionTimestamp" not in pod["metadata"]]

    def ready(self, namespace: str, selector: str) -> list[Json]:
        return [pod for pod in self.pods(namespace, selector) if is_ready(pod)]

    def metrics(self, namespace: str, pod: str, port: int, name: str = "") -> dict[str, list[Sample]]:
        """What a pod tells Prometheus: samples by their names. name: part of the only ones to be read, for reading costs a crowd's time.
        Raises AssertionError where it does not answer.
        """
        text = self.run("get", "--raw", f"/api/v1/namespaces/{namespace}/pods/{pod}:{port}/proxy/metrics", timeout=30)
        text = "".join(line for line in text.splitlines(keepends=True) if name in line)
        found: dict[str, list[Sample]] = {}
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                found.setdefault(sample.name, []).append(sample)
        return found

    def addresses(self) -> list[str]:
        """Of the nodes, where NodePorts answer."""
        nodes = json.loads(self.run("get", "nodes", "-o", "json"))["items"]
        return [one["address"] for node in nodes for one in node["status"]["addresses"] if one["type"] == "InternalIP"]

    def namespace(self, name: str) -> None:
        """With the strictest pod security there is."""
        label = {"pod-security.kubernetes.io/enforce": "restricted"}
        self.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": label}})


def is_ready(item: Json) -> bool:
    return condition(item, "Ready").get("status") == "True"


def condition(item: Json, kind: str) -> Json:
    found: Iterable[Json] = item.get("status", {}).get("conditions", ())
    return next((one for one in found if one["type"] == kind), {})


def eventually(look: Callable[[], T], what: str, within: float = 120.0, step: float = 0.25) -> T:
    """What `look` returns as soon as that is true. An assertion in it, or a command that fails, means not yet."""
    deadline = time.monotonic() + within
    last: object = None
    while time.monotonic() < deadline:
        try:
            if found := look():
                return found
            last = found
        except (AssertionError, LookupError, subprocess.TimeoutExpired) as error:
            last = error
        time.sleep(step)
    raise AssertionError(f"{what} did not come about in {within} s: {last}")
