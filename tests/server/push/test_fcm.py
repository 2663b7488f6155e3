import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from fakes.credentials import service_account
from fakes.fcm import DEVICE, FakeFcm, error
from fakes.h2server import Deaf, Drop, GoAway, Hang, Reply, Reset

from carillon.config import FcmSettings
from carillon.errors import ConfigError
from carillon.push.fcm import Fcm
from carillon.push.fcm_tokens import read_account
from carillon.push.message import Kind
from carillon.push.outcome import Attempt, Outcome


class Monotonic:
    """The event loop's clock, and what a test adds to it."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        return time.monotonic() + self.ahead


class Sender:
    def __init__(self, fcm: Fcm, request_for: Callable[..., Any], monotonic: Monotonic) -> None:
        self.fcm, self._request_for, self.monotonic = fcm, request_for, monotonic

    async def push(self, kind: Kind = Kind.INCOMING_CALL, timeout: float = 5.0, **changes: Any) -> Attempt:
        attempt, _ = await self.fcm.attempt(self._request_for("android", **changes), kind, timeout)
        return attempt


@pytest.fixture
async def make(made: Any, fcm_settings: Any, request_for: Any) -> AsyncIterator[Callable[..., Sender]]:
    opened: list[Fcm] = []

    def make(fake: FakeFcm, **changes: Any) -> Sender:
        monotonic = Monotonic()
        opened.append(Fcm(fcm_settings(fake, **changes), made.authority.ca, monotonic))
        return Sender(opened[-1], request_for, monotonic)

    yield make
    for one in opened:
        await one.close()


@pytest.fixture
def sender(make: Any, google: FakeFcm) -> Sender:
    return make(google)


@pytest.mark.parametrize("kind", Kind)
async def test_google_takes_a_push(sender: Sender, google: FakeFcm, kind: Kind) -> None:
    assert await sender.push(kind) == Attempt(Outcome.DELIVERED, 200)
    (message,) = google.accepted
    assert message["token"] == DEVICE
    assert message["data"]["type"] == kind
    assert message["data"]["caller_name"] == "Zoë Müller"
    assert 55 <= int(message["android"]["ttl"].removesuffix("s")) <= 60


async def test_a_caller_with_a_profile_that_is_far_too_large(sender: Sender, google: FakeFcm, request_for: Any) -> None:
    sent = request_for("android", data="☎" * 4000)
    attempt, dropped = await sender.fcm.attempt(sent, Kind.INCOMING_CALL, 5)
    assert (attempt.outcome, dropped) == (Outcome.DELIVERED, ("data",))
    assert "data" not in google.accepted[0]["data"]


# ---------------------------------------------------------------- access tokens


async def test_one_access_token_is_fetched_for_all(sender: Sender, google: FakeFcm) -> None:
    attempts = await asyncio.gather(*(sender.push() for _ in range(50)))
    assert {one.outcome for one in attempts} == {Outcome.DELIVERED}
    assert google.fetches == 1
    assert google.server.accepted == 2  # one connection to either service


async def test_a_token_near_its_end_is_replaced_while_it_still_serves(sender: Sender, google: FakeFcm) -> None:
    await sender.push()
    sender.monotonic.ahead = 3599 - 200
    google.token_actions.append(Hang())
    assert (await sender.push()).outcome is Outcome.DELIVERED
    assert google.sends[-1].header("authorization") == f"Bearer {google.tokens[0]}"


async def test_a_token_past_its_end_is_not_used(sender: Sender, google: FakeFcm) -> None:
    await sender.push()
    sender.monotonic.ahead = 3600
    assert (await sender.push()).outcome is Outcome.DELIVERED
    assert [request.header("authorization") for request in google.sends] == [f"Bearer {token}" for token in google.tokens]
    assert len(set(google.tokens)) == 2


async def test_a_token_that_google_no_longer_accepts_is_replaced_at_once(sender: Sender, google: FakeFcm) -> None:
    await sender.push()
    google.revoke()
    assert (await sender.push()).outcome is Outcome.DELIVERED
    assert google.fetches == 2


async def test_google_that_accepts_no_token(sender: Sender, google: FakeFcm) -> None:
    google.always = error(401, "UNAUTHENTICATED")
    assert await sender.push() == Attempt(Outcome.AUTH, 401, "UNAUTHENTICATED")
    assert len(google.sends) == 2


@pytest.mark.parametrize(
    ("action", "attempt"),
    [
        (
            Reply(400, {"error": "invalid_grant", "error_description": "Invalid JWT Signature."}),
            Attempt(Outcome.AUTH, 400, "invalid_grant"),
        ),
        (Reply(401, {"error": "unauthorized_client"}), Attempt(Outcome.AUTH, 401, "unauthorized_client")),
        (Reply(429, {"error": "rate"}, {"retry-after": "3"}), Attempt(Outcome.THROTTLED, 429, "rate", 3.0)),
        (Reply(503, b"<html>", {"retry-after": "2"}), Attempt(Outcome.PROVIDER_ERROR, 503, "no_token", 2.0)),
        (Reply(200, b"{}"), Attempt(Outcome.AUTH, 200, "no_token")),
        (Drop(), Attempt(Outcome.INTERRUPTED, reason="ReadError")),
    ],
)
async def test_no_access_token(sender: Sender, google: FakeFcm, action: Any, attempt: Attempt) -> None:
    google.token_actions.append(action)
    first = await sender.push()
    assert first.outcome is attempt.outcome
    assert isinstance(action, Drop) or first == attempt
    assert not google.sends
    assert (await sender.push()).outcome is Outcome.DELIVERED


async def test_a_token_endpoint_that_hangs_takes_no_more_than_the_pushs_time(sender: Sender, google: FakeFcm) -> None:
    google.token_actions.append(Hang())
    assert await sender.push(timeout=0.2) == Attempt(Outcome.TIMEOUT, reason="token_timeout")
    assert not google.sends


async def test_a_replaced_key_file_is_taken_up(make: Any, made: Any, google: FakeFcm, tmp_path: Path) -> None:
    path = tmp_path / "account.json"
    other, _ = service_account()
    path.write_text(json.dumps(other))
    sender = make(google, service_account_json="", service_account_file=path)
    assert (await sender.push()).reason == "invalid_grant"
    path.write_text("{ half a")
    assert (await sender.push()).reason == "invalid_grant"
    path.write_text(json.dumps(made.account))
    assert (await sender.push()).outcome is Outcome.DELIVERED


# ---------------------------------------------------------------- refusals


async def test_a_dead_token(sender: Sender, google: FakeFcm) -> None:
    google.actions.append(error(404, "NOT_FOUND", "UNREGISTERED"))
    assert await sender.push() == Attempt(Outcome.DEAD_TOKEN, 404, "UNREGISTERED")


async def test_a_token_that_is_none(sender: Sender, google: FakeFcm) -> None:
    assert (await sender.push(device_token="abc")).outcome is Outcome.BAD_TOKEN
    assert len(google.sends) == 1
    assert (await sender.push(device_token="")).outcome is Outcome.BAD_TOKEN
    assert len(google.sends) == 1


async def test_another_project(make: Any, google: FakeFcm) -> None:
    assert (await make(google, project_id="another").push()).outcome is Outcome.REJECTED


async def test_a_spent_quota_says_when_to_come_back(sender: Sender, google: FakeFcm) -> None:
    google.actions.append(error(429, "RESOURCE_EXHAUSTED", "QUOTA_EXCEEDED", retry_after="30"))
    assert await sender.push() == Attempt(Outcome.THROTTLED, 429, "QUOTA_EXCEEDED", retry_after=30.0)


async def test_a_call_that_fits_in_no_push_is_not_sent(sender: Sender, google: FakeFcm) -> None:
    assert (await sender.push(session_id="x" * 5000)).outcome is Outcome.PAYLOAD_TOO_LARGE
    assert not google.requests


@pytest.mark.parametrize("action", [Reset(), GoAway(), GoAway(done=False), Drop()])
async def test_a_lost_connection_or_stream_is_worth_another_try(sender: Sender, google: FakeFcm, action: Any) -> None:
    await sender.push()
    google.actions.append(action)
    assert (await sender.push()).outcome in (Outcome.INTERRUPTED, Outcome.DELIVERED)
    assert (await sender.push()).outcome is Outcome.DELIVERED


@pytest.mark.parametrize("action", [Hang(), Deaf()])
async def test_silence_is_a_timeout_and_the_connection_is_given_up(sender: Sender, google: FakeFcm, action: Any) -> None:
    await sender.push()
    google.actions.append(action)
    assert await sender.push(timeout=0.6) == Attempt(Outcome.TIMEOUT, reason="timeout")
    assert (await sender.push()).outcome is Outcome.DELIVERED


# ---------------------------------------------------------------- settings


def test_a_key_that_is_none_is_said_in_words(made: Any, tmp_path: Path) -> None:
    broken = made.account | {"private_key": "-----BEGIN PRIVATE KEY-----\nc2VjcmV0c2VjcmV0\n-----END PRIVATE KEY-----\n"}
    for text in (json.dumps(broken), "[]", json.dumps({"client_email": "a@b"}), "no json"):
        with pytest.raises(ConfigError, match="FCM_SERVICE_ACCOUNT_JSON is no service account key") as found:
            read_account(FcmSettings(service_account_json=text))
        assert "c2VjcmV0" not in str(found.value)
    with pytest.raises(ConfigError, match="FCM_SERVICE_ACCOUNT_FILE is no service account key"):
        read_account(FcmSettings(service_account_file=tmp_path / "missing"))


def test_the_project_is_the_keys_own_unless_named(made: Any) -> None:
    text = json.dumps(made.account)
    assert read_account(FcmSettings(service_account_json=text)).project == "demo-project"
    assert read_account(FcmSettings(service_account_json=text, project_id="other")).project == "other"
    nameless = json.dumps({key: value for key, value in made.account.items() if key != "project_id"})
    with pytest.raises(ConfigError, match="FCM_PROJECT_ID is missing"):
        read_account(FcmSettings(service_account_json=nameless))
