"""The same metrics pushed by OTLP.

Built from OpenTelemetry's own data types and sent by its own exporters; only its instruments are not used (see instruments.py).
Always cumulative.
"""

import logging
import os
import threading
import time

from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    HistogramDataPoint,
    Metric,
    MetricExporter,
    MetricsData,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
    Sum,
)
from opentelemetry.sdk.metrics.export import Gauge as GaugeData
from opentelemetry.sdk.metrics.export import Histogram as HistogramData
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from carillon.telemetry.instruments import Counter, Histogram, Instrument
from carillon.telemetry.metrics import Metrics

log = logging.getLogger(__name__)


def snapshot(metrics: Metrics, resource: Resource, began: int, now: int) -> MetricsData:
    """All metrics as they stand. began, now: Unix time in nanoseconds."""
    points = [_metric(instrument, began, now) for instrument in metrics]
    scope = ScopeMetrics(InstrumentationScope("carillon"), points, schema_url="")
    return MetricsData([ResourceMetrics(resource, [scope], schema_url="")])


def _metric(instrument: Instrument, began: int, now: int) -> Metric:
    info = instrument.info
    data: Sum | GaugeData | HistogramData
    if isinstance(instrument, Histogram):
        data = HistogramData([_bucketed(instrument, one, began, now) for one in instrument.read()], AggregationTemporality.CUMULATIVE)
    else:
        points = [NumberDataPoint(dict(zip(info.labels, key, strict=True)), began, now, value) for key, value in instrument.read()]
        data = Sum(points, AggregationTemporality.CUMULATIVE, True) if isinstance(instrument, Counter) else GaugeData(points)
    return Metric(info.name, info.help, info.unit, data)


def _bucketed(instrument: Histogram, series: tuple[tuple[str, ...], list[int], float], began: int, now: int) -> HistogramDataPoint:
    key, counts, total = series
    return HistogramDataPoint(
        attributes=dict(zip(instrument.info.labels, key, strict=True)),
        start_time_unix_nano=began,
        time_unix_nano=now,
        count=sum(counts),
        sum=total,
        bucket_counts=counts,
        explicit_bounds=instrument.bounds,
        min=None,  # type: ignore[arg-type] # optional in OTLP; the encoder leaves None out
        max=None,  # type: ignore[arg-type] # the same
    )


class MetricsPusher:
    """Exports every OTEL_METRIC_EXPORT_INTERVAL (ms, 60,000 by default) from a thread, and once more when closed."""

    def __init__(self, metrics: Metrics, exporter: MetricExporter, resource: Resource, interval: float | None = None) -> None:
        self._metrics, self._exporter, self._resource = metrics, exporter, resource
        self._interval = interval or int(os.environ.get("OTEL_METRIC_EXPORT_INTERVAL") or 60_000) / 1000
        self._began = time.time_ns()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="metrics-otlp", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._closing.wait(self._interval):
            self._export()
        self._export()
        self._exporter.shutdown()

    def _export(self) -> None:
        try:
            self._exporter.export(snapshot(self._metrics, self._resource, self._began, time.time_ns()))
        except Exception as error:
            log.warning("metrics could not be exported", extra={"why": type(error).__name__})

    def close(self) -> None:
        """Blocks until the last export is done or given up."""
        self._closing.set()
        self._thread.join()
