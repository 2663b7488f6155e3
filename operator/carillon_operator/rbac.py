"""What the operator may do: the one source of its Roles. Tests compare it with the calls that the API server recorded, both ways.

`python -m carillon_operator.rbac` prints it as YAML, from which charts and manifests are rendered.
"""

import sys
from dataclasses import dataclass
from typing import Any

import yaml

from carillon_operator.spec import GROUP, PLURAL

READ = ("get", "list", "watch")
CHILD = (*READ, "create", "patch", "delete")
"""Verbs on what the operator makes: server-side apply creates by `patch` and needs `create` beside it."""


@dataclass(frozen=True, slots=True)
class Permission:
    """Verbs on resources of one API group, and why. optional: the group is only there where somebody installed it.
    names: of the only objects that are meant; empty: all.
    """

    group: str
    resources: tuple[str, ...]
    verbs: tuple[str, ...]
    why: str
    optional: bool = False
    names: tuple[str, ...] = ()

    def rule(self) -> dict[str, Any]:
        """As Roles and ClusterRoles have it."""
        named = {"resourceNames": list(self.names)} if self.names else {}
        return {"apiGroups": [self.group], "resources": list(self.resources), **named, "verbs": list(self.verbs)}


SCOPE = (
    Permission(GROUP, (PLURAL,), READ, "what is declared"),
    Permission(GROUP, (f"{PLURAL}/status",), ("patch",), "what is said of it"),
    Permission(GROUP, (f"{PLURAL}/scale",), ("patch",), "the built-in scaler writes where an HPA would"),
    Permission("", ("configmaps", "serviceaccounts", "services"), CHILD, "children"),
    Permission("", ("secrets",), (*READ, "create", "update"), "generated ones are made and rotated; named ones are checked"),
    Permission("", ("pods",), ("list", "watch", "patch"), "readiness; marks: renew a Secret at once, leave first, get users"),
    Permission("apps", ("deployments", "statefulsets"), CHILD, "children"),
    Permission("policy", ("poddisruptionbudgets",), CHILD, "children"),
    Permission("networking.k8s.io", ("ingresses", "networkpolicies"), CHILD, "children"),
    Permission("gateway.networking.k8s.io", ("httproutes",), CHILD, "children", optional=True),
    Permission("monitoring.coreos.com", ("servicemonitors",), CHILD, "children", optional=True),
    Permission("autoscaling", ("horizontalpodautoscalers",), ("list",), "who else scales"),
    Permission("keda.sh", ("scaledobjects",), ("list",), "who else scales", optional=True),
    Permission("events.k8s.io", ("events",), ("create",), "transitions, told to people"),
)
"""In every namespace that is served: a ClusterRole, or a Role in each."""

HOME = (Permission("coordination.k8s.io", ("leases",), ("create", "get", "update"), "one of several operators leads"),)
"""In the operator's own namespace."""

METRICS_API = (
    Permission("authorization.k8s.io", ("subjectaccessreviews",), ("create",), "who may read metrics is the API server's to say"),
    Permission(
        "apiregistration.k8s.io",
        ("apiservices",),
        ("get", "patch"),
        "the aggregator is told which certificate is ours",
        names=("v1beta1.custom.metrics.k8s.io", "v1beta2.custom.metrics.k8s.io"),
    ),
)
"""In the whole cluster, where the metrics API is served; with the Role extension-apiserver-authentication-reader in kube-system."""
METRICS_HOME = (Permission("", ("secrets",), ("create", "get", "update"), "the metrics API's certificate"),)
"""In the operator's own namespace, where the metrics API is served."""


def rules(permissions: tuple[Permission, ...]) -> list[dict[str, Any]]:
    return [one.rule() for one in permissions]


if __name__ == "__main__":
    yaml.safe_dump({"scope": rules(SCOPE), "home": rules(HOME)}, sys.stdout, sort_keys=False)
