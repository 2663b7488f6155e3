"""Whether an object is as it was applied. What others added to it is not looked at."""

from collections.abc import Mapping
from typing import Any

from carillon_operator.resources import Object
from carillon_operator.resources.digest import digest

APPLIED = "carillon.dev/applied"
"""Annotation with the digest of what was applied: so a field that is wanted no more is noticed even by an operator that just started."""
WHOLE = frozenset({"selector", "podSelector", "namespaceSelector", "labelSelector", "nodeSelector"})
"""Maps that appliers own as one: what somebody added to them changes their meaning."""


def marked(found: Object) -> Object:
    """As it is applied, with its digest."""
    about = found["metadata"]
    annotations = {**about.get("annotations", {}), APPLIED: digest(found, 16)}
    return {**found, "metadata": {**about, "annotations": annotations}}


def drifted(wanted: Object, live: Object, accepted: str) -> bool:
    """wanted: as `marked`. accepted: `fingerprint` of what the API server made of it when it was last applied, which writes quantities
    its own way; empty: not known.
    """
    annotations = live["metadata"].get("annotations") or {}
    if annotations.get(APPLIED) != wanted["metadata"]["annotations"][APPLIED]:
        return True
    seen = projection(live, wanted)
    return seen != wanted and digest(seen, 16) != accepted


def fingerprint(wanted: Object, live: Object) -> str:
    return digest(projection(live, wanted), 16)


def projection(live: Any, shape: Any) -> Any:
    """What the live value has where the shape has something."""
    if isinstance(shape, Mapping) and isinstance(live, Mapping):
        return {key: live.get(key) if key in WHOLE else projection(live.get(key), value) for key, value in shape.items()}
    if isinstance(shape, list) and isinstance(live, list):
        return _items(live, shape)
    return live


def _items(live: list[Any], shape: list[Any]) -> list[Any]:
    for key in ("name", "uid"):
        if shape and all(isinstance(one, Mapping) and key in one for one in (*shape, *live)):
            named = {one[key]: one for one in live}
            return [projection(named.get(one[key]), one) for one in shape]
    return [projection(one, like) for one, like in zip(live, shape, strict=True)] if len(live) == len(shape) else live
