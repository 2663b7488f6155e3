"""Pushes as users meet them: whole pods on a real Redis, before fake Apple and Google."""

import logging
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from fakes import apns, fcm
from fakes.apns import FakeApns, refusal
from fakes.fcm import FakeFcm
from fakes.h2server import Hang, Reply
from harness.pods import Pod
from harness.redis import RedisServer
from harness.waiting import until

from carillon.config import PushSettings
from carillon.push import PushSender

IOS = {"callee_device_token": apns.DEVICE, "callee_os": "ios"}
ANDROID = {"callee_device_token": fcm.DEVICE, "callee_os": "android"}


@pytest.fixture
async def apple(made: Any) -> AsyncIterator[FakeApns]:
    fake = FakeApns(made.tls(), key=made.p8_public)
    await fake.server.start()
    yield fake
    await fake.server.stop()


@pytest.fixture
async def pod(
    redis_server: RedisServer, cell: str, made: Any, apple: FakeApns, google: FakeFcm, apns_settings: Any, fcm_settings: Any
) -> AsyncIterator[Pod]:
    settings = PushSettings(timeout=2.0, ca_file=made.authority.ca, apns=apns_settings(apple), fcm=fcm_settings(google))
    sender = PushSender.from_settings(settings)
    pod = await Pod("pod", redis_server.url, cell).start()
    pod.push_through(sender)
    yield pod
    await pod.engine.background.finish(2)
    await pod.kill()
    await sender.close()


async def test_a_sleeping_phone_is_woken_and_the_caller_is_told(pod: Pod, apple: FakeApns) -> None:
    alice = await pod.join("alice", v1=True)
    await alice.say("call.start", callee_id="bob", media="video", data='{"room":7}', **IOS)
    session = (await alice.heard("call.ringing"))["session_id"]
    assert (await alice.heard("call.alerting"))["by"] == "push"
    (payload,) = apple.accepted
    assert (payload["type"], payload["session_id"], payload["caller_id"]) == ("incoming_call", session, "alice")
    assert (payload["handle"], payload["media"], payload["data"]) == ("Alice", "video", '{"room":7}')
    assert 0 < payload["expires_at"] - time.time() + 1 < 10

    bob = await pod.join("bob")
    await bob.say("call.check", session_id=session)
    assert (await bob.heard("call.check_result"))["exists"]
    await bob.say("call.accept", session_id=session)
    await alice.heard("call.accepted")
    assert len(apple.requests) == 1


@pytest.mark.parametrize("device", [IOS, ANDROID], ids=["ios", "android"])
async def test_a_caller_who_hangs_up_stops_the_ringing(pod: Pod, apple: FakeApns, google: FakeFcm, device: dict[str, str]) -> None:
    alice = await pod.join("alice")
    await alice.say("call.start", callee_id="bob", **device)
    session = (await alice.heard("call.ringing"))["session_id"]
    accepted = apple.accepted if device is IOS else google.accepted
    await until(lambda: len(accepted) == 1)
    await alice.say("call.end", session_id=session)
    await until(lambda: len(accepted) == 2)
    said = [content.get("data", content) if device is ANDROID else content for content in accepted]
    assert [(one["type"], one["session_id"]) for one in said] == [("incoming_call", session), ("call_cancelled", session)]


async def test_a_hanging_provider_delays_no_caller(pod: Pod, apple: FakeApns) -> None:
    apple.always = Hang()
    alice, carol, dave = await pod.join("alice", v1=True), await pod.join("carol"), await pod.join("dave")
    await alice.say("call.start", callee_id="bob", **IOS)
    await apple.arrived.wait()
    assert "call.ringing" in alice.connection.types
    assert "call.alerting" not in alice.connection.types
    await carol.say("call.start", callee_id="dave")
    session = (await dave.heard("call.ring"))["session_id"]
    await dave.say("call.accept", session_id=session)
    await carol.heard("call.accepted")
    assert (await alice.heard("call.alerting"))["by"] == "failed"


async def test_a_call_that_is_answered_meanwhile_rings_no_more(pod: Pod, apple: FakeApns) -> None:
    apple.always = Reply(503)
    alice = await pod.join("alice")
    await alice.say("call.start", callee_id="bob", **IOS)
    session = (await alice.heard("call.ringing"))["session_id"]
    await apple.arrived.wait()
    bob = await pod.join("bob")
    await bob.say("call.accept", session_id=session)
    await alice.heard("call.accepted")
    apple.always = None
    await pod.engine.background.finish(5)
    assert not apple.accepted


async def test_a_device_that_cannot_be_woken_is_offline(pod: Pod) -> None:
    alice = await pod.join("alice")
    await alice.say("call.start", callee_id="bob", callee_device_token="x", callee_os="symbian")
    assert (await alice.heard("error"))["code"] == "user_offline"


async def test_a_dead_token_is_reported_without_it(pod: Pod, apple: FakeApns, caplog: pytest.LogCaptureFixture) -> None:
    apple.always = refusal(410, "Unregistered", timestamp=1_700_000_000_000)
    alice = await pod.join("alice", v1=True)
    with caplog.at_level(logging.INFO, "carillon.push"):
        await alice.say("call.start", callee_id="bob", **IOS)
        assert (await alice.heard("call.alerting"))["by"] == "failed"
    (record,) = [one for one in caplog.records if one.name == "carillon.push.pusher"]
    about = vars(record)
    assert "token is dead" in record.getMessage()
    assert (about["callee"], about["provider"], about["outcome"], about["why"]) == ("bob", "apns", "dead_token", "Unregistered")
    assert about["dead_since"] == 1_700_000_000
    assert len(about["device"]) == 8
    assert apns.DEVICE not in repr(about)


async def test_a_push_that_was_cut_is_told_to_operators(pod: Pod, google: FakeFcm, caplog: pytest.LogCaptureFixture) -> None:
    alice = await pod.join("alice", v1=True)
    with caplog.at_level(logging.INFO, "carillon.push"):
        await alice.say("call.start", callee_id="bob", data="\u0001" * 1024, **ANDROID)
        assert (await alice.heard("call.alerting"))["by"] == "push"
    assert "data" not in google.accepted[0]["data"]
    assert "data" in [vars(record).get("left_out") for record in caplog.records]
