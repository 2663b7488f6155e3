"""One call, two pods: what a tracing backend gets to see."""

import asyncio

import pytest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from carillon.config.redis import parse_url
from carillon.telemetry import Moment, Off, trace_id
from carillon.telemetry.otel import MOST_RELAYS, OtelTracer
from carillon.telemetry.start import database

BEGAN, ANSWERED, ENDED = 1_790_000_000_000_000, 1_790_000_004_000_000, 1_790_000_064_000_000


@pytest.fixture
def backend():
    return InMemorySpanExporter()


@pytest.fixture
def pod(backend):
    def start(name: str) -> OtelTracer:
        resource = Resource.create({"service.instance.id": name})
        return OtelTracer(SimpleSpanProcessor(backend), resource, database(parse_url("redis://redis.internal:6380/2")))

    return start


def named(backend, name):
    return [span for span in backend.get_finished_spans() if span.name == name]


def test_spans_of_two_pods_join_one_trace_below_a_root_that_is_written_last(backend, pod):
    caller_pod, callee_pod = pod("a"), pod("b")
    call = caller_pod.start_call("s-1")
    with caller_pod.child("call.start", call, {"carillon.session_id": "s-1"}, "server"), caller_pod.command("commit", call):
        pass
    with callee_pod.child("call.accept", call, kind="server") as span:
        span.event("callee answered", {"after": 4.0})
        with callee_pod.command("commit"):
            pass
    callee_pod.end_call(
        call,
        began=BEGAN,
        ended=ENDED,
        attributes={"carillon.session_id": "s-1", "carillon.outcome": "hangup"},
        moments=(Moment("accepted", ANSWERED),),
    )

    spans = backend.get_finished_spans()
    assert {f"{span.context.trace_id:032x}" for span in spans} == {trace_id(call)}
    root = spans[-1]
    assert root.name == "call"
    assert root.parent is None
    assert call == f"00-{root.context.trace_id:032x}-{root.context.span_id:016x}-01"
    assert (root.start_time, root.end_time) == (BEGAN * 1000, ENDED * 1000)
    assert [(event.name, event.timestamp) for event in root.events] == [("accepted", ANSWERED * 1000)]
    assert root.attributes["carillon.outcome"] == "hangup"
    start, accept = named(backend, "call.start")[0], named(backend, "call.accept")[0]
    assert start.parent.span_id == accept.parent.span_id == root.context.span_id
    assert (start.kind, accept.kind) == (SpanKind.SERVER, SpanKind.SERVER)
    first, second = named(backend, "EVALSHA commit")
    assert first.parent.span_id == start.context.span_id
    assert second.parent.span_id == accept.context.span_id
    assert [span.resource.attributes["service.instance.id"] for span in (start, accept, root)] == ["a", "b", "b"]


def test_commands_carry_the_conventions_of_databases(backend, pod):
    tracer = pod("a")
    with tracer.command("commit", tracer.start_call("s")):
        pass
    (span,) = backend.get_finished_spans()
    assert span.kind is SpanKind.CLIENT
    assert dict(span.attributes) == {
        "db.system.name": "redis",
        "db.operation.name": "EVALSHA",
        "db.stored_procedure.name": "commit",
        "db.namespace": "2",
        "server.address": "redis.internal",
        "server.port": 6380,
    }


def test_relayed_messages_are_counted_not_spanned(backend, pod):
    tracer = pod("a")
    call = tracer.start_call("s")
    for _ in range(12):
        tracer.relayed(call, "webrtc.ice")
    tracer.relayed(call, "webrtc.offer")
    assert backend.get_finished_spans() == ()
    tracer.settle(call)
    tracer.settle(call)
    (span,) = backend.get_finished_spans()
    assert span.name == "call.relay"
    assert span.attributes["carillon.relay.webrtc.ice"] == 12
    assert [(event.name, event.attributes["carillon.relay.count"]) for event in span.events] == [("webrtc.ice", 12), ("webrtc.offer", 1)]
    assert span.start_time <= span.end_time


def test_calls_that_never_settle_do_not_pile_up(backend, pod):
    tracer = pod("a")
    calls = [tracer.start_call("s") for _ in range(MOST_RELAYS + 3)]
    for call in calls:
        tracer.relayed(call, "webrtc.ice")
    assert [f"{span.context.trace_id:032x}" for span in backend.get_finished_spans()] == [trace_id(call) for call in calls[:3]]


def test_what_goes_wrong_leaves_its_type_and_not_its_text(backend, pod):
    tracer = pod("a")
    call = tracer.start_call("s")
    with pytest.raises(TimeoutError), tracer.child("push.send", call):
        raise TimeoutError("token=hunter2")
    tracer.end_call(call, began=BEGAN, ended=ENDED, attributes={}, failed="lost")
    push, root = backend.get_finished_spans()
    assert push.attributes["error.type"] == "TimeoutError"
    assert push.status.status_code is root.status.status_code is StatusCode.ERROR
    assert root.attributes["error.type"] == "lost"
    assert "hunter2" not in push.to_json()


async def test_tasks_do_not_take_each_other_for_parents(backend, pod):
    tracer = pod("a")

    async def accept(call: str) -> None:
        with tracer.child("call.accept", call):
            await asyncio.sleep(0)
            with tracer.command("commit"):
                await asyncio.sleep(0)

    calls = [tracer.start_call("s") for _ in range(5)]
    await asyncio.gather(*(accept(call) for call in calls))
    parents = {span.context.span_id: span for span in named(backend, "call.accept")}
    for commit in named(backend, "EVALSHA commit"):
        assert parents[commit.parent.span_id].context.trace_id == commit.context.trace_id


def test_a_span_of_another_call_is_no_parent(backend, pod):
    tracer = pod("a")
    old, new = tracer.start_call("old"), tracer.start_call("new")
    with tracer.child("call.end", old), tracer.child("call.start", new):
        pass
    (start,) = named(backend, "call.start")
    assert f"{start.context.trace_id:032x}" == trace_id(new)


def test_the_sampler_decides_once_for_all_pods(backend, pod, monkeypatch):
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "always_off")
    never = pod("a")
    assert never.start_call("s") == ""
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "traceidratio")
    monkeypatch.setenv("OTEL_TRACES_SAMPLER_ARG", "0.5")
    some = pod("b")
    taken = [call for call in (some.start_call("s") for _ in range(400)) if call]
    assert 100 < len(taken) < 300
    with never.child("call.accept", taken[0]):
        pass
    assert len(backend.get_finished_spans()) == 1


@pytest.mark.parametrize("traceparent", ["", "00-xyz", "00-" + "g" * 32 + "-" + "0" * 16 + "-01"])
@pytest.mark.parametrize("on", [True, False])
def test_a_call_that_is_not_traced_leaves_nothing(backend, pod, traceparent, on):
    tracer = pod("a") if on else Off()
    assert tracer.on is on
    with tracer.child("call.accept", traceparent) as span, tracer.command("commit", traceparent) as command:
        span.set("a", 1)
        span.event("b")
        command.fail("c")
    tracer.relayed(traceparent, "webrtc.ice")
    tracer.settle(traceparent)
    tracer.end_call(traceparent, began=BEGAN, ended=ENDED, attributes={})
    assert backend.get_finished_spans() == ()


def test_nothing_is_traced_when_off():
    assert Off().start_call("s") == ""


async def test_a_task_that_outlives_a_span_does_not_file_its_commands_under_it(backend, pod):
    tracer = pod("a")
    go = asyncio.Event()

    async def sweep() -> None:
        await go.wait()
        with tracer.command("claim"):
            pass

    with tracer.child("call.start", tracer.start_call("s")):
        task = asyncio.create_task(sweep())
    go.set()
    await task
    assert [span.name for span in backend.get_finished_spans()] == ["call.start"]
