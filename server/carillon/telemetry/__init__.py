"""What the server tells of itself: traces of calls, metrics, log lines."""

from carillon.telemetry.calls import CallTelemetry
from carillon.telemetry.lag import watch_loop
from carillon.telemetry.lines import call_ended, connection_closed, connection_opened, connection_refused
from carillon.telemetry.logs import configure_logging, redact, silence
from carillon.telemetry.metrics import Metrics
from carillon.telemetry.start import Telemetry
from carillon.telemetry.tracing import Moment, Off, Span, Tracer, trace_id

__all__ = [
    "CallTelemetry",
    "Metrics",
    "Moment",
    "Off",
    "Span",
    "Telemetry",
    "Tracer",
    "call_ended",
    "configure_logging",
    "connection_closed",
    "connection_opened",
    "connection_refused",
    "redact",
    "silence",
    "trace_id",
    "watch_loop",
]
