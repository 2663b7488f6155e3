"""What tests measure on the way and nobody asserts, printed when all have run."""

import contextlib
import logging
import math
import time
from collections.abc import Iterator

import pytest


class Figures:
    def __init__(self) -> None:
        self._lines: list[str] = []

    def add(self, name: str, value: object) -> None:
        self._lines.append(f"{name}: {value}")
        # At once, too, for who watches a long run, or finds it broken off.
        logging.getLogger(__name__).info("%s: %s", name, value)

    def spread(self, name: str, seconds: list[float]) -> None:
        """Of many: median, 99th percentile and worst."""
        ordered = sorted(seconds)
        middle, most = ordered[len(ordered) // 2], ordered[math.ceil(len(ordered) * 0.99) - 1]
        self.add(name, f"median {middle:.2f} s, p99 {most:.2f} s, worst {ordered[-1]:.2f} s of {len(ordered)}")

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
