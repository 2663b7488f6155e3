"""One call through two pods, found in Jaeger by its session id."""

import json
from collections.abc import Iterator

import pytest
from fakes.credentials import service_account
from harness.environments import Environment
from harness.figures import Figures
from harness.jaeger import Jaeger, Span
from harness.kube import eventually
from harness.operated import Declared, Operator
from harness.people import Person

DEVICE = "a-device-of-the-callee"


@pytest.fixture
def jaeger(environment: Environment) -> Iterator[Jaeger]:
    with Jaeger(environment) as running:
        yield running


async def test_a_call_is_one_trace_of_both_pods_its_push_and_redis(operator: Operator, jaeger: Jaeger, figures: Figures) -> None:
    """The push goes nowhere: no provider can be reached from here, and the trace says that too."""
    key, _ = service_account()
    key["token_uri"] = "https://127.0.0.1:9/token"
    push = {"fcm": {"secret": {"name": "firebase", "key": "key.json"}}}
    with Declared(operator, {"telemetry": {"otlp": {"endpoint": jaeger.endpoint}}, "push": push}) as made:
        secret = {"name": "firebase", "namespace": made.namespace}
        made.kube.apply({"apiVersion": "v1", "kind": "Secret", "metadata": secret, "stringData": {"key.json": json.dumps(key)}})
        made.declare()
        made.await_ready()
        made.service.await_ready(2)
        for attempt in range(20):
            session = await _call(made, f"caller-{attempt}", f"callee-{attempt}")
            spans = eventually(lambda session=session: _whole(jaeger.spans(carillon__session_id=session)), f"the trace of {session}")
            if len({span.pod for span in spans}) == 2:
                break
        names = {span.name for span in spans}
        assert {"call", "call.start", "push.send", "call.accept", "call.relay", "call.end"} <= names
        assert any(span.tags.get("db.system.name") == "redis" for span in spans)
        assert len({span.pod for span in spans}) == 2
        assert DEVICE not in str(spans)
        figures.add("one call in Jaeger", f"{len(spans)} spans of 2 pods: {', '.join(sorted(names))}")


async def _call(made: Declared, caller: str, callee: str) -> str:
    """To somebody whose app comes only when it has been called, as one does that a push wakes: who is there needs none."""
    one, other = (Person(name, made.service.url, made.service.sign) for name in (caller, callee))
    async with one.client:
        session = str((await one.client.start(callee, callee_device_token=DEVICE, callee_os="android"))["session_id"])
        async with other.client:
            await other.client.accept(session)
            await one.client.expect("call.accepted")
            await one.client.send("webrtc.ice", session_id=session, candidate="1", sdpMid="0")
            await other.client.expect("webrtc.ice")
            await one.client.end(session)
            await other.client.expect("call.ended")
    return session


def _whole(spans: list[Span]) -> list[Span]:
    """Pods export in batches, each when it likes; the root span is written when the call has ended."""
    names = [span.name for span in spans]
    return spans if {"call", "call.end", "push.send"} <= set(names) and names.count("call.relay") >= 1 else []
