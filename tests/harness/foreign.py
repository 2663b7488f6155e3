"""Definitions of kinds that others bring, as far as the operator makes objects of them."""

from typing import Any

OPTIONAL = (
    ("gateway.networking.k8s.io", "HTTPRoute", "httproutes"),
    ("monitoring.coreos.com", "ServiceMonitor", "servicemonitors"),
)
"""Group, kind and plural."""


def definition(group: str, kind: str, plural: str) -> dict[str, Any]:
    """One that takes anything."""
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    names = {"kind": kind, "plural": plural, "singular": kind.lower(), "listKind": f"{kind}List"}
    # What the API server demands of groups that end in k8s.io.
    annotations = {"api-approved.kubernetes.io": "unapproved, for tests"}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}", "annotations": annotations},
        "spec": {"group": group, "scope": "Namespaced", "names": names, "versions": [version]},
    }
