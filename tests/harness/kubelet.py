"""What makes Deployments and StatefulSets come to life where there are no controllers: pods through the real API.

As much as the operator can see: pods of the template, ready when the test says so; surplus pods deleted by their deletion cost; garbage
collection by owner reference.
"""

import asyncio
import contextlib
import secrets
import urllib.error
from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from harness.apiserver import ApiServer

PERIOD = 0.1
MERGE = "application/merge-patch+json"
COST = "controller.kubernetes.io/pod-deletion-cost"
OWNED = (
    "/api/v1/{}/serviceaccounts",
    "/api/v1/{}/configmaps",
    "/api/v1/{}/services",
    "/api/v1/{}/secrets",
    "/apis/apps/v1/{}/deployments",
    "/apis/apps/v1/{}/statefulsets",
    "/apis/policy/v1/{}/poddisruptionbudgets",
    "/apis/networking.k8s.io/v1/{}/networkpolicies",
    "/apis/networking.k8s.io/v1/{}/ingresses",
)


class Kubelet:
    """`async with Kubelet(server, namespace)`. ready: whether a pod of these labels gets ready. address: podIP of a pod by its name.
    renewed: whether pods of an older template are said to be replaced. nodes: that take the server's pods in turn; placed: where each is.
    """

    def __init__(self, server: ApiServer, namespace: str) -> None:
        self._server, self._namespace = server, namespace
        self.address: Callable[[str], str] = lambda name: "127.0.0.1"
        self.ready = lambda labels: True
        self.renewed = True
        self.nodes: tuple[str, ...] = ()
        self.placed: dict[str, str] = {}
        self._task: asyncio.Task[None]

    async def __aenter__(self) -> "Kubelet":
        self._task = asyncio.create_task(self._run())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task

    async def _run(self) -> None:
        while True:
            with contextlib.suppress(OSError):
                await asyncio.to_thread(self.step)
            await asyncio.sleep(PERIOD)

    def step(self) -> None:
        """One look at everything: pods last, so that they carry the deletion costs that were set before there were to be fewer."""
        paths = ("/apis/apps/v1/{}/deployments", "/apis/apps/v1/{}/statefulsets")
        workloads = [(path, one) for path in paths for one in self._items(path)]
        pods = self._items("/api/v1/{}/pods")
        of: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for pod in pods:
            of[self._owner(pod)].append(pod)
        for path, workload in workloads:
            self._scale(path, workload, of[workload["metadata"]["uid"]])
        uids = {one["metadata"]["uid"] for path in OWNED for one in self._items(path)}
        for pod in pods:
            if self._owner(pod) not in uids:
                self._delete(pod)

    def collect(self) -> None:
        """What the garbage collector does once a SignalingCluster is gone."""
        alive = {one["metadata"]["uid"] for one in self._items("/apis/carillon.dev/v1alpha1/{}/signalingclusters")}
        for path in OWNED:
            for one in self._items(path):
                if (owner := self._owner(one)) and owner not in alive:
                    self._call("DELETE", path.format(f"namespaces/{self._namespace}") + f"/{one['metadata']['name']}")

    def _scale(self, path: str, workload: dict[str, Any], pods: list[dict[str, Any]]) -> None:
        count = workload["spec"].get("replicas", 1)
        pods += [self._create(workload) for _ in range(count - len(pods))]
        order = sorted(pods, key=lambda one: int((one["metadata"].get("annotations") or {}).get(COST, 0)))
        for pod in order[: max(len(pods) - count, 0)]:
            self._delete(pod)
            pods.remove(pod)
        ready = sum(self._set_ready(pod) for pod in pods)
        status = {
            "replicas": len(pods),
            "updatedReplicas": len(pods) if self.renewed else 0,
            "readyReplicas": ready,
            "observedGeneration": workload["metadata"]["generation"],
        }
        before = workload.get("status") or {}
        if any(before.get(name, 0) != value for name, value in status.items()):
            name = workload["metadata"]["name"]
            self._call("PATCH", path.format(f"namespaces/{self._namespace}") + f"/{name}/status", {"status": status})

    def _create(self, workload: dict[str, Any]) -> dict[str, Any]:
        about = workload["metadata"]
        owner = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": about["name"], "uid": about["uid"], "controller": True}
        template = workload["spec"]["template"]
        claims = [{"name": one["metadata"]["name"], "emptyDir": {}} for one in workload["spec"].get("volumeClaimTemplates", [])]
        name, volumes = f"{about['name']}-{secrets.token_hex(3)}", template["spec"].get("volumes", []) + claims
        pod = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {**template["metadata"], "name": name, "ownerReferences": [owner]},
            "spec": {**template["spec"], "serviceAccountName": "default", "volumes": volumes},
        }
        if self.nodes and "-redis" not in name:
            self.placed[name] = pod["spec"]["nodeName"] = self.nodes[len(self.placed) % len(self.nodes)]
        found: dict[str, Any] = self._server.call("POST", f"/api/v1/namespaces/{self._namespace}/pods", pod)
        return found

    def _set_ready(self, pod: dict[str, Any]) -> bool:
        wanted = self.ready(pod["metadata"]["labels"])
        conditions = {one["type"]: one["status"] for one in (pod.get("status") or {}).get("conditions") or []}
        if (conditions.get("Ready") == "True") != wanted:
            now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            condition = {"type": "Ready", "status": "True" if wanted else "False", "lastTransitionTime": now}
            address = self.address(pod["metadata"]["name"])
            status = {"phase": "Running", "podIP": address, "podIPs": [{"ip": address}], "conditions": [condition]}
            self._call("PATCH", f"/api/v1/namespaces/{self._namespace}/pods/{pod['metadata']['name']}/status", {"status": status})
        return bool(wanted)

    def _delete(self, pod: dict[str, Any]) -> None:
        options = {"kind": "DeleteOptions", "apiVersion": "v1", "gracePeriodSeconds": 0}
        self._call("DELETE", f"/api/v1/namespaces/{self._namespace}/pods/{pod['metadata']['name']}", options)

    def _items(self, path: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._call("GET", path.format(f"namespaces/{self._namespace}"))["items"]
        return found

    def _call(self, method: str, path: str, body: Any = None) -> Any:
        kind = MERGE if method == "PATCH" else "application/json"
        try:
            return self._server.call(method, path, body, kind=kind)
        except urllib.error.HTTPError as error:
            if error.code not in (404, 409):
                raise
            return {"items": []}

    @staticmethod
    def _owner(one: dict[str, Any]) -> str:
        return next((ref["uid"] for ref in one["metadata"].get("ownerReferences") or []), "")
