"""Types become an OpenAPI schema, structural as the API server wants it."""

from typing import Any

import msgspec
from msgspec import NODEFAULT
from msgspec import inspect as shape

from carillon_operator.spec.declare import Part

Schema = dict[str, Any]
_CONTAINERS = ("object", "array")


def schema(kind: shape.Type) -> Schema:
    """Raises TypeError for a type that the API server could not bound."""
    match kind:
        case shape.Metadata(type=inner, extra_json_schema=extra):
            return _ordered({**schema(inner), **(extra or {})})
        case shape.StructType():
            return _object(kind)
        case shape.UnionType(types=types):
            return _union([one for one in types if not isinstance(one, shape.NoneType)])
        case shape.IntType(ge=int(least), le=int(most)):
            return {"type": "integer", "format": "int32" if most < 2**31 else "int64", "minimum": least, "maximum": most}
        case shape.StrType(max_length=int(longest)):
            bounds = {"minLength": kind.min_length, "maxLength": longest, "pattern": kind.pattern}
            return {"type": "string", **{name: one for name, one in bounds.items() if one is not None}}
        case shape.LiteralType(values=values):
            return {"type": "string", "enum": list(values)}
        case shape.BoolType():
            return {"type": "boolean"}
        case shape.VarTupleType(max_length=int(most)):
            fewest = {"minItems": kind.min_length} if kind.min_length else {}
            return {"type": "array", **fewest, "maxItems": most, "items": schema(kind.item_type)}
        case shape.DictType(max_length=int(most)):
            return {"type": "object", "maxProperties": most, "additionalProperties": schema(kind.value_type)}
    raise TypeError(f"no bounded schema for {kind}")


def _union(types: list[shape.Type]) -> Schema:
    """A number or a string (quantities, percentages); anything else has one type beside None."""
    if len(types) == 1:
        return schema(types[0])
    number, text = schema(types[0]), schema(types[1])
    return {"x-kubernetes-int-or-string": True, "maxLength": text["maxLength"], "pattern": text["pattern"], "minimum": number["minimum"]}


def _object(kind: shape.StructType) -> Schema:
    properties: Schema = {}
    for one in kind.fields:
        field = schema(one.type)
        if not one.required and field.get("type") in _CONTAINERS and field.pop("nullable", True):
            field["nullable"] = True
        elif one.default is not NODEFAULT and one.default not in (None, "", ()):
            field["default"] = one.default
        properties[one.encode_name] = _ordered(field)
    found: Schema = {"type": "object", "description": _text(kind.cls)}
    if required := [one.encode_name for one in kind.fields if one.required]:
        found["required"] = required
    if issubclass(kind.cls, Part) and kind.cls.rules:
        found["x-kubernetes-validations"] = [rule.schema() for rule in kind.cls.rules]
    return found | {"properties": properties}


def _text(cls: type) -> str:
    return " ".join((cls.__doc__ or "").split())


def _ordered(found: Schema) -> Schema:
    """Words before structure: people read the file too."""
    first = [name for name in ("description", "type", "format", "nullable", "default") if name in found]
    return {name: found[name] for name in [*first, *(name for name in found if name not in first)]}


def of(cls: type[msgspec.Struct]) -> Schema:
    return schema(shape.type_info(cls))
