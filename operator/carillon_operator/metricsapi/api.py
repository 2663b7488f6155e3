"""What `custom.metrics.k8s.io` answers (k8s.io/metrics, pkg/apis/custom_metrics): paths and queries in, JSON out.

One metric is served, of pods: `connections`. The HPA asks `…/namespaces/NS/pods/*/connections?labelSelector=…` and takes every pod of the
answer into its average, so whatever is not to count must not be in it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from carillon_operator.spec.times import stamp

GROUP = "custom.metrics.k8s.io"
VERSIONS = ("v1beta2", "v1beta1")
"""The first is preferred; Kubernetes before 1.34 may ask for the second where it is registered alone."""
METRIC = "connections"

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Query:
    """Whose connections are asked for. pod: `*` for all that the selector names."""

    version: str
    namespace: str
    pod: str
    selector: str = ""


@dataclass(frozen=True, slots=True)
class Value:
    """connections of a pod, `age` seconds before now."""

    pod: str
    connections: int
    age: float = 0.0


class Rejected(Exception):
    """A request that gets no metrics; `status` is what the API machinery calls its code."""

    def __init__(self, status: HTTPStatus, reason: str, message: str) -> None:
        super().__init__(message)
        self.status, self.reason, self.message = status, reason, message


def parse(path: str, query: Mapping[str, str]) -> Query | Json:
    """A question, or the answer to one about the API itself (discovery). Raises Rejected for what is not served.

    path: decoded.
    """
    match path.strip("/").split("/"):
        case ["apis"]:
            return {"kind": "APIGroupList", "apiVersion": "v1", "groups": [_group()]}
        case ["apis", group] if group == GROUP:
            return {"kind": "APIGroup", "apiVersion": "v1", **_group()}
        case ["apis", group, version] if group == GROUP and version in VERSIONS:
            return resources(version)
        case ["apis", group, version, "namespaces", namespace, "pods", pod, metric] if group == GROUP and version in VERSIONS:
            if metric != METRIC:
                raise Rejected(HTTPStatus.NOT_FOUND, "NotFound", f"there is no metric {metric!r} of pods, only {METRIC!r}")
            if "metricLabelSelector" in query:
                raise Rejected(HTTPStatus.BAD_REQUEST, "BadRequest", f"{METRIC!r} has no labels to select by")
            return Query(version, namespace, pod, query.get("labelSelector", ""))
    raise Rejected(HTTPStatus.NOT_FOUND, "NotFound", "the server could not find the requested resource")


def resources(version: str) -> Json:
    """What the aggregator and `kubectl api-resources` read."""
    resource = {"name": f"pods/{METRIC}", "singularName": "", "namespaced": True, "kind": "MetricValueList", "verbs": ["get"]}
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": f"{GROUP}/{version}", "resources": [resource]}


def answer(query: Query, values: Iterable[Value], now: float) -> Json:
    """A MetricValueList. now: Unix time in seconds. Raises Rejected where one pod was asked for and is not among `values`."""
    found = sorted(values, key=lambda one: one.pod)
    if query.pod != "*" and not found:
        raise Rejected(HTTPStatus.NOT_FOUND, "NotFound", f"pod {query.pod!r} has told no {METRIC}")
    return {
        "kind": "MetricValueList",
        "apiVersion": f"{GROUP}/{query.version}",
        "metadata": {},
        "items": [_item(query, one, now) for one in found],
    }


def failure(rejected: Rejected) -> Json:
    """A Status, as all of Kubernetes' APIs give it."""
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": rejected.message,
        "reason": rejected.reason,
        "code": int(rejected.status),
    }


def _group() -> Json:
    versions = [{"groupVersion": f"{GROUP}/{version}", "version": version} for version in VERSIONS]
    return {"name": GROUP, "versions": versions, "preferredVersion": versions[0]}


def _item(query: Query, value: Value, now: float) -> Json:
    metric: Json = {"metricName": METRIC} if query.version == "v1beta1" else {"metric": {"name": METRIC}}
    return {
        "describedObject": {"kind": "Pod", "namespace": query.namespace, "name": value.pod, "apiVersion": "/v1"},
        **metric,
        "timestamp": stamp(now - value.age),
        "value": str(value.connections),
    }
