"""The metrics as people read them: `python -m carillon.telemetry.docs` prints docs/metrics.md."""

import sys

from carillon.telemetry.instruments import Counter, Histogram, Instrument
from carillon.telemetry.metrics import Metrics

INTRODUCTION = """\
# Metrics

Served as Prometheus text at `/metrics` on `METRICS_PORT`, and pushed by OTLP where `OTEL_EXPORTER_OTLP_ENDPOINT` is set: the same numbers
under both names. OTLP is always cumulative. Beside them stand Prometheus' usual ones of the process (memory, CPU, open files, garbage
collection). Labels whose values are named are there from the start, as 0.

| Prometheus | OpenTelemetry | Type | Labels | Meaning |
|---|---|---|---|---|
"""


def markdown() -> str:
    return INTRODUCTION + "".join(_row(instrument) for instrument in Metrics())


def _row(instrument: Instrument) -> str:
    info = instrument.info
    kind = type(instrument).__name__.lower()
    name = info.prometheus + ("_total" if isinstance(instrument, Counter) else "_bucket" if isinstance(instrument, Histogram) else "")
    labels = "; ".join(_label(instrument, at) for at in range(len(info.labels)))
    return f"| `{name}` | `{info.name}` | {kind} | {labels} | {info.help} |\n"


def _label(instrument: Instrument, at: int) -> str:
    """A label with those of its values that are there from the start, as 0."""
    known = dict.fromkeys(f"`{seen[0][at]}`" for seen in instrument.read())
    return f"`{instrument.info.labels[at]}`" + (f": {', '.join(known)}" if known else "")


if __name__ == "__main__":
    sys.stdout.write(markdown())
