"""Lua scripts from their files, each with the shared prelude in front."""

import hashlib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files


@dataclass(frozen=True, slots=True)
class Script:
    name: str
    source: bytes
    sha1: str
    """What EVALSHA names it by, in hexadecimal."""


@cache
def load(name: str) -> Script:
    """The script `lua/<name>.lua`. Raises FileNotFoundError."""
    folder = files("carillon.store") / "lua"
    source = (folder / "_prelude.lua").read_bytes() + (folder / f"{name}.lua").read_bytes()
    return Script(name, source, hashlib.sha1(source, usedforsecurity=False).hexdigest())
