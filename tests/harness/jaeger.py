"""Jaeger in a pod, and the traces that it has."""

import json
import secrets
from collections.abc import Iterable
from typing import Any, NamedTuple
from urllib.parse import urlencode

from harness.environments import Environment
from harness.kube import Json, eventually

QUERY_PORT, OTLP_PORT = 16686, 4317


class Span(NamedTuple):
    """pod: who wrote it. tags: its attributes."""

    name: str
    pod: str
    tags: dict[str, Any]


class Jaeger:
    """All in one and in memory, in a namespace of its own. `with Jaeger(environment) as jaeger`."""

    def __init__(self, environment: Environment) -> None:
        self.kube, self._image = environment.kube, environment.jaeger()
        self.namespace = f"jaeger-{secrets.token_hex(3)}"
        self.endpoint = f"http://jaeger.{self.namespace}:{OTLP_PORT}"

    def __enter__(self) -> "Jaeger":
        self.kube.namespace(self.namespace)
        self.kube.apply(*self._objects())
        eventually(lambda: self.kube.ready(self.namespace, "app=jaeger"), "a Jaeger")
        return self

    def __exit__(self, *_: object) -> None:
        self.kube.attempt("delete", "namespace", self.namespace, "--wait=false")

    def spans(self, **tags: str) -> list[Span]:
        """Of every trace with a span that has these attributes."""
        question = urlencode({"service": "carillon", "tags": json.dumps({name.replace("__", "."): value for name, value in tags.items()})})
        path = f"/api/v1/namespaces/{self.namespace}/services/jaeger:{QUERY_PORT}/proxy/api/traces?{question}"
        traces = json.loads(self.kube.run("get", "--raw", path, timeout=30))["data"]
        return [_span(one, trace["processes"]) for trace in traces for one in trace["spans"]]

    def _objects(self) -> tuple[Json, ...]:
        labels = {"app": "jaeger"}
        container = {
            "name": "jaeger",
            "image": self._image,
            # Without it Jaeger serves its own pod alone.
            "env": [{"name": "JAEGER_LISTEN_HOST", "value": "0.0.0.0"}],
            "readinessProbe": {"httpGet": {"path": "/", "port": QUERY_PORT}, "periodSeconds": 1},
            "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
        }
        security = {"runAsNonRoot": True, "runAsUser": 10001, "seccompProfile": {"type": "RuntimeDefault"}}
        template = {"metadata": {"labels": labels}, "spec": {"securityContext": security, "containers": [container]}}
        ports = [{"name": "query", "port": QUERY_PORT}, {"name": "otlp", "port": OTLP_PORT}]
        named = {"name": "jaeger", "namespace": self.namespace}
        deployed = {"selector": {"matchLabels": labels}, "template": template}
        return (
            {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": named, "spec": deployed},
            {"apiVersion": "v1", "kind": "Service", "metadata": named, "spec": {"selector": labels, "ports": ports}},
        )


def _span(found: Json, processes: dict[str, Json]) -> Span:
    of_process = _tags(processes[found["processID"]]["tags"])
    return Span(found["operationName"], str(of_process["service.instance.id"]), _tags(found["tags"]))


def _tags(found: Iterable[Json]) -> dict[str, Any]:
    return {tag["key"]: tag["value"] for tag in found}
