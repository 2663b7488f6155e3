"""The table of a chart's values, between two marks of its README."""

import json
from collections.abc import Iterable
from itertools import groupby
from typing import Any

from carillon_operator.charts.values import Value
from carillon_operator.crd.schema import Schema

BEGIN, END = "<!-- values:begin -->", "<!-- values:end -->"


def renewed(text: str, values: Iterable[Value], schema: Schema) -> str:
    """A README with its table renewed. Raises ValueError where the marks are missing."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the README needs {BEGIN} and {END}")
    return f"{before}{BEGIN}\n{table(values, schema)}{END}{after}"


def table(values: Iterable[Value], schema: Schema) -> str:
    parts = []
    for section, ones in groupby(values, key=lambda one: one.section):
        lines = [f"### {section}", "", "| Value | Type | Default | Meaning |", "|---|---|---|---|"]
        lines += [_row(leaf, _at(schema, leaf.path)) for one in ones for leaf in one.leaves()]
        parts.append("\n".join(lines))
    return "\n\n".join(parts) + "\n"


def _row(value: Value, found: Schema) -> str:
    default = json.dumps(value.default, ensure_ascii=False) if value.default not in ("", None) else ""
    shown = f"`{default}`" if default else ""
    return f"| `{value.name}` | {kind(found)} | {shown} | {_escaped(value.about)} |"


def _at(schema: Schema, path: tuple[str, ...]) -> Schema:
    for name in path:
        schema = schema["properties"][name]
    return schema


def kind(found: dict[str, Any]) -> str:
    match found:
        case {"anyOf": [{"const": ""}, other]}:
            return kind(other)
        case {"anyOf": [*others]}:
            return " or ".join(kind(one) for one in others)
        case {"enum": values}:
            return ", ".join(f"`{one}`" for one in values if one)
        case {"type": ["integer", "null"] | "integer", "minimum": least, "maximum": most}:
            return f"{least} to {most}"
        case {"type": "integer"}:
            return "number"
        case {"type": "string"}:
            return "text"
        case {"type": "array"}:
            return "list"
        case {"type": "object", "additionalProperties": dict()}:
            return "map"
    return str(found["type"])


def _escaped(text: str) -> str:
    return text.replace("|", "\\|")
