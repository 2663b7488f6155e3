"""What the builders are given: the resource, what the operator brings, what was seen in the cluster."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from carillon_operator.spec import Spec

Object = dict[str, Any]
"""A Kubernetes object as JSON."""

ROLLING = "rolling"
"""The one revision of a cluster that is updated pod by pod: its Deployment changes in place."""


@dataclass(frozen=True, slots=True)
class Defaults:
    """What the operator was released or started with. namespace: where it runs itself; None outside a cluster."""

    server_image: str
    redis_image: str
    namespace: str | None = None


@dataclass(frozen=True, slots=True)
class Cluster:
    """A SignalingCluster whose children are built."""

    name: str
    namespace: str
    uid: str
    spec: Spec
    defaults: Defaults


@dataclass(frozen=True, slots=True)
class Observed:
    """What of the cluster's state decides about the children.

    checksums: "SECRET/KEY" → hash of a value that running pods cannot reload; one that is missing has none.
    restarted_at: the latest `kubectl rollout restart` of any revision; empty: none.
    serving: the revision that the Service points to; empty: there is none yet.
    replicas: pods of the newest revision; None: as many as the resource says.
    apis: "GROUP/KIND" of optional kinds that the API server knows.
    """

    checksums: Mapping[str, str] = field(default_factory=dict)
    restarted_at: str = ""
    serving: str = ""
    replicas: int | None = None
    apis: frozenset[str] = frozenset()
