"""The API server: who we are to it, one call at a time, and hints of what changed."""

from carillon_operator.kube.access import Access, load
from carillon_operator.kube.client import Client
from carillon_operator.kube.errors import ApiError, Conflict, Forbidden, Invalid, NotFound, NotLeading, Throttled, Unreachable
from carillon_operator.kube.kinds import CHILDREN, Kind, kind_of
from carillon_operator.kube.watch import Watch

__all__ = [
    "CHILDREN",
    "Access",
    "ApiError",
    "Client",
    "Conflict",
    "Forbidden",
    "Invalid",
    "Kind",
    "NotFound",
    "NotLeading",
    "Throttled",
    "Unreachable",
    "Watch",
    "kind_of",
    "load",
]
