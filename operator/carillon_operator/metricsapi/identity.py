"""Who asks, as the aggregator says it: it authenticates callers and vouches for them with a client certificate of its own.

https://kubernetes.io/docs/tasks/extend-kubernetes/configure-aggregation-layer/, "Kubernetes Apiserver Request Authentication".
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Front:
    """Which front proxies are believed, and in which headers: what the ConfigMap kube-system/extension-apiserver-authentication says.

    names: common names of their certificates; empty: any that the authority signed.
    """

    authority: str
    names: frozenset[str]
    user_headers: tuple[str, ...]
    group_headers: tuple[str, ...]
    extra_prefixes: tuple[str, ...]

    @classmethod
    def read(cls, data: Mapping[str, str]) -> "Front":
        """Raises ValueError, in words, where the cluster has no aggregation layer."""
        authority = data.get("requestheader-client-ca-file", "")
        if not authority:
            raise ValueError("the API server has no aggregation layer: its --requestheader-client-ca-file is not set")
        return cls(
            authority=authority,
            names=frozenset(_list(data, "requestheader-allowed-names")),
            user_headers=_list(data, "requestheader-username-headers"),
            group_headers=_list(data, "requestheader-group-headers"),
            extra_prefixes=_list(data, "requestheader-extra-headers-prefix"),
        )


@dataclass(frozen=True, slots=True)
class User:
    name: str
    groups: tuple[str, ...] = ()
    extra: tuple[tuple[str, tuple[str, ...]], ...] = ()


def identify(front: Front, certificate: Mapping[str, Any] | None, headers: Iterable[tuple[str, str]]) -> User | None:
    """None: nobody whom the aggregator vouches for.

    certificate: of the client, verified against `front.authority`, as ssl.SSLSocket.getpeercert gives it.
    """
    if not certificate or (front.names and _common_name(certificate) not in front.names):
        return None
    found = [(name.lower(), value) for name, value in headers]
    names = [value for wanted in front.user_headers for name, value in found if name == wanted.lower() and value]
    if not names:
        return None
    groups = tuple(value for wanted in front.group_headers for name, value in found if name == wanted.lower())
    return User(names[0], groups, _extra(front, found))


def review(user: User, namespace: str, group: str, version: str, metric: str) -> dict[str, Any]:
    """A SubjectAccessReview: may `user` read `metric` of the pods of `namespace`?"""
    return {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "spec": {
            "user": user.name,
            "groups": list(user.groups),
            "extra": {name: list(values) for name, values in user.extra},
            "resourceAttributes": {
                "verb": "get",
                "group": group,
                "version": version,
                "resource": "pods",
                "subresource": metric,
                "namespace": namespace,
            },
        },
    }


def _list(data: Mapping[str, str], name: str) -> tuple[str, ...]:
    return tuple(json.loads(data.get(name) or "[]"))


def _common_name(certificate: Mapping[str, Any]) -> str:
    return next((value for part in certificate.get("subject", ()) for name, value in part if name == "commonName"), "")


def _extra(front: Front, headers: list[tuple[str, str]]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    found: dict[str, list[str]] = {}
    for prefix in front.extra_prefixes:
        for name, value in headers:
            if name.startswith(prefix.lower()):
                found.setdefault(name[len(prefix) :], []).append(value)
    return tuple((name, tuple(values)) for name, values in sorted(found.items()))
