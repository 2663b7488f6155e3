import logging

import pytest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from carillon.call import Call, Cause, State
from carillon.protocol import UserInfo
from carillon.telemetry import CallTelemetry, Metrics, Off
from carillon.telemetry.otel import OtelTracer

BEGAN = 1_790_000_000_000_000


@pytest.fixture
def backend():
    return InMemorySpanExporter()


@pytest.fixture
def metrics():
    return Metrics()


@pytest.fixture
def calls(backend, metrics):
    return CallTelemetry(OtelTracer(SimpleSpanProcessor(backend), Resource.create({})), metrics)


def call(trace: str = "", *, accepted: int = 0, ended: int = 0, cause: Cause | None = None, note: str = "") -> Call:
    state = State.ENDED if ended else State.ACCEPTED if accepted else State.RINGING
    return Call(
        "s-1",
        1,
        state,
        UserInfo("alice"),
        UserInfo("bob"),
        BEGAN,
        BEGAN + 60_000_000,
        media="video",
        accepted=accepted and BEGAN + accepted * 1_000_000,
        ended=ended and BEGAN + ended * 1_000_000,
        cause=cause,
        ended_by="alice",
        trace=trace,
        note=note,
    )


def sums(histogram):
    return {key: (sum(counts), total) for key, counts, total in histogram.read() if sum(counts)}


def test_a_call_from_start_to_end(calls, backend, metrics, caplog):
    trace = calls.begin("s-1")
    calls.started(call(trace))
    calls.accepted(call(trace, accepted=4))
    with caplog.at_level(logging.INFO, "carillon.call"):
        calls.ended(call(trace, accepted=4, ended=64, cause=Cause.HANGUP, note="close 1000 on pod-2"))
    assert metrics.calls_started.read() == [((), 1)]
    assert metrics.calls_accepted.read() == [((), 1)]
    assert dict(metrics.calls_ended.read())["hangup",] == 1
    assert sums(metrics.ring) == {("accepted",): (1, 4.0)}
    assert sums(metrics.duration) == {(): (1, 60.0)}
    (record,) = caplog.records
    assert (record.session_id, record.cause, record.rang, record.talked, record.note) == ("s-1", "hangup", 4.0, 60.0, "close 1000 on pod-2")
    (root,) = backend.get_finished_spans()
    assert dict(root.attributes) == {
        "carillon.session_id": "s-1",
        "carillon.caller_id": "alice",
        "carillon.callee_id": "bob",
        "carillon.outcome": "hangup",
        "carillon.ended_by": "alice",
        "carillon.media": "video",
        "carillon.note": "close 1000 on pod-2",
    }
    assert root.status.status_code is StatusCode.UNSET


@pytest.mark.parametrize(("cause", "failed"), [(Cause.NO_ANSWER, False), (Cause.REJECTED, False), (Cause.LOST, True)])
def test_only_a_lost_call_is_a_failed_one(calls, backend, metrics, cause, failed):
    calls.ended(call(calls.begin("s-1"), ended=60, cause=cause))
    (root,) = backend.get_finished_spans()
    assert (root.status.status_code is StatusCode.ERROR) is failed
    assert sums(metrics.ring) == {(cause.value,): (1, 60.0)}
    assert sums(metrics.duration) == {}


def test_a_refused_start_has_a_trace_too(calls, backend):
    calls.refused("s-1", calls.begin("s-1"), "user_busy", began=BEGAN, now=BEGAN + 1000)
    (root,) = backend.get_finished_spans()
    assert root.attributes["error.type"] == root.attributes["carillon.outcome"] == "user_busy"


def test_an_untraced_call_is_counted_all_the_same(metrics, backend):
    calls = CallTelemetry(Off(), metrics)
    calls.refused("s-1", calls.begin("s-1"), "user_busy", began=BEGAN, now=BEGAN)
    calls.ended(call(ended=1, cause=Cause.CANCELLED))
    assert dict(metrics.calls_ended.read())["cancelled",] == 1
