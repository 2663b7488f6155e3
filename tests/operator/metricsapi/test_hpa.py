"""Kubernetes' own HPA scales a SignalingCluster by its connections: through the aggregator, the metrics API and `/scale`."""

import asyncio
import functools
import secrets
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web
from harness.apiserver import ApiServer, programs
from harness.controllers import HorizontalPodAutoscaler
from harness.ports import free_port

from carillon_operator.crd import definition
from carillon_operator.kube import Client, load
from carillon_operator.metrics import Scraper
from carillon_operator.metricsapi import Cluster, Serving

MERGE = "application/merge-patch+json"
SERVICE = "carillon-operator-api"
LABELS = {"carillon.dev/cluster": "demo", "carillon.dev/component": "server", "carillon.dev/revision": "abc"}
APIS = "/apis/apiregistration.k8s.io/v1/apiservices"
PATIENCE = 60.0
pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture(scope="module")
def server() -> Iterator[ApiServer]:
    try:
        programs("kube-controller-manager")
    except FileNotFoundError as missing:
        pytest.skip(str(missing))
    found = ApiServer()
    try:
        found.start().install(definition())
        yield found
    finally:
        found.remove()


class Pods:
    """Server pods that tell how many connections they have: each at an address of its own on this machine, all at one port."""

    def __init__(self, server: ApiServer, namespace: str, port: int) -> None:
        self.server, self.namespace, self.port = server, namespace, port
        self.connections: dict[str, int | None] = {}
        self._net = secrets.randbelow(200) + 2

    def add(self, connections: int | None, **labels: str) -> str:
        """None: it does not answer."""
        address = f"127.0.{self._net}.{len(self.connections) + 1}"
        name = f"pod-{len(self.connections) + 1}"
        self.connections[address] = connections
        path = f"/api/v1/namespaces/{self.namespace}/pods"
        container = {"name": "server", "image": "carillon-server"}
        pod = {"metadata": {"name": name, "labels": LABELS | labels}, "spec": {"containers": [container]}}
        self.server.call("POST", path, {"apiVersion": "v1", "kind": "Pod", **pod})
        ready = {"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"}
        status = {"phase": "Running", "podIP": address, "podIPs": [{"ip": address}], "conditions": [ready]}
        status["startTime"] = "2026-01-01T00:00:00Z"
        self.server.call("PATCH", f"{path}/{name}/status", {"status": status}, kind=MERGE)
        return name

    async def answer(self, request: web.Request) -> web.Response:
        assert request.transport
        count = self.connections.get(request.transport.get_extra_info("sockname")[0])
        if count is None:
            raise web.HTTPServiceUnavailable
        return web.Response(text=f'carillon_connections{{protocol="v1"}} {count}\n')


@pytest.fixture(scope="module")
def port() -> int:
    return free_port()


def namespaced(server: ApiServer) -> str:
    name = f"test-{secrets.token_hex(4)}"
    server.call("POST", "/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    return name


@pytest_asyncio.fixture(loop_scope="module")
async def pods(server: ApiServer, port: int) -> AsyncIterator[Pods]:
    found = Pods(server, namespaced(server), port)
    app = web.Application()
    app.router.add_get("/metrics", found.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "0.0.0.0", found.port).start()
    yield found
    await runner.cleanup()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def cluster(server: ApiServer, port: int) -> AsyncIterator[Cluster]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KUBECONFIG", str(server.kubeconfig()))
        client, scraper = Client(await load(), lambda: True, lambda *_: None), Scraper(port)
    yield Cluster(client, scraper, SERVICE, namespaced(server), time.time)
    await scraper.close()
    await client.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def serving(server: ApiServer, cluster: Cluster) -> AsyncIterator[None]:
    """The metrics API, asked through the API server's aggregator."""
    service = {"type": "ExternalName", "externalName": "localhost", "ports": [{"port": (https := free_port())}]}
    metadata = {"name": SERVICE, "namespace": cluster.home}
    server.call("POST", f"/api/v1/namespaces/{cluster.home}/services", {"kind": "Service", "metadata": metadata, "spec": service})
    for version in ("v1beta1", "v1beta2"):
        server.call("POST", APIS, api_service(version, cluster.home, https))
    task = asyncio.create_task(Serving(cluster, https).run())
    yield
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    for version in ("v1beta1", "v1beta2"):
        server.call("DELETE", f"{APIS}/{version}.custom.metrics.k8s.io")


def api_service(version: str, namespace: str, port: int) -> dict[str, Any]:
    spec = {
        "group": "custom.metrics.k8s.io",
        "version": version,
        "groupPriorityMinimum": 100,
        "versionPriority": 200 if version == "v1beta2" else 100,
        "service": {"name": SERVICE, "namespace": namespace, "port": port},
    }
    name = {"name": f"{version}.custom.metrics.k8s.io"}
    return {"apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService", "metadata": name, "spec": spec}


async def until(condition: Callable[[], object], why: Callable[[], object] = lambda: "") -> None:
    deadline = asyncio.get_running_loop().time() + PATIENCE
    while not await asyncio.to_thread(condition):
        assert asyncio.get_running_loop().time() < deadline, why()
        await asyncio.sleep(0.1)


async def test_an_api_service_of_somebody_else_is_left_alone(server: ApiServer, cluster: Cluster, caplog: pytest.LogCaptureFixture) -> None:
    stranger = api_service("v1beta1", "somebody-else", 443)
    server.call("POST", APIS, stranger)
    try:
        for _ in range(2):
            await cluster.announce(await cluster.certificate())
        found = server.call("GET", f"{APIS}/v1beta1.custom.metrics.k8s.io")
        assert found["spec"]["service"]["namespace"] == "somebody-else"
        assert "caBundle" not in found["spec"]
        assert len([line for line in caplog.messages if "v1beta1.custom.metrics.k8s.io is somebody else's" in line]) == 1
    finally:
        server.call("DELETE", f"{APIS}/v1beta1.custom.metrics.k8s.io")


async def test_the_hpa_follows_the_connections(server: ApiServer, pods: Pods, serving: None) -> None:
    """Two pods of 190 where 100 are meant: four are wanted. A pod of another revision, and one that does not answer, spoil nothing."""
    for count in (190, 190):
        pods.add(count)
    pods.add(0, **{"carillon.dev/revision": "old"})
    pods.add(5000, **{"carillon.dev/component": "redis"})
    resources = f"/apis/carillon.dev/v1alpha1/namespaces/{pods.namespace}/signalingclusters"
    body = {"apiVersion": "carillon.dev/v1alpha1", "kind": "SignalingCluster", "metadata": {"name": "demo"}}
    server.call("POST", resources, body)
    selector = ",".join(f"{name}={value}" for name, value in LABELS.items())
    server.call("PATCH", f"{resources}/demo/status", {"status": {"selector": selector, "replicas": 2}}, kind=MERGE)
    hpas = f"/apis/autoscaling/v2/namespaces/{pods.namespace}/horizontalpodautoscalers"
    target = {"apiVersion": "carillon.dev/v1alpha1", "kind": "SignalingCluster", "name": "demo"}
    average = {"type": "AverageValue", "averageValue": "100"}
    metric = {"type": "Pods", "pods": {"metric": {"name": "connections"}, "target": average}}
    spec = {"scaleTargetRef": target, "minReplicas": 2, "maxReplicas": 10, "metrics": [metric]}
    with HorizontalPodAutoscaler(server):
        server.call(
            "POST", hpas, {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "demo"}, "spec": spec}
        )
        await until(
            lambda: server.call("GET", f"{resources}/demo")["spec"]["replicas"] == 4,
            lambda: server.call("GET", f"{hpas}/demo")["status"],
        )


async def test_kubectl_and_others_are_answered_through_the_api_server(server: ApiServer, pods: Pods, serving: None) -> None:
    pods.add(7)
    pods.add(None)
    path = f"/apis/custom.metrics.k8s.io/v1beta1/namespaces/{pods.namespace}/pods/%2A/connections"
    asking = functools.partial(asyncio.to_thread, server.refusal, "GET", path)
    await until(lambda: not server.refusal("GET", path))
    (item,) = (await asyncio.to_thread(server.call, "GET", path))["items"]
    assert (item["describedObject"]["name"], item["value"]) == ("pod-1", "7")
    accounts = f"/api/v1/namespaces/{pods.namespace}/serviceaccounts"
    server.call("POST", accounts, {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "nobody"}})
    asked = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
    token = server.call("POST", f"{accounts}/nobody/token", asked)["status"]["token"]
    assert "cannot get" in await asking(token=token)
