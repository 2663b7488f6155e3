"""What tests measure on the way and nobody asserts, printed when all have run."""

import contextlib
import time
from collections.abc import Iterator

import pytest


class Figures:
    def __init__(self) -> None:
        self._lines: list[str] = []

    def add(self, name: str, value: object) -> None:
        self._lines.append(f"{name}: {value}")

    @contextlib.contextmanager
    def took(self, name: str) -> Iterator[None]:
        """The seconds that its body takes; nothing if that fails."""
        began = time.monotonic()
        yield
        self.add(name, f"{time.monotonic() - began:.1f} s")

    def show(self, config: pytest.Config) -> None:
        capture = config.pluginmanager.getplugin("capturemanager")
        with capture.global_and_fixture_disabled() if capture else contextlib.nullcontext():
            print("\nfigures:", *self._lines, sep="\n  ", flush=True)
