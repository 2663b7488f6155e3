"""How a field of the resource is declared: once, with all that the schema, the decoder and the documentation need.

A part of the resource is a frozen struct whose fields are `Annotated[type, about(...)]`. msgspec enforces the bounds when the operator
decodes a resource; `carillon_operator.crd` writes the same ones into the CustomResourceDefinition.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

import msgspec
from msgspec import Meta


@dataclass(frozen=True, slots=True)
class Rule:
    """A CEL rule of `x-kubernetes-validations`; one that names oldSelf is checked on changes only."""

    rule: str
    message: str

    def schema(self) -> dict[str, str]:
        return {"rule": self.rule, "message": self.message}


class Part(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """An object inside the resource. rules: what the API server checks about it as a whole."""

    rules: ClassVar[tuple[Rule, ...]] = ()


def about(
    description: str,
    *,
    least: int | None = None,
    most: int | None = None,
    longest: int | None = None,
    shortest: int | None = None,
    pattern: str | None = None,
    rules: tuple[Rule, ...] = (),
    keys: tuple[str, ...] = (),
    unique: bool = False,
    **extra: Any,
) -> Meta:
    """What a field says of itself.

    least, most: inclusive bounds of a number. shortest, longest: characters of a string, items of a list, entries of a map.
    keys: the list is a map by these fields. unique: the list is a set. extra: more words of the schema; nullable=False for what a rule of
    the object around it looks into, since rules cannot handle null.
    """
    if rules:
        extra["x-kubernetes-validations"] = [one.schema() for one in rules]
    if keys:
        extra |= {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": list(keys)}
    if unique:
        extra["x-kubernetes-list-type"] = "set"
    bounds: dict[str, Any] = {"ge": least, "le": most, "min_length": shortest, "max_length": longest, "pattern": pattern}
    return Meta(description=description, extra_json_schema=extra or None, **{name: one for name, one in bounds.items() if one is not None})
