"""SignalingClusters for tests: made from specs as people write them, or at random from the schema itself."""

from typing import Any

from hypothesis import strategies as st

from carillon_operator.crd import definition
from carillon_operator.resources import Cluster, Defaults
from carillon_operator.spec import decode

DEFAULTS = Defaults(server_image="example.com/carillon:1.2.3", redis_image="redis:8.2-alpine", namespace="carillon-system")


def cluster(spec: dict[str, Any] | None = None, name: str = "calls", namespace: str = "prod") -> Cluster:
    return Cluster(name, namespace, "7e2b7c2e-0000-4000-8000-000000000001", decode({"spec": spec or {}}).spec, DEFAULTS)


def specs() -> st.SearchStrategy[dict[str, Any]]:
    """Any spec that the schema takes, its CEL rules aside."""
    root: dict[str, Any] = definition()["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    return _values(root["properties"]["spec"])


def _values(schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    match schema:
        case {"enum": values}:
            found: st.SearchStrategy[Any] = st.sampled_from(values)
        case {"x-kubernetes-int-or-string": True, "minimum": least}:
            found = st.integers(least, least + 100) | _text(schema)
        case {"type": "integer", "minimum": least, "maximum": most}:
            found = st.integers(least, most)
        case {"type": "boolean"}:
            found = st.booleans()
        case {"type": "string"}:
            found = _text(schema)
        case {"type": "array", "items": items}:
            found = _lists(schema, items)
        case {"type": "object", "additionalProperties": values}:
            found = st.dictionaries(st.from_regex(r"[a-z]{1,8}\.example\.com/[a-z]{1,8}", fullmatch=True), _values(values), max_size=2)
        case {"type": "object", "properties": properties}:
            required = schema.get("required", [])
            found = st.fixed_dictionaries(
                {name: _values(properties[name]) for name in required},
                optional={name: st.deferred(lambda one=one: _values(one)) for name, one in properties.items() if name not in required},
            )
        case _:
            raise TypeError(f"nothing to draw for {schema}")
    return found | st.none() if schema.get("nullable") else found


def _text(schema: dict[str, Any]) -> st.SearchStrategy[str]:
    least, most = schema.get("minLength", 0), schema["maxLength"]
    if pattern := schema.get("pattern"):
        return st.from_regex(pattern.removesuffix("$") + r"\Z", alphabet=st.characters(min_codepoint=32, max_codepoint=126)).filter(
            lambda text: least <= len(text) <= most
        )
    return st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=least, max_size=min(most, 12))


def _lists(schema: dict[str, Any], items: dict[str, Any]) -> st.SearchStrategy[list[Any]]:
    least = schema.get("minItems", 0)
    drawn: dict[str, Any] = {"min_size": least, "max_size": least + 2}
    if keys := schema.get("x-kubernetes-list-map-keys"):
        return st.lists(_values(items), unique_by=tuple(lambda one, key=key: one[key] for key in keys), **drawn)
    if schema.get("x-kubernetes-list-type") == "set":
        return st.lists(_values(items), unique=True, **drawn)
    return st.lists(_values(items), **drawn)
