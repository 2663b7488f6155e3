import email.utils
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carillon.push.outcome import BACKOFF, Attempt, Outcome, PushResult, apns_attempt, delay, fcm_attempt, retry_after

NOW = 1_800_000_000.0


@pytest.mark.parametrize(
    ("status", "reason", "outcome"),
    [
        (200, None, Outcome.DELIVERED),
        (400, "BadCollapseId", Outcome.REJECTED),
        (400, "BadDeviceToken", Outcome.BAD_TOKEN),
        (400, "BadExpirationDate", Outcome.REJECTED),
        (400, "BadMessageId", Outcome.REJECTED),
        (400, "BadPriority", Outcome.REJECTED),
        (400, "BadTopic", Outcome.REJECTED),
        (400, "DeviceTokenNotForTopic", Outcome.BAD_TOKEN),
        (400, "DuplicateHeaders", Outcome.REJECTED),
        (400, "IdleTimeout", Outcome.PROVIDER_ERROR),
        (400, "InvalidPushType", Outcome.REJECTED),
        (400, "MissingDeviceToken", Outcome.BAD_TOKEN),
        (400, "MissingTopic", Outcome.REJECTED),
        (400, "PayloadEmpty", Outcome.REJECTED),
        (400, "TopicDisallowed", Outcome.REJECTED),
        (400, "SomethingNew", Outcome.REJECTED),
        (403, "BadCertificate", Outcome.AUTH),
        (403, "BadCertificateEnvironment", Outcome.AUTH),
        (403, "ExpiredProviderToken", Outcome.AUTH),
        (403, "Forbidden", Outcome.AUTH),
        (403, "InvalidProviderToken", Outcome.AUTH),
        (403, "MissingProviderToken", Outcome.AUTH),
        (404, "BadPath", Outcome.REJECTED),
        (405, "MethodNotAllowed", Outcome.REJECTED),
        (410, "ExpiredToken", Outcome.DEAD_TOKEN),
        (410, "Unregistered", Outcome.DEAD_TOKEN),
        (410, None, Outcome.DEAD_TOKEN),
        (413, "PayloadTooLarge", Outcome.PAYLOAD_TOO_LARGE),
        (429, "TooManyProviderTokenUpdates", Outcome.AUTH),
        (429, "TooManyRequests", Outcome.THROTTLED),
        (500, "InternalServerError", Outcome.PROVIDER_ERROR),
        (503, "ServiceUnavailable", Outcome.PROVIDER_ERROR),
        (503, "Shutdown", Outcome.PROVIDER_ERROR),
        (502, None, Outcome.PROVIDER_ERROR),
    ],
)
def test_apple_answers(status: int, reason: str | None, outcome: Outcome) -> None:
    body = b"" if reason is None else json.dumps({"reason": reason}).encode()
    assert apns_attempt(status, {}, body, NOW) == Attempt(outcome, status, reason or "")


def test_apple_says_since_when_a_token_is_dead() -> None:
    assert apns_attempt(410, {}, b'{"reason":"Unregistered","timestamp":1799999999123}', NOW).dead_since == 1_799_999_999


def google(status: int, name: str = "", code: str = "", message: str = "", field: str = "") -> Attempt:
    details: list[object] = [{"@type": "x/google.firebase.fcm.v1.FcmError", "errorCode": code}] if code else []
    if field:
        details.append({"@type": "x/google.rpc.BadRequest", "fieldViolations": [{"field": field}]})
    body = {"error": {"code": status, "message": message, "status": name, "details": details}}
    return fcm_attempt(status, {}, json.dumps(body).encode(), NOW)


@pytest.mark.parametrize(
    ("attempt", "outcome", "reason"),
    [
        (google(200), Outcome.DELIVERED, ""),
        (google(404, "NOT_FOUND", "UNREGISTERED"), Outcome.DEAD_TOKEN, "UNREGISTERED"),
        (google(404, "NOT_FOUND"), Outcome.REJECTED, "NOT_FOUND"),
        (google(400, "INVALID_ARGUMENT", "INVALID_ARGUMENT"), Outcome.BAD_TOKEN, "INVALID_ARGUMENT"),
        (google(400, "INVALID_ARGUMENT", field="message.token"), Outcome.BAD_TOKEN, "INVALID_ARGUMENT"),
        (google(400, "INVALID_ARGUMENT", field="message.data[0].value"), Outcome.REJECTED, "INVALID_ARGUMENT"),
        (google(400, "INVALID_ARGUMENT", "INVALID_ARGUMENT", "Message too big"), Outcome.PAYLOAD_TOO_LARGE, "INVALID_ARGUMENT"),
        (google(403, "PERMISSION_DENIED", "SENDER_ID_MISMATCH"), Outcome.BAD_TOKEN, "SENDER_ID_MISMATCH"),
        (google(403, "PERMISSION_DENIED"), Outcome.AUTH, "PERMISSION_DENIED"),
        (google(401, "UNAUTHENTICATED"), Outcome.AUTH, "UNAUTHENTICATED"),
        (google(401, "UNAUTHENTICATED", "THIRD_PARTY_AUTH_ERROR"), Outcome.AUTH, "THIRD_PARTY_AUTH_ERROR"),
        (google(429, "RESOURCE_EXHAUSTED", "QUOTA_EXCEEDED"), Outcome.THROTTLED, "QUOTA_EXCEEDED"),
        (google(429), Outcome.THROTTLED, ""),
        (google(500, "INTERNAL", "INTERNAL"), Outcome.PROVIDER_ERROR, "INTERNAL"),
        (google(503, "UNAVAILABLE", "UNAVAILABLE"), Outcome.PROVIDER_ERROR, "UNAVAILABLE"),
        (fcm_attempt(502, {}, b"<html>Bad gateway</html>", NOW), Outcome.PROVIDER_ERROR, ""),
        (fcm_attempt(404, {}, b"<html>Not found</html>", NOW), Outcome.REJECTED, ""),
    ],
)
def test_google_answers(attempt: Attempt, outcome: Outcome, reason: str) -> None:
    assert (attempt.outcome, attempt.reason) == (outcome, reason)


@given(
    st.integers(100, 599), st.binary(max_size=200) | st.recursive(st.none() | st.text(), st.lists).map(lambda any: json.dumps(any).encode())
)
def test_no_answer_is_too_strange(status: int, body: bytes) -> None:
    for read in (apns_attempt, fcm_attempt):
        assert read(status, {}, body, NOW).outcome in Outcome


@pytest.mark.parametrize("reason", ["bad reason: c0ffee", "c0ffee" * 6, "x" * 64, 7, None, ["BadTopic"], ""])
def test_prose_is_not_taken_for_a_reason(reason: object) -> None:
    """A provider's text may quote the token."""
    assert apns_attempt(400, {}, json.dumps({"reason": reason}).encode(), NOW).reason == ""


def test_what_is_worth_another_try() -> None:
    again = {one for one in Outcome if one.retry}
    assert again == {Outcome.THROTTLED, Outcome.PROVIDER_ERROR, Outcome.INTERRUPTED, Outcome.UNREACHABLE, Outcome.TIMEOUT}
    assert all(one.meaning for one in Outcome)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("7", 7.0),
        ("0", 0.0),
        (email.utils.formatdate(NOW + 12, usegmt=True), 12.0),
        (email.utils.formatdate(NOW - 12, usegmt=True), 0.0),
        ("soon", None),
        ("-3", None),
        ("", None),
    ],
)
def test_retry_after(text: str, seconds: float | None) -> None:
    assert retry_after({"retry-after": text}, NOW) == seconds


@given(st.sampled_from(Outcome), st.integers(1, 50), st.none() | st.floats(0, 1000), st.floats(0, 1, exclude_max=True))
def test_pauses_are_jittered_and_never_shorter_than_asked(outcome: Outcome, attempts: int, asked: float | None, random: float) -> None:
    pause = delay(outcome, attempts, asked, lambda: random)
    assert pause >= BACKOFF[min(attempts, 4) - 1] / 2
    assert pause >= (asked or 0)
    if outcome is Outcome.THROTTLED and asked is None:
        assert pause >= 10
    elif asked is None:
        assert pause <= BACKOFF[-1]


def test_a_later_refusal_does_not_undo_that_an_earlier_attempt_may_have_arrived() -> None:
    result = PushResult(Outcome.EXPIRED).after(Attempt(Outcome.TIMEOUT), ()).after(Attempt(Outcome.AUTH, 403), ("data",))
    assert result.outcome is Outcome.AUTH
    assert result.attempts == 2
    assert result.may_have_arrived
    assert not result.delivered
