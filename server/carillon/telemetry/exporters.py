"""OTLP exporters by protocol. Their endpoints, headers, certificates and time-outs come from OTEL_* (OpenTelemetry specification)."""

from typing import Literal

from opentelemetry.sdk.metrics.export import MetricExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter

from carillon.telemetry.metrics import Metrics
from carillon.telemetry.otel import OtelTracer
from carillon.telemetry.otlp import MetricsPusher
from carillon.telemetry.tracing import Attributes

Protocol = Literal["grpc", "http/protobuf"]


def tracer(protocol: Protocol, resource: Resource, database: Attributes) -> OtelTracer:
    exporter: SpanExporter
    if protocol == "grpc":
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as Grpc

        exporter = Grpc()
    else:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as Http

        exporter = Http()
    return OtelTracer(BatchSpanProcessor(exporter), resource, database)


def pusher(protocol: Protocol, metrics: Metrics, resource: Resource) -> MetricsPusher:
    exporter: MetricExporter
    if protocol == "grpc":
        from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter as Grpc

        exporter = Grpc()
    else:
        from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter as Http

        exporter = Http()
    return MetricsPusher(metrics, exporter, resource)
