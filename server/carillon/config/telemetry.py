"""What the server tells of itself. OpenTelemetry's own variables are read by its SDK; a few of them switch it on here."""

from dataclasses import dataclass
from typing import Literal

from carillon.config.declare import setting

STANDARD = "A standard variable of OpenTelemetry; its others (headers, sampler, resource attributes...) work as its specification says."


@dataclass(frozen=True, slots=True)
class TelemetrySettings:
    """Telemetry"""

    metrics_port: int | None = setting(
        "METRICS_PORT",
        None,
        least=0,
        most=65_535,
        shown="no metrics port",
        example="9090",
        why="Prometheus text at /metrics on a port of its own, which a Service need not show to the public. "
        "Unset, two servers start on one host.",
    )
    log_level: Literal["debug", "info", "warning", "error"] = setting(
        "LOG_LEVEL", "info", why="One line per connection and per call, none per message."
    )
    log_format: Literal["auto", "json", "text"] = setting("LOG_FORMAT", "auto", why="`auto`: text on a terminal, JSON elsewhere.")
    otel_disabled: bool = setting("OTEL_SDK_DISABLED", False, why=STANDARD)
    otel_endpoint: str | None = setting(
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        None,
        shown="no export",
        example="http://localhost:4317",
        why="Where traces and metrics go. " + STANDARD,
    )
    otel_traces_endpoint: str | None = setting("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", None, shown="the endpoint above", why=STANDARD)
    otel_metrics_endpoint: str | None = setting("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", None, shown="the endpoint above", why=STANDARD)
    otel_protocol: Literal["grpc", "http/protobuf"] | None = setting(
        "OTEL_EXPORTER_OTLP_PROTOCOL", None, shown="grpc", why="Without it, port 4318 in the endpoint means http/protobuf. " + STANDARD
    )
    otel_traces_exporter: Literal["otlp", "none"] | None = setting(
        "OTEL_TRACES_EXPORTER", None, shown="otlp if an endpoint is set", why="`none` keeps metrics only. " + STANDARD
    )
    otel_metrics_exporter: Literal["otlp", "none"] | None = setting(
        "OTEL_METRICS_EXPORTER", None, shown="otlp if an endpoint is set", why="`none` keeps traces only. " + STANDARD
    )

    @property
    def traces(self) -> bool:
        """Whether spans are made and exported."""
        endpoint = self.otel_endpoint or self.otel_traces_endpoint
        return not self.otel_disabled and (self.otel_traces_exporter or ("otlp" if endpoint else "none")) == "otlp"

    @property
    def otlp_metrics(self) -> bool:
        """Whether metrics are pushed by OTLP as well."""
        endpoint = self.otel_endpoint or self.otel_metrics_endpoint
        return not self.otel_disabled and (self.otel_metrics_exporter or ("otlp" if endpoint else "none")) == "otlp"
