"""Environment → section. Every mistake is collected; none quotes a secret."""

import math
import re
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, TypeVar

from carillon.config.declare import Declared, declared, nested
from carillon.config.values import listed

S = TypeVar("S")

ON = ("on", "true", "yes", "1")
OFF = ("off", "false", "no", "0")


def read(section: type[S], environ: Mapping[str, str], problems: list[str]) -> S:
    """One section with all inside it. What cannot be read is told in `problems` and has its default in the result."""
    values: dict[str, Any] = {name: read(inner, environ, problems) for name, inner in nested(section)}
    for one in declared(section):
        # An empty variable is an unset one: Compose files and charts pass them on that way.
        text = environ.get(one.setting.env, "").strip()
        if not text:
            continue
        try:
            values[one.field] = convert(text, one)
        except ValueError as error:
            problems.append(_problem(one, text, str(error)))
    return section(**values)


def convert(text: str, one: Declared) -> Any:
    """The value of a setting's text. Raises ValueError with what is expected, which quotes nothing of the text."""
    if one.setting.parse is not None:
        return one.setting.parse(text)
    kind = one.base
    if typing.get_origin(kind) is Literal:
        return _choice(text, typing.get_args(kind))
    if kind is bool:
        return _switch(text)
    if kind in (int, float):
        return _number(text, kind, one)
    if kind is Path:
        return _file(text)
    if typing.get_origin(kind) is tuple:
        return listed(text)
    return text


def _choice(text: str, choices: tuple[str, ...]) -> str:
    if text.lower() not in choices:
        raise ValueError(" or ".join(choices))
    return text.lower()


def _switch(text: str) -> bool:
    if text.lower() not in ON + OFF:
        raise ValueError("on or off (true, false, yes, no, 1 and 0 will do)")
    return text.lower() in ON


def _number(text: str, kind: type[int] | type[float], one: Declared) -> int | float:
    about = one.setting
    unit = f" {about.unit}" if about.unit else ""
    bounds = f" from {about.least:,.10g} to {about.most:,.10g}{unit}" if about.least is not None and about.most is not None else unit
    expected = ("a whole number" if kind is int else "a number") + bounds
    try:
        value = kind(text)
    except ValueError:
        raise ValueError(expected) from None
    too_small = about.least is not None and value < about.least
    too_big = about.most is not None and value > about.most
    if too_small or too_big or not math.isfinite(value):
        raise ValueError(expected)
    return value


def _file(text: str) -> Path:
    path = Path(text)
    try:
        with path.open("rb"):
            return path
    except OSError as error:
        raise ValueError(f"the path of a file that can be read ({error.strerror})") from None


def _shown(text: str) -> str:
    """Enough of a value to find it again; passwords in URLs are left out."""
    text = re.sub(r"//[^/]*@", "//…@", text)
    return text if len(text) <= 80 else text[:80] + "…"


def _problem(one: Declared, text: str, expected: str) -> str:
    about = one.setting
    if text.startswith("tcp://") and about.env.endswith("_PORT"):
        service = about.env.removesuffix("_PORT").lower().replace("_", "-")
        return (
            f"{about.env} was set by Kubernetes because of a Service named {service!r}. "
            f"Set enableServiceLinks: false in the pod, or {about.env} itself."
        )
    value = "its value (not shown)" if about.secret else repr(_shown(text))
    return f"{about.env}: {value} is not {expected}. Set it so, or leave it unset."
