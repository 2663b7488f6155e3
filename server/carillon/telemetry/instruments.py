"""Counters, gauges and histograms as plain numbers, read by whoever collects them.

Written from the event loop alone and read from any thread: a reader may see a histogram between its count and its sum, never a broken one.
An observation costs some 0.1 µs; prometheus-client's own take 0.3 to 0.7 µs, the OpenTelemetry SDK's 5 µs.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

MOST = 64
"""Label values that one instrument keeps apart; those beyond are counted as `other`. Labels never hold what a client made up."""
OTHER = "other"

Number = int | float
Key = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Info:
    """name: as OpenTelemetry writes it, `carillon.call.ring`. unit: UCUM, as in `s` or `{call}`."""

    name: str
    unit: str
    help: str
    labels: tuple[str, ...] = ()

    @property
    def prometheus(self) -> str:
        """The name for Prometheus, without the `_total` of counters (OpenTelemetry's Prometheus compatibility)."""
        unit = {"s": "_seconds", "By": "_bytes"}.get(self.unit, "")
        return self.name.replace(".", "_") + unit


class _Numbers:
    """Numbers by label values. `known` ones are there from the start, as 0: a rate can only be told of what was seen before."""

    __slots__ = ("info", "values")

    def __init__(self, info: Info, known: Sequence[Key] = ()) -> None:
        self.info = info
        self.values: dict[Key, Number] = dict.fromkeys(known if info.labels else [()], 0)

    def read(self) -> list[tuple[Key, Number]]:
        return list(self.values.items())


class Counter(_Numbers):
    __slots__ = ()

    def inc(self, *key: str, by: Number = 1) -> None:
        values = self.values
        if key not in values and len(values) >= MOST:
            key = (OTHER,) * len(key)
        values[key] = values.get(key, 0) + by


class Gauge(_Numbers):
    __slots__ = ("_source", "_state")

    def __init__(self, info: Info, known: Sequence[Key] = ()) -> None:
        super().__init__(info, known)
        self._source: Callable[[], Number] | None = None
        self._state: Callable[[], Sequence[Key]] | None = None

    def set(self, value: Number, *key: str) -> None:
        self.values[key] = value

    def add(self, by: Number, *key: str) -> None:
        self.values[key] = self.values.get(key, 0) + by

    def follow(self, source: Callable[[], Number]) -> None:
        """Ask `source` at each collection instead, from whatever thread collects; for gauges without labels."""
        self._source = source

    def follow_labels(self, source: Callable[[], Sequence[Key]]) -> None:
        """Ask `source` which label values hold, each of which reads 1: for what is told by labels alone."""
        self._state = source

    def read(self) -> list[tuple[Key, Number]]:
        if self._state is not None:
            return [(key, 1) for key in self._state()]
        return super().read() if self._source is None else [((), self._source())]


class Histogram:
    """Counts per bucket; bucket i holds what is at most bounds[i], the last one the rest."""

    __slots__ = ("bounds", "info", "series")

    def __init__(self, info: Info, bounds: Sequence[float], known: Sequence[Key] = ()) -> None:
        self.info, self.bounds = info, tuple(bounds)
        self.series: dict[Key, list[Number]] = {}
        for key in known if info.labels else [()]:
            self._new(key)

    def _new(self, key: Key) -> "list[Number]":
        if len(self.series) >= MOST:
            key = (OTHER,) * len(key)
        # One list, so that one look-up finds all: the buckets, then the sum.
        return self.series.setdefault(key, [0] * (len(self.bounds) + 2))

    def observe(self, value: float, *key: str) -> None:
        series = self.series.get(key) or self._new(key)
        series[bisect_left(self.bounds, value)] += 1
        series[-1] += value

    def read(self) -> Iterator[tuple[Key, list[int], float]]:
        """(key, counts per bucket, sum)"""
        for key, series in list(self.series.items()):
            now = series[:]
            yield key, [int(count) for count in now[:-1]], float(now[-1])


Instrument = Counter | Gauge | Histogram
