"""The sender with the real providers, as `from_settings` makes it, against the fake services."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from fakes import apns, fcm
from fakes.apns import FakeApns, refusal
from fakes.fcm import FakeFcm, error
from fakes.h2server import Deaf, Drop, GoAway, Hang, Reply, Reset
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from carillon.config import PushSettings
from carillon.push import Outcome, PushRequest, PushSender
from carillon.telemetry.otel import OtelTracer


@pytest.fixture
async def apple(made: Any) -> AsyncIterator[FakeApns]:
    """By today's time: these tests pass no clock."""
    fake = FakeApns(made.tls(), key=made.p8_public)
    await fake.server.start()
    yield fake
    await fake.server.stop()


@pytest.fixture
def settings(made: Any, apple: FakeApns, google: FakeFcm, apns_settings: Any, fcm_settings: Any) -> PushSettings:
    return PushSettings(timeout=1.0, ca_file=made.authority.ca, apns=apns_settings(apple), fcm=fcm_settings(google))


@pytest.fixture
async def sender(settings: PushSettings) -> AsyncIterator[PushSender]:
    sender = PushSender.from_settings(settings)
    yield sender
    await sender.close()


@pytest.fixture
def call(request_for: Any) -> Any:
    def call(os: str, **changes: Any) -> PushRequest:
        return request_for(os, expires_at=int(time.time()) + 60, **changes)

    return call


def soon(seconds: float = 20.0) -> float:
    return time.monotonic() + seconds


@pytest.mark.parametrize("os", ["ios", "android"])
@pytest.mark.parametrize(
    "trouble",
    [Reset(), GoAway(), GoAway(done=False), Drop(), Hang(), Deaf(), Reply(500), Reply(503, headers={"retry-after": "0"})],
    ids=repr,
)
async def test_a_ring_survives_a_providers_trouble(
    sender: PushSender, apple: FakeApns, google: FakeFcm, call: Any, os: str, trouble: Any
) -> None:
    fake: FakeApns | FakeFcm = apple if os == "ios" else google
    fake.actions.append(trouble)
    result = await sender.ring(call(os), soon())
    assert result.delivered
    assert len(fake.accepted) == 1


async def test_a_ring_survives_a_restart_of_the_provider_between_two_calls(sender: PushSender, apple: FakeApns, call: Any) -> None:
    assert (await sender.ring(call("ios"), soon())).delivered
    apple.server.say_goodbye()
    assert (await sender.ring(call("ios", session_id="second"), soon())).delivered


async def test_many_rings_survive_a_goodbye_in_their_midst(sender: PushSender, apple: FakeApns, call: Any) -> None:
    assert (await sender.ring(call("ios", session_id="warm"), soon())).delivered
    apple.actions.extend([Reply(503), GoAway(), Reset(), Drop()])
    results = await asyncio.gather(*(sender.ring(call("ios", session_id=f"call-{n}"), soon()) for n in range(40)))
    assert {one.outcome for one in results} == {Outcome.DELIVERED}
    assert {payload["session_id"] for payload in apple.accepted} >= {f"call-{n}" for n in range(40)}


async def test_a_ring_and_its_cancel(sender: PushSender, apple: FakeApns, google: FakeFcm, call: Any) -> None:
    for os in ("ios", "android"):
        assert (await sender.ring(call(os), soon())).delivered
        assert (await sender.cancel(call(os), soon())).delivered
    assert [payload["type"] for payload in apple.accepted] == ["incoming_call", "call_cancelled"]
    assert [message["data"]["type"] for message in google.accepted] == ["incoming_call", "call_cancelled"]


async def test_dead_tokens_are_told_and_not_tried_again(sender: PushSender, apple: FakeApns, google: FakeFcm, call: Any) -> None:
    apple.always = refusal(410, "Unregistered", timestamp=1_700_000_000_000)
    google.always = error(404, "NOT_FOUND", "UNREGISTERED")
    ios, android = await sender.ring(call("ios"), soon()), await sender.ring(call("android"), soon())
    assert (ios.outcome, ios.attempts, ios.dead_since) == (Outcome.DEAD_TOKEN, 1, 1_700_000_000)
    assert (android.outcome, android.attempts, android.dead_since) == (Outcome.DEAD_TOKEN, 1, None)


async def test_a_provider_that_hangs_for_ever_costs_a_ring_no_more_than_its_time(
    sender: PushSender, apple: FakeApns, google: FakeFcm, call: Any
) -> None:
    apple.always = Hang()
    hanging = asyncio.create_task(sender.ring(call("ios", session_id="hanging"), soon(2.5)))
    await apple.arrived.wait()
    assert (await sender.ring(call("android"), soon())).delivered
    assert not hanging.done()
    assert (await hanging).outcome is Outcome.TIMEOUT


async def test_no_token_and_no_key_is_in_any_log_line_span_or_result(
    settings: PushSettings, apple: FakeApns, google: FakeFcm, call: Any, made: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """At the most talkative level, with providers that repeat what they were sent."""
    caplog.set_level(logging.DEBUG)
    spans = InMemorySpanExporter()
    tracer = OtelTracer(SimpleSpanProcessor(spans), Resource.create({}), {})
    sender = PushSender.from_settings(settings, tracer=tracer)
    apple.actions.extend([refusal(400, apns.DEVICE, token=apns.DEVICE), Drop()])
    google.actions.extend([error(400, "INVALID_ARGUMENT", "INVALID_ARGUMENT"), Drop()])
    results = []
    for number in range(3):
        for os in ("ios", "android"):
            asked = call(os, session_id=f"call-{number}", traceparent=tracer.start_call(f"call-{number}"))
            results.append(await sender.ring(asked, soon()))
            results.append(await sender.cancel(asked, soon()))
    await sender.close()
    assert len(spans.get_finished_spans()) == 12
    provider_token = apple.requests[0].header("authorization").removeprefix("bearer ")
    hidden = [apns.DEVICE, fcm.DEVICE, provider_token, *google.tokens, "PRIVATE KEY", made.account["private_key"][40:80], "Zoë"]
    told = [repr(results), repr(sender), *(record.getMessage() + repr(vars(record)) for record in caplog.records)]
    told += [span.to_json() for span in spans.get_finished_spans()]
    for secret in hidden:
        assert not [line for line in told if secret in line]


async def test_a_push_is_a_span_of_its_call(settings: PushSettings, apple: FakeApns, call: Any) -> None:
    spans = InMemorySpanExporter()
    tracer = OtelTracer(SimpleSpanProcessor(spans), Resource.create({}), {})
    sender = PushSender.from_settings(settings, tracer=tracer)
    traceparent = tracer.start_call("call-1")
    apple.actions.extend([Reply(500), refusal(410, "Unregistered")])
    await sender.ring(call("ios", traceparent=traceparent), soon())
    await sender.close()
    (span,) = spans.get_finished_spans()
    assert span.name == "push.send"
    assert format(span.context.trace_id, "032x") == traceparent[3:35]
    assert dict(span.attributes or {}) == {
        "carillon.push.kind": "ring",
        "carillon.push.provider": "apns",
        "carillon.push.result": "dead_token",
        "carillon.push.attempts": 2,
        "http.response.status_code": 410,
        "error.type": "Unregistered",
    }
