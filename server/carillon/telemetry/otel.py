"""The tracer that writes spans by the OpenTelemetry SDK."""

import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field

from opentelemetry import context, trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import ALWAYS_ON, Decision
from opentelemetry.semconv.attributes.db_attributes import (
    DB_NAMESPACE,
    DB_OPERATION_NAME,
    DB_STORED_PROCEDURE_NAME,
    DB_SYSTEM_NAME,
)
from opentelemetry.semconv.attributes.error_attributes import ERROR_TYPE
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind, Status, StatusCode, TraceFlags

from carillon.telemetry.tracing import NO_SPAN, Attributes, Kind, Moment, Span, Value

KINDS: Mapping[Kind, SpanKind] = {"internal": SpanKind.INTERNAL, "server": SpanKind.SERVER, "client": SpanKind.CLIENT}
SESSION = "carillon.session_id"
MOST_RELAYS = 10_000
"""Calls whose relayed messages are counted at once; the oldest is written down early when there are more."""


class _Ids(RandomIdGenerator):
    """Random ids, save for the root span of a call: its ids were given out when the call began."""

    given: SpanContext | None = None

    def generate_trace_id(self) -> int:
        return self.given.trace_id if self.given else super().generate_trace_id()

    def generate_span_id(self) -> int:
        return self.given.span_id if self.given else super().generate_span_id()


@dataclass(slots=True)
class _Relays:
    """Messages relayed in one call by this pod: (how many, first, last) by type; times in nanoseconds since 1970."""

    counts: dict[str, tuple[int, int, int]] = field(default_factory=dict)

    def add(self, name: str, now: int) -> None:
        count, first, _ = self.counts.get(name, (0, now, now))
        self.counts[name] = (count + 1, first, now)


class _Active:
    """A span of the SDK as the service may use it."""

    __slots__ = ("_span",)

    def __init__(self, span: trace.Span) -> None:
        self._span = span

    def set(self, key: str, value: Value) -> None:
        self._span.set_attribute(key, value)

    def event(self, name: str, attributes: Attributes | None = None) -> None:
        self._span.add_event(name, attributes)

    def fail(self, error_type: str) -> None:
        self._span.set_attribute(ERROR_TYPE, error_type)
        self._span.set_status(Status(StatusCode.ERROR))


class OtelTracer:
    """Whether a call is traced is decided once, when it begins, by the SDK's own sampler (OTEL_TRACES_SAMPLER)."""

    on = True

    def __init__(self, processor: SpanProcessor, resource: Resource, database: Attributes | None = None) -> None:
        """database: attributes that every command's span carries, as `server.address`."""
        self._ids = _Ids()
        self._provider = TracerProvider(resource=resource, id_generator=self._ids, shutdown_on_exit=False)
        self._sampler, self._provider.sampler = self._provider.sampler, ALWAYS_ON
        self._provider.add_span_processor(processor)
        self._tracer = self._provider.get_tracer("carillon")
        self._database = {DB_SYSTEM_NAME: "redis", DB_OPERATION_NAME: "EVALSHA", DB_NAMESPACE: "0", **(database or {})}
        self._relays: dict[str, _Relays] = {}

    def start_call(self, session_id: str) -> str:
        trace_id, span_id = self._ids.generate_trace_id(), self._ids.generate_span_id()
        decided = self._sampler.should_sample(context.Context(), trace_id, "call", SpanKind.INTERNAL, {SESSION: session_id})
        return f"00-{trace_id:032x}-{span_id:016x}-01" if decided.decision is Decision.RECORD_AND_SAMPLE else ""

    def child(
        self, name: str, traceparent: str, attributes: Attributes | None = None, kind: Kind = "internal"
    ) -> AbstractContextManager[Span]:
        root = parse(traceparent)
        if root is None:
            return NO_SPAN
        active = trace.get_current_span()
        parent = active if active.get_span_context().trace_id == root.trace_id else NonRecordingSpan(root)
        return self._under_way(name, parent, attributes, KINDS[kind])

    def command(self, script: str, traceparent: str = "") -> AbstractContextManager[Span]:
        parent = trace.get_current_span()
        # An ended one was inherited by a task that outlived it, and may be of another call by now.
        if not parent.is_recording():
            root = parse(traceparent)
            if root is None:
                return NO_SPAN
            parent = NonRecordingSpan(root)
        attributes = {**self._database, DB_STORED_PROCEDURE_NAME: script}
        return self._under_way(f"EVALSHA {script}", parent, attributes, SpanKind.CLIENT)

    @contextmanager
    def _under_way(self, name: str, parent: trace.Span, attributes: Attributes | None, kind: SpanKind) -> Iterator[Span]:
        span = self._tracer.start_span(name, trace.set_span_in_context(parent, context.Context()), kind, attributes)
        token = context.attach(trace.set_span_in_context(span))
        active = _Active(span)
        try:
            yield active
        except BaseException as error:
            active.fail(type(error).__name__)
            raise
        finally:
            context.detach(token)
            span.end()

    def relayed(self, traceparent: str, name: str) -> None:
        if not traceparent:
            return
        relays = self._relays.get(traceparent)
        if relays is None:
            if len(self._relays) >= MOST_RELAYS:
                self.settle(next(iter(self._relays)))
            relays = self._relays[traceparent] = _Relays()
        relays.add(name, time.time_ns())

    def settle(self, traceparent: str) -> None:
        relays, root = self._relays.pop(traceparent, None), parse(traceparent)
        if relays is None or root is None:
            return
        began = min(first for _, first, _ in relays.counts.values())
        ended = max(last for _, _, last in relays.counts.values())
        parent = trace.set_span_in_context(NonRecordingSpan(root), context.Context())
        span = self._tracer.start_span("call.relay", parent, start_time=began)
        for name, (count, first, _) in relays.counts.items():
            span.add_event(name, {"carillon.relay.count": count}, first)
            span.set_attribute(f"carillon.relay.{name}", count)
        span.end(ended)

    def end_call(
        self,
        traceparent: str,
        *,
        began: int,
        ended: int,
        attributes: Attributes,
        moments: tuple[Moment, ...] = (),
        failed: str = "",
    ) -> None:
        root = parse(traceparent)
        if root is None:
            return
        self._ids.given = root
        try:
            span = self._tracer.start_span("call", context.Context(), SpanKind.INTERNAL, attributes, start_time=began * 1000)
        finally:
            self._ids.given = None
        for moment in moments:
            span.add_event(moment.name, timestamp=moment.at * 1000)
        if failed:
            _Active(span).fail(failed)
        span.end(ended * 1000)

    def close(self) -> None:
        """Write down what was counted and export what is left. Blocks, at worst for as long as the exporter tries (30 s)."""
        for traceparent in list(self._relays):
            self.settle(traceparent)
        self._provider.shutdown()


def parse(traceparent: str) -> SpanContext | None:
    """The span that a traceparent names; None for an empty or malformed one. Unsampled calls have none."""
    if len(traceparent) != 55:
        return None
    try:
        trace_id, span_id = int(traceparent[3:35], 16), int(traceparent[36:52], 16)
    except ValueError:
        return None
    return SpanContext(trace_id, span_id, is_remote=True, trace_flags=TraceFlags(TraceFlags.SAMPLED))
