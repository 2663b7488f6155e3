"""A chart's values.yaml, with the comments above each value."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

HINT = "@schema "


@dataclass(frozen=True, slots=True)
class Value:
    """path: from the top. about: the comment above it. hint: words of its schema, which a line `@schema {…}` of that comment gives.

    inside: the values of a mapping that is written in lines of its own; one written as `{…}` is a value as a whole. section: the last
    heading (`## …`) above it.
    """

    path: tuple[str, ...]
    default: Any
    about: str
    hint: dict[str, Any] = field(default_factory=dict)
    inside: tuple["Value", ...] = ()
    section: str = ""

    @property
    def name(self) -> str:
        return ".".join(self.path)

    def leaves(self) -> Iterator["Value"]:
        if not self.inside:
            yield self
        for one in self.inside:
            yield from one.leaves()


def read(path: Path) -> tuple[Value, ...]:
    """Raises ValueError for a file that holds no mapping."""
    text = path.read_text()
    node = yaml.compose(text, Loader=yaml.SafeLoader)
    if not isinstance(node, yaml.MappingNode):
        raise ValueError(f"{path} holds no mapping")
    return tuple(_values(node, yaml.safe_load(text), text.splitlines(), ()))


def _values(node: yaml.MappingNode, content: dict[str, Any], lines: list[str], path: tuple[str, ...]) -> Iterator[Value]:
    for key, value in node.value:
        here, default = (*path, key.value), content[key.value]
        about, hint = _comment(lines, key.start_mark.line)
        nested = isinstance(value, yaml.MappingNode) and not value.flow_style
        inside = tuple(_values(value, default, lines, here)) if nested else ()
        yield Value(here, default, about, hint, inside, _section(lines, key.start_mark.line) if not path else "")


def _comment(lines: list[str], place: int) -> tuple[str, dict[str, Any]]:
    said: list[str] = []
    hint: dict[str, Any] = {}
    while place and (line := lines[place - 1].strip()).startswith("#"):
        place -= 1
        text = line.removeprefix("#").strip()
        if text.startswith(HINT):
            hint = yaml.safe_load(text.removeprefix(HINT))
        else:
            said.insert(0, text)
    return " ".join(said), hint


def _section(lines: list[str], place: int) -> str:
    return next((line.removeprefix("## ") for line in reversed(lines[:place]) if line.startswith("## ")), "")
