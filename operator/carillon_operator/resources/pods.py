"""What the pods of server and Redis have in common: restricted security, patience with lost nodes, overrides merged by name."""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from carillon_operator.resources.inputs import Object
from carillon_operator.spec.declare import Part
from carillon_operator.spec.pods import Scheduling

PATIENCE = 30
"""Seconds on a node that is not ready or unreachable, instead of Kubernetes' 300: callers wait no five minutes."""
CONTAINER_SECURITY: Object = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "readOnlyRootFilesystem": True,
}
"""What the Pod Security Standard `restricted` asks of a container, and a file system that cannot be written."""


def pod_security(user: int) -> Object:
    return {
        "runAsNonRoot": True,
        "runAsUser": user,
        "runAsGroup": user,
        "fsGroup": user,
        "fsGroupChangePolicy": "OnRootMismatch",
        "seccompProfile": {"type": "RuntimeDefault"},
    }


def plain(part: Part) -> Any:
    """A part of the resource as Kubernetes writes it: core/v1 has the same field names."""
    return msgspec.to_builtins(part)


def merged_by_name(own: Iterable[Object], theirs: Iterable[Object]) -> list[Object]:
    """Lists of named things: theirs replace ours of the same name, in place; new ones follow."""
    found = {one["name"]: one for one in own}
    for one in theirs:
        found[one["name"]] = one
    return list(found.values())


def tolerations(theirs: Iterable[Object]) -> list[Object]:
    """Ours for lost nodes, unless the resource speaks of the same taint; a list that appliers replace whole."""
    given = list(theirs)
    named = {one.get("key") for one in given if one.get("effect") in (None, "NoExecute")}
    ours = [
        {"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": PATIENCE}
        for key in ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")
        if key not in named
    ]
    return ours + given


def schedule(pod: Object, overrides: Scheduling) -> Object:
    """A pod's spec, with where it may run."""
    placed: Object = {"tolerations": tolerations(plain(one) for one in overrides.tolerations)}
    if overrides.node_selector:
        placed["nodeSelector"] = overrides.node_selector
    if overrides.affinity:
        placed["affinity"] = plain(overrides.affinity)
    if overrides.priority_class_name:
        placed["priorityClassName"] = overrides.priority_class_name
    return pod | placed


def from_secret(name: str, secret: str, key: str) -> Object:
    return {"name": name, "valueFrom": {"secretKeyRef": {"name": secret, "key": key}}}


def variables(values: Mapping[str, str]) -> list[Object]:
    """Plain variables; an empty one is an unset one and left out."""
    return [{"name": name, "value": value} for name, value in values.items() if value]
