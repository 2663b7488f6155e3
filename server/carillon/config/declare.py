"""How a setting is declared: once, with all that is known of it.

A section is a frozen dataclass whose fields are made by `setting`. Reading (`carillon.config.reading`), the documentation and
`.env.example` (`carillon.config.docs`) follow from these declarations alone.
"""

import types
import typing
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields
from typing import Any, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Setting:
    """What is known of one environment variable.

    unit: of the number, as in `s` or `bytes`; empty where there is none. least, most: inclusive bounds of a number.
    parse: text → value, raising ValueError with what is expected; None: by the field's type.
    shown: the default in words, where the value says too little. example: a value that works, for `.env.example`.
    hidden: for tests and development, left out of `.env.example`.
    """

    env: str
    why: str
    unit: str = ""
    secret: bool = False
    hidden: bool = False
    least: float | None = None
    most: float | None = None
    parse: Callable[[str], Any] | None = None
    shown: str | None = None
    example: str | None = None


@dataclass(frozen=True, slots=True)
class Declared:
    """A setting in its place: the dataclass field and the type it has there."""

    field: str
    type: Any
    default: Any
    setting: Setting

    @property
    def optional(self) -> bool:
        return types.NoneType in typing.get_args(self.type)

    @property
    def base(self) -> Any:
        """The type without `| None`."""
        if not self.optional:
            return self.type
        rest = [one for one in typing.get_args(self.type) if one is not types.NoneType]
        return rest[0] if len(rest) == 1 else typing.Union[tuple(rest)]  # noqa: UP007 - built from a list, which `|` cannot do


def setting(
    env: str,
    default: T,
    *,
    why: str,
    unit: str = "",
    secret: bool = False,
    hidden: bool = False,
    least: float | None = None,
    most: float | None = None,
    parse: Callable[[str], Any] | None = None,
    shown: str | None = None,
    example: str | None = None,
) -> T:
    """A dataclass field read from `env`. Secrets stay out of `repr`."""
    about = Setting(env, why, unit, secret, hidden, least, most, parse, shown, example)
    return field(default=default, repr=not secret, metadata={"setting": about})


def declared(section: type) -> Iterator[Declared]:
    """The settings of a section, in the order in which they stand there; those of nested sections are not among them."""
    hints = typing.get_type_hints(section)
    for one in fields(section):
        about = one.metadata.get("setting")
        if about is not None:
            yield Declared(one.name, hints[one.name], one.default, about)


def nested(section: type) -> Iterator[tuple[str, type]]:
    """The sections inside a section: field name and class."""
    hints = typing.get_type_hints(section)
    for one in fields(section):
        if "setting" not in one.metadata:
            yield one.name, hints[one.name]
