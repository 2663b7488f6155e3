"""The operator from its chart, and services declared to it."""

import contextlib
import json
import secrets
import signal
from collections import Counter
from collections.abc import Iterator
from typing import Any

from cluster import faults
from harness.crowd import Crowd
from harness.environments import Environment
from harness.helm import CHARTS, helm
from harness.kube import Json, condition, eventually
from harness.releases import flags, image_values
from harness.services import Service
from prometheus_client.samples import Sample

from carillon_operator.resources.environment import METRICS_PORT as SERVER_METRICS_PORT

METRICS_PORT = 8080
"""Of the operator."""
FEW = 10
"""Users, of whom two pods that are both in the Service get one each all but certainly."""


class Operator:
    """Two replicas in a namespace of their own, for the whole cluster. `with Operator(environment) as operator`."""

    RELEASE = "carillon-operator"
    PODS = "app.kubernetes.io/name=carillon-operator,app.kubernetes.io/component=operator"

    def __init__(self, environment: Environment, **values: Any) -> None:
        """values: of the chart, beside the images."""
        self.environment, self.kube, self._values = environment, environment.kube, values
        self.namespace = f"operator-{secrets.token_hex(3)}"

    def __enter__(self) -> "Operator":
        self.kube.namespace(self.namespace)
        images = self.environment.images
        values = {
            "image": image_values(images.operator),
            "serverImage": image_values(images.server),
            "redisImage": images.redis,
            "crds": {"keep": False},
            **self._values,
        }
        try:
            self.helm("install", self.RELEASE, CHARTS / "carillon-operator", "--wait", "--timeout=100s", *flags(values))
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        helm("uninstall", self.RELEASE, "--namespace", self.namespace, "--wait", "--timeout=100s", kubeconfig=self.kube.kubeconfig)
        self.kube.attempt("delete", "namespace", self.namespace, "--wait=false")

    def helm(self, *words: object) -> str:
        """Raises AssertionError with Helm's words."""
        done = helm(*words, "--namespace", self.namespace, kubeconfig=self.kube.kubeconfig)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def leader(self) -> str:
        """The pod that leads, by its Lease; empty: none does."""
        return next((str(one["spec"].get("holderIdentity", "")) for one in self.kube.find("lease", self.namespace)), "")

    @contextlib.contextmanager
    def frozen(self, pod: str) -> Iterator[None]:
        """It says nothing meanwhile, and gives its Lease to nobody."""
        uid = self.kube.get("pod", pod, self.namespace)["metadata"]["uid"]
        faults.signal_pod(uid, signal.SIGSTOP)
        try:
            yield
        finally:
            faults.signal_pod(uid, signal.SIGCONT)

    def pods(self) -> list[Json]:
        return self.kube.ready(self.namespace, self.PODS)

    def scale(self, replicas: int) -> None:
        """Of the operator itself; returns when just so many are ready and none is on its way out."""
        self.kube.run("scale", f"deployment/{self.RELEASE}", "-n", self.namespace, f"--replicas={replicas}")

        def settled() -> bool:
            return len(self.pods()) == len(self.kube.find("pods", self.namespace, self.PODS)) == replicas

        eventually(settled, f"{replicas} operators")

    def metrics(self) -> dict[str, dict[str, list[Sample]]]:
        """By pod."""
        names = [pod["metadata"]["name"] for pod in self.pods()]
        return {name: self.kube.metrics(self.namespace, name, METRICS_PORT) for name in names}

    def calls(self) -> Counter[tuple[str, str]]:
        """Verbs and resources of all calls to the API server by the operators that run."""
        found: Counter[tuple[str, str]] = Counter()
        for metrics in self.metrics().values():
            for sample in metrics.get("carillon_operator_api_calls_total", ()):
                found[sample.labels["verb"], sample.labels["resource"]] += int(sample.value)
        return found

    def memory(self) -> float:
        """MiB, of the operator that takes most."""
        return max(metrics["process_resident_memory_bytes"][0].value for metrics in self.metrics().values()) / 2**20


class Declared:
    """A SignalingCluster in a namespace of its own. spec: what differs from a service for tests, reached through the nodes' ports."""

    NAME = "calls"

    def __init__(self, operator: Operator, spec: Json) -> None:
        self.operator, self.kube = operator, operator.kube
        self.namespace = f"calls-{secrets.token_hex(3)}"
        small = {"requests": {"cpu": "50m", "memory": "96Mi"}, "limits": {"memory": "512Mi"}}
        self.spec: Json = {"service": {"type": "NodePort"}, "drainSeconds": 10, "pod": {"resources": small}, **spec}
        labels = f"carillon.dev/cluster={self.NAME},carillon.dev/component"
        self.service = Service(self.kube, self.namespace, self.NAME, f"{labels}=server", f"{labels}=redis", f"{self.NAME}-jwt")

    def __enter__(self) -> "Declared":
        self.kube.namespace(self.namespace)
        return self

    def __exit__(self, *_: object) -> None:
        self.kube.attempt("delete", "namespace", self.namespace, "--wait=false")

    def declare(self) -> None:
        self.kube.apply(
            {
                "apiVersion": "carillon.dev/v1alpha1",
                "kind": "SignalingCluster",
                "metadata": {"name": self.NAME, "namespace": self.namespace},
                "spec": self.spec,
            }
        )

    def use_external_redis(self, image: str, pod: Json) -> None:
        """A Redis that is not the operator's, without a password. Before `declare`."""
        labels = {"app": "outside-redis"}
        self.service.redis = "app=outside-redis"
        self.spec["redis"] = {"external": {"url": f"redis://outside.{self.namespace}:6379"}}
        container = {
            "name": "redis",
            "image": image,
            "command": ["redis-server", "--save", "", "--protected-mode", "no", "--dir", "/tmp"],
            "ports": [{"containerPort": 6379}],
            "readinessProbe": {"exec": {"command": ["redis-cli", "ping"]}, "periodSeconds": 1},
            "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
        }
        security = {"runAsNonRoot": True, "runAsUser": 999, "seccompProfile": {"type": "RuntimeDefault"}}
        template = {
            "metadata": {"labels": labels},
            "spec": {**pod, "securityContext": security, "containers": [container], "terminationGracePeriodSeconds": 1},
        }
        self.kube.apply(
            {
                "apiVersion": "apps/v1",
                "kind": "Deployment",
                "metadata": {"name": "outside", "namespace": self.namespace},
                "spec": {"selector": {"matchLabels": labels}, "strategy": {"type": "Recreate"}, "template": template},
            },
            {
                "apiVersion": "v1",
                "kind": "Service",
                "metadata": {"name": "outside", "namespace": self.namespace},
                "spec": {"selector": labels, "ports": [{"port": 6379}]},
            },
        )

    def patch(self, **spec: Any) -> None:
        self.kube.run("patch", "sigc", self.NAME, "-n", self.namespace, "--type=merge", "-p", _spec(spec))

    def scale(self, replicas: int) -> None:
        self.kube.run("scale", f"signalingcluster/{self.NAME}", "-n", self.namespace, f"--replicas={replicas}")

    def connections(self) -> dict[str, int]:
        """Of each ready server pod, as it says itself."""
        found: dict[str, int] = {}
        for pod in self.service.pods():
            name = pod["metadata"]["name"]
            read = self.kube.metrics(self.namespace, name, SERVER_METRICS_PORT, "carillon_connections")
            found[name] = int(sum(sample.value for sample in read["carillon_connections"]))
        return found

    def await_reached(self, pods: int) -> None:
        """Those who come are led to each of so many pods: nodes learn of a pod a moment after it is ready."""

        def everywhere() -> bool:
            with Crowd(self.service.url, self.service.sign) as few:
                few.idle(FEW)
                found = self.connections()
                return len(found) == pods and all(found.values())

        eventually(everywhere, f"users on each of {pods} pods in {self.namespace}")

    @property
    def resource(self) -> Json:
        return self.kube.get("sigc", self.NAME, self.namespace)

    def await_ready(self, within: float = 180) -> Json:
        """Ready, and nothing under way, for the spec as it is now."""

        def ready() -> Json:
            found = self.resource
            assert found["status"]["observedGeneration"] == found["metadata"]["generation"]
            assert condition(found, "Ready").get("status") == "True", found["status"]
            assert condition(found, "Progressing").get("status") == "False", found["status"]
            return found

        return eventually(ready, f"a Ready SignalingCluster in {self.namespace}", within)


def _spec(changes: Json) -> str:
    return json.dumps({"spec": changes})
