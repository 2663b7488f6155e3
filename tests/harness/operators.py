"""The operator as a process of its own, as it runs in a pod."""

import asyncio
import contextlib
import json
import os
import secrets
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from harness.apiserver import MERGE, PATIENCE, ApiServer
from harness.ports import free_port

from carillon_operator import rbac

RESOURCES = "/apis/carillon.dev/v1alpha1/namespaces/{}/signalingclusters"
PATHS = {
    "Deployment": "/apis/apps/v1/namespaces/{}/deployments",
    "StatefulSet": "/apis/apps/v1/namespaces/{}/statefulsets",
    "Service": "/api/v1/namespaces/{}/services",
    "Secret": "/api/v1/namespaces/{}/secrets",
    "ConfigMap": "/api/v1/namespaces/{}/configmaps",
    "ServiceAccount": "/api/v1/namespaces/{}/serviceaccounts",
    "Pod": "/api/v1/namespaces/{}/pods",
    "PodDisruptionBudget": "/apis/policy/v1/namespaces/{}/poddisruptionbudgets",
    "NetworkPolicy": "/apis/networking.k8s.io/v1/namespaces/{}/networkpolicies",
    "Ingress": "/apis/networking.k8s.io/v1/namespaces/{}/ingresses",
    "Event": "/apis/events.k8s.io/v1/namespaces/{}/events",
    "SignalingCluster": RESOURCES,
}


class Operator:
    """One process. options: of the command line. url: of a proxy in front of the API server."""

    def __init__(self, server: ApiServer, *options: str, token: str = "", url: str = "", identity: str = "") -> None:
        self.port = free_port()
        kubeconfig = server.kubeconfig(token, url=url) if token else server.kubeconfig(url=url)
        self._log = Path(server.folder / f"operator-{self.port}.log")
        given = [f"--metrics-port={self.port}", "--log-format=json", "--log-level=debug", *options]
        if identity:
            given.append(f"--identity={identity}")
        environment = {**os.environ, "KUBECONFIG": str(kubeconfig)}
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "carillon_operator", *given], env=environment, stdout=log, stderr=log, start_new_session=True
            )

    @property
    def log(self) -> str:
        return self._log.read_text()

    def ask(self, path: str) -> tuple[int, str]:
        """HTTP status and text; 0: no answer."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError:
            return 0, ""

    def metric(self, name: str) -> float:
        """The sum of its series."""
        lines = self.ask("/metrics")[1].splitlines()
        return sum(float(line.rpartition(" ")[2]) for line in lines if line.split("{")[0].split(" ")[0] == name)

    def memory(self) -> float:
        """Resident MiB."""
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 2**20

    def wait_ready(self) -> "Operator":
        until(lambda: self.ask("/readyz")[0] == 200 or self.process.poll() is not None, "operator is ready", self)
        assert self.process.poll() is None, self.log[-3000:]
        return self

    def end(self, how: signal.Signals = signal.SIGTERM) -> int:
        if self.process.poll() is None:
            self.process.send_signal(how)
        try:
            return self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise

    def __enter__(self) -> "Operator":
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.end()


def until(condition: Any, what: str, *operators: Operator, patience: float = PATIENCE) -> Any:
    """What the condition gives once it is true; fails after so many seconds, with the end of the operators' logs."""
    deadline = time.monotonic() + patience
    while True:
        if found := condition():
            return found
        if time.monotonic() > deadline:
            logs = "\n".join(one.log[-3000:] for one in operators)
            raise AssertionError(f"not within {patience:.0f} s: {what}\n{logs}")
        time.sleep(0.05)


async def wait(condition: Any, what: str, *operators: Operator) -> Any:
    """`until`, beside the tasks of this event loop."""
    return await asyncio.to_thread(until, condition, what, *operators)


class Cell:
    """One namespace of the API server, and the resources in it."""

    def __init__(self, server: ApiServer, namespace: str) -> None:
        self.server, self.namespace = server, namespace

    @classmethod
    def fresh(cls, server: ApiServer) -> "Cell":
        """In a namespace of its own."""
        name = f"test-{secrets.token_hex(4)}"
        server.call("POST", "/api/v1/namespaces", {"metadata": {"name": name}})
        return cls(server, name)

    def declare(self, spec: dict[str, Any] | None = None, name: str = "calls") -> dict[str, Any]:
        body = {"apiVersion": "carillon.dev/v1alpha1", "kind": "SignalingCluster", "metadata": {"name": name}, "spec": spec or {}}
        found: dict[str, Any] = self.server.call("POST", RESOURCES.format(self.namespace), body)
        return found

    def path(self, kind: str, name: str = "") -> str:
        return PATHS[kind].format(self.namespace) + (f"/{name}" if name else "")

    def all(self, kind: str) -> dict[str, dict[str, Any]]:
        return {one["metadata"]["name"]: one for one in self.server.call("GET", self.path(kind))["items"]}

    def get(self, kind: str, name: str = "calls") -> dict[str, Any] | None:
        try:
            found: dict[str, Any] = self.server.call("GET", self.path(kind, name))
        except urllib.error.HTTPError as error:
            if error.code == 404:
                return None
            raise
        return found

    def change(self, kind: str, change: dict[str, Any], name: str = "calls") -> dict[str, Any]:
        found: dict[str, Any] = self.server.call("PATCH", self.path(kind, name), change, kind=MERGE)
        return found

    def delete(self, kind: str, name: str = "calls") -> None:
        self.server.call("DELETE", self.path(kind, name))

    def condition(self, kind: str, name: str = "calls") -> dict[str, Any]:
        status = (self.get("SignalingCluster", name) or {}).get("status") or {}
        return next((one for one in status.get("conditions") or [] if one["type"] == kind), {})

    def is_said(self, kind: str, status: str, reason: str = "", name: str = "calls") -> bool:
        found = self.condition(kind, name)
        return found.get("status") == status and reason in ("", found.get("reason"))

    def settled(self) -> bool:
        """Whether the spec as it is now is served, and nothing is under way."""
        found = self.get("SignalingCluster") or {"metadata": {"generation": 0}}
        current: bool = (found.get("status") or {}).get("observedGeneration") == found["metadata"]["generation"]
        return current and self.is_said("Ready", "True", "Serving") and self.is_said("Progressing", "False", "Settled")

    def servers(self) -> dict[str, dict[str, Any]]:
        """The server's Deployments, by revision."""
        found = [one for one in self.all("Deployment").values() if one["metadata"]["labels"].get("carillon.dev/component") == "server"]
        return {one["metadata"]["labels"]["carillon.dev/revision"]: one for one in found}


class Rights:
    """What one user may do: bound to it by Roles, or by ClusterRoles."""

    def __init__(self, server: ApiServer, user: str) -> None:
        self._server, self._user = server, user

    def give(self, name: str, rules: list[dict[str, Any]], namespace: str = "") -> None:
        """namespace: empty for the whole cluster. name: tells the user's roles apart."""
        kind, place = ("Role", f"/namespaces/{namespace}") if namespace else ("ClusterRole", "")
        root, name = f"/apis/rbac.authorization.k8s.io/v1{place}", f"{self._user}-{name}"
        api = {"apiVersion": "rbac.authorization.k8s.io/v1", "metadata": {"name": name}}
        self._server.call("POST", f"{root}/{kind.lower()}s", {**api, "kind": kind, "rules": rules})
        subject = {"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": self._user}
        role = {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": name}
        self._server.call(
            "POST", f"{root}/{kind.lower()}bindings", {**api, "kind": f"{kind}Binding", "subjects": [subject], "roleRef": role}
        )


def grant(server: ApiServer, user: str, *, namespaces: tuple[str, ...] = (), home: str = "default") -> None:
    """The operator's rights and no more: in all namespaces, or by Roles in some."""
    rights = Rights(server, user)
    for namespace in namespaces or ("",):
        rights.give("scope", rbac.rules(rbac.SCOPE), namespace)
    rights.give("home", rbac.rules(rbac.HOME), home)


def status_of(found: dict[str, Any] | None) -> str:
    """For messages of failed tests."""
    return json.dumps((found or {}).get("status"), indent=1)
