"""values.schema.json: of what a chart's values are. What has a field in the resource's spec takes its bounds from there."""

import re
from collections.abc import Iterable
from typing import Any

from carillon_operator.charts.values import Value
from carillon_operator.crd.schema import Schema, of
from carillon_operator.spec import Spec

DRAFT = "https://json-schema.org/draft/2020-12/schema"
WORDS = {
    "type", "enum", "pattern", "minLength", "maxLength", "minimum", "maximum", "minItems", "maxItems", "maxProperties", "required",
    "uniqueItems", "const", "anyOf",
}  # fmt: skip
"""What is taken over from a structural schema as it is."""
TYPES = {bool: "boolean", int: "integer", str: "string", list: "array", dict: "object"}


def schema(values: Iterable[Value], title: str, *, like_spec: bool) -> Schema:
    """like_spec: a value whose path is one of the spec's is bounded as there; else only those whose hint names a path (`crd`)."""
    spec = of(Spec)
    found = _object({one.path[-1]: _value(one, spec, like_spec) for one in values}, values)
    # What Helm gives to every subchart.
    found["properties"]["global"] = {"type": "object"}
    return {"$schema": DRAFT, "title": title} | found


def _object(properties: Schema, values: Iterable[Value]) -> Schema:
    """Every value must be there: a null would remove one, and a template would read it as something else."""
    required = [one.path[-1] for one in values if "null" not in properties[one.path[-1]].get("type", ())]
    return {"type": "object", "additionalProperties": False, "required": required, "properties": properties}


def _value(value: Value, spec: Schema, like_spec: bool) -> Schema:
    if value.inside:
        return _object({one.path[-1]: _value(one, spec, like_spec) for one in value.inside}, value.inside)
    place = value.hint.get("crd") or (value.name if like_spec else "")
    base = closed(_at(spec, place)) if place and _at(spec, place) else {"type": TYPES.get(type(value.default), "null")}
    hint = {name: word for name, word in value.hint.items() if name != "crd"}
    return {"description": value.about} | _with_default(base | hint, value.default)


def _at(spec: Schema, place: str) -> Schema:
    """Empty where the spec has no such field."""
    for name in place.split("."):
        spec = spec.get("properties", {}).get(name, {})
    return spec


def closed(found: Schema) -> Schema:
    """A structural schema as JSON Schema, in which nothing unknown is allowed."""
    if found.get("x-kubernetes-int-or-string"):
        number = {"type": "integer", "minimum": found["minimum"]}
        return {"anyOf": [number, {"type": "string", "maxLength": found["maxLength"], "pattern": found["pattern"]}]}
    made = {name: word for name, word in found.items() if name in WORDS}
    if found.get("x-kubernetes-list-type") == "set":
        made["uniqueItems"] = True
    if "items" in found:
        made["items"] = closed(found["items"])
    if "properties" in found:
        made |= {"properties": {name: closed(one) for name, one in found["properties"].items()}, "additionalProperties": False}
    elif "additionalProperties" in found:
        made["additionalProperties"] = closed(found["additionalProperties"])
    return made


def _with_default(found: Schema, default: Any) -> Schema:
    """The same, with the default allowed: an empty text or null means absent."""
    match default:
        case None:
            return found | {"type": [*_list(found.get("type", "null")), "null"]} if found.get("type") != "null" else found
        case "" if "enum" in found:
            return found | {"enum": ["", *(one for one in found["enum"] if one)]}
        case "" if "anyOf" in found or "minLength" in found or not re.search(found.get("pattern", ""), ""):
            return {"anyOf": [{"const": ""}, found]}
        case []:
            return {name: word for name, word in found.items() if name != "minItems"}
        case dict() if "properties" in found:
            inside = {name: _with_default(one, default.get(name)) if name in default else one for name, one in found["properties"].items()}
            return {name: one for name, one in found.items() if name != "required"} | {"properties": inside}
    return found


def _list(kind: str | list[str]) -> list[str]:
    return kind if isinstance(kind, list) else [kind]
