"""What the server tells of itself. OpenTelemetry's own variables are read by its SDK; a few of them switch it on here."""

import re
from dataclasses import dataclass
from typing import Literal

from carillon.config.declare import setting

Exporter = Literal["otlp", "none"]
Protocol = Literal["grpc", "http/protobuf"]


@dataclass(frozen=True, slots=True)
class TelemetrySettings:
    """Telemetry

    The variables of OpenTelemetry are its standard ones; those not listed (headers, compression, certificate, timeouts, sampler, resource
    attributes, service name, span and batch limits) work as its specification says. Without an endpoint nothing is traced, at no cost.
    """

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
    otel_disabled: bool = setting("OTEL_SDK_DISABLED", False, why="Turns off traces and OTLP metrics, whatever else is set.")
    otel_endpoint: str | None = setting(
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        None,
        shown="no export",
        example="http://localhost:4318",
        why="Where traces and metrics go: a collector, or any backend that takes OTLP.",
    )
    otel_traces_endpoint: str | None = setting(
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", None, shown="the endpoint above", why="Where traces go, if elsewhere."
    )
    otel_metrics_endpoint: str | None = setting(
        "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", None, shown="the endpoint above", why="Where metrics go, if elsewhere."
    )
    otel_protocol: Protocol | None = setting(
        "OTEL_EXPORTER_OTLP_PROTOCOL",
        None,
        shown="`grpc` at port 4317, else `http/protobuf`",
        why="4317 is OTLP's port for gRPC, 4318 the one for HTTP.",
    )
    otel_traces_protocol: Protocol | None = setting(
        "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", None, shown="the protocol above", why="For traces, if another."
    )
    otel_metrics_protocol: Protocol | None = setting(
        "OTEL_EXPORTER_OTLP_METRICS_PROTOCOL", None, shown="the protocol above", why="For metrics, if another."
    )
    otel_traces_exporter: Exporter | None = setting(
        "OTEL_TRACES_EXPORTER",
        None,
        shown="`otlp` if an endpoint is set",
        why="`none` keeps metrics only; `otlp` without an endpoint: localhost.",
    )
    otel_metrics_exporter: Exporter | None = setting(
        "OTEL_METRICS_EXPORTER",
        None,
        shown="`otlp` if an endpoint is set",
        why="`none` keeps traces only; the metrics port does not depend on it.",
    )

    @property
    def traces(self) -> Protocol | None:
        """How spans are exported; None: they are not made."""
        return self._protocol(self.otel_traces_exporter, self.otel_traces_endpoint, self.otel_traces_protocol)

    @property
    def metrics(self) -> Protocol | None:
        """How metrics are pushed; None: they are not."""
        return self._protocol(self.otel_metrics_exporter, self.otel_metrics_endpoint, self.otel_metrics_protocol)

    def _protocol(self, exporter: Exporter | None, own: str | None, protocol: Protocol | None) -> Protocol | None:
        endpoint = own or self.otel_endpoint
        if self.otel_disabled or (exporter or ("otlp" if endpoint else "none")) == "none":
            return None
        by_port: Protocol = "grpc" if endpoint and re.search(r":4317/?$", endpoint) else "http/protobuf"
        return protocol or self.otel_protocol or by_port
