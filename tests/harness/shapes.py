"""What the children of a SignalingCluster come to, so that those of two can be compared: without what the API server chose."""

import json
import re
from typing import Any

from harness.operators import Cell

KINDS = (
    "Deployment",
    "StatefulSet",
    "Service",
    "Secret",
    "ConfigMap",
    "ServiceAccount",
    "PodDisruptionBudget",
    "NetworkPolicy",
    "Ingress",
)
CHOSEN = ("clusterIP", "clusterIPs", "nodePort", "healthCheckNodePort")
NOT_OURS = ("kube-root-ca.crt", "default")


def shape(cell: Cell, name: str = "calls") -> dict[str, Any]:
    """Kind and name → labels, controller and content of each child. Namespace and revisions have the same names in all cells."""
    revisions = sorted(cell.servers())
    found: dict[str, Any] = {}
    for kind in KINDS:
        for one in cell.all(kind).values():
            if one["metadata"]["name"] not in NOT_OURS:
                found[f"{kind} {one['metadata']['name']}"] = _content(kind, one)
    text = json.dumps(found).replace(cell.namespace, "NAMESPACE")
    # Over a password among others, which is random.
    text = re.sub(r'("carillon.dev/config-checksum": )"[0-9a-f]+"', r'\1"CHECKSUM"', text)
    for number, revision in enumerate(revisions):
        text = text.replace(revision, f"REVISION-{number}")
    result: dict[str, Any] = json.loads(text)
    return result


def _content(kind: str, one: dict[str, Any]) -> dict[str, Any]:
    about = one["metadata"]
    spec = {key: value for key, value in (one.get("spec") or {}).items() if key not in CHOSEN}
    data = sorted(one.get("data") or {}) if kind == "Secret" else one.get("data")
    owners = [(owner["kind"], owner["name"], owner["controller"]) for owner in about.get("ownerReferences") or []]
    return {"labels": about["labels"], "owners": owners, "spec": spec, "data": data}
