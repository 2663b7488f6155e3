"""What became of a push: the providers' answers in one vocabulary that says whether another try can help.

Sources: Apple, "Handling notification responses from APNs"; Google, "FCM error codes" (REST v1) and "Best practices when sending
FCM messages at scale".
"""

import email.utils
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, NamedTuple

import msgspec

BACKOFF = (0.2, 1.0, 3.0, 8.0)
"""Seconds between attempts, the last for all further ones. Somebody waits: the first is for a connection that the provider closed."""
THROTTLED_WAIT = 10.0
"""Seconds before a throttled push is tried again when the provider names no time."""


class Outcome(StrEnum):
    DELIVERED = "delivered"
    DEAD_TOKEN = "dead_token"  # noqa: S105 - a word for results
    BAD_TOKEN = "bad_token"  # noqa: S105 - likewise
    THROTTLED = "throttled"
    PAYLOAD_TOO_LARGE = "payload_too_large"
    AUTH = "auth"
    REJECTED = "rejected"
    PROVIDER_ERROR = "provider_error"
    INTERRUPTED = "interrupted"
    UNREACHABLE = "unreachable"
    TIMEOUT = "timeout"
    EXPIRED = "expired"
    STOPPED = "stopped"
    NOT_CONFIGURED = "not_configured"
    UNNEEDED = "unneeded"

    @property
    def retry(self) -> bool:
        """Whether the same push may succeed a little later."""
        return _ABOUT[self].retry

    @property
    def may_have_arrived(self) -> bool:
        """Whether the device may have got it."""
        return _ABOUT[self].may_have_arrived

    @property
    def meaning(self) -> str:
        return _ABOUT[self].meaning


class _About(NamedTuple):
    retry: bool
    may_have_arrived: bool
    meaning: str


_ABOUT = {
    Outcome.DELIVERED: _About(False, True, "The provider took it; whether the device shows it no provider tells."),
    Outcome.DEAD_TOKEN: _About(False, False, "The app was removed or has another token by now: forget this one."),
    Outcome.BAD_TOKEN: _About(False, False, "Never a token of this app and environment (sandbox or production, project, bundle id)."),
    Outcome.THROTTLED: _About(True, False, "Too many pushes to this device or by this project."),
    Outcome.PAYLOAD_TOO_LARGE: _About(False, False, "More bytes than the provider takes, with all that is optional left out."),
    Outcome.AUTH: _About(False, False, "The provider refuses our key, certificate or account."),
    Outcome.REJECTED: _About(False, False, "The provider refuses the request itself: a wrong topic or project, or a defect here."),
    Outcome.PROVIDER_ERROR: _About(True, True, "The provider failed."),
    Outcome.INTERRUPTED: _About(True, True, "The connection or the stream was lost before the answer."),
    Outcome.UNREACHABLE: _About(True, False, "No connection to the provider."),
    Outcome.TIMEOUT: _About(True, True, "No answer in time."),
    Outcome.EXPIRED: _About(False, False, "The ring was over before an attempt could be made."),
    Outcome.STOPPED: _About(False, False, "The call was answered or ended before an attempt could be made."),
    Outcome.NOT_CONFIGURED: _About(False, False, "No provider is set up for this kind of device."),
    Outcome.UNNEEDED: _About(False, False, "Nothing to take back: the ring never left, or taking back is switched off."),
}


@dataclass(frozen=True, slots=True)
class Attempt:
    """What one request came to.

    status: of HTTP; 0 without an answer. reason: the provider's word or the kind of failure, from a small vocabulary and never its prose,
    which may quote the token. retry_after: seconds the provider asks for. dead_since: Unix seconds, of a dead token.
    """

    outcome: Outcome
    status: int = 0
    reason: str = ""
    retry_after: float | None = None
    dead_since: int | None = None


@dataclass(frozen=True, slots=True)
class PushResult:
    """What became of a push, as far as the provider tells.

    provider: `fcm`, `apns`, or empty. attempts: requests made. status, reason, dead_since: of the last one (see Attempt).
    token: tells device tokens apart in logs, for the life of this process; it cannot be turned back. dropped: what did not fit.
    """

    outcome: Outcome
    provider: str = ""
    attempts: int = 0
    status: int = 0
    reason: str = ""
    token: str = ""
    dead_since: int | None = None
    dropped: tuple[str, ...] = ()
    may_have_arrived: bool = False
    """Whether any of the attempts may have reached the device."""

    @property
    def delivered(self) -> bool:
        return self.outcome is Outcome.DELIVERED

    def after(self, attempt: Attempt, dropped: tuple[str, ...]) -> "PushResult":
        """This, with one more attempt made."""
        return replace(
            self,
            outcome=attempt.outcome,
            attempts=self.attempts + 1,
            status=attempt.status,
            reason=attempt.reason,
            dead_since=attempt.dead_since,
            dropped=dropped,
            may_have_arrived=self.may_have_arrived or attempt.outcome.may_have_arrived,
        )


def delay(outcome: Outcome, attempts: int, retry_after: float | None, random: Callable[[], float]) -> float:
    """Seconds to wait after the `attempts`-th attempt. Jittered, never sooner than the provider asks."""
    wait = BACKOFF[min(attempts, len(BACKOFF)) - 1] * (0.5 + random() / 2)
    if retry_after is None:
        return max(wait, THROTTLED_WAIT * (1 + random() / 4)) if outcome is Outcome.THROTTLED else wait
    return max(wait, retry_after + random() * min(1.0, retry_after / 4))


def retry_after(headers: Mapping[str, str], now: float) -> float | None:
    """Seconds (RFC 9110 §10.2.3: a number or a date); None where there is none that can be read. now: Unix seconds."""
    text = headers.get("retry-after", "").strip()
    if re.fullmatch(r"[0-9]{1,9}", text):
        return float(text)
    try:
        return max(0.0, email.utils.parsedate_to_datetime(text).timestamp() - now)
    except ValueError:
        return None


# ---------------------------------------------------------------- Apple

_APNS_REASONS = {
    "BadDeviceToken": Outcome.BAD_TOKEN,
    "DeviceTokenNotForTopic": Outcome.BAD_TOKEN,
    "MissingDeviceToken": Outcome.BAD_TOKEN,
    "ExpiredToken": Outcome.DEAD_TOKEN,
    "Unregistered": Outcome.DEAD_TOKEN,
    "PayloadTooLarge": Outcome.PAYLOAD_TOO_LARGE,
    "TooManyRequests": Outcome.THROTTLED,
    "TooManyProviderTokenUpdates": Outcome.AUTH,
    "BadCertificate": Outcome.AUTH,
    "BadCertificateEnvironment": Outcome.AUTH,
    "IdleTimeout": Outcome.PROVIDER_ERROR,
}


def apns_attempt(status: int, headers: Mapping[str, str], body: bytes, now: float) -> Attempt:
    """What APNs' answer means. body: `{"reason": ..., "timestamp": ms}` on errors."""
    if status == 200:
        return Attempt(Outcome.DELIVERED, status)
    content = _object(body)
    reason = word(content.get("reason"))
    since = content.get("timestamp")
    by_status = {403: Outcome.AUTH, 410: Outcome.DEAD_TOKEN, 413: Outcome.PAYLOAD_TOO_LARGE, 429: Outcome.THROTTLED}
    outcome = _APNS_REASONS.get(reason) or by_status.get(status) or (Outcome.PROVIDER_ERROR if status >= 500 else Outcome.REJECTED)
    dead_since = int(since) // 1000 if outcome is Outcome.DEAD_TOKEN and isinstance(since, int | float) else None
    return Attempt(outcome, status, reason, retry_after(headers, now), dead_since)


# ---------------------------------------------------------------- Google

_FCM_CODES = {
    "UNREGISTERED": Outcome.DEAD_TOKEN,
    "SENDER_ID_MISMATCH": Outcome.BAD_TOKEN,
    "QUOTA_EXCEEDED": Outcome.THROTTLED,
    "THIRD_PARTY_AUTH_ERROR": Outcome.AUTH,
    "UNAVAILABLE": Outcome.PROVIDER_ERROR,
    "INTERNAL": Outcome.PROVIDER_ERROR,
}


def fcm_attempt(status: int, headers: Mapping[str, str], body: bytes, now: float) -> Attempt:
    """What FCM's answer means. body: google.rpc.Status as JSON, with an FcmError or a BadRequest among its details."""
    if status == 200:
        return Attempt(Outcome.DELIVERED, status)
    error = _object(body).get("error")
    error = error if isinstance(error, dict) else {}
    details = error.get("details")
    details = [one for one in details if isinstance(one, dict)] if isinstance(details, list) else []
    code = next((found for one in details if (found := word(one.get("errorCode")))), "")
    outcome = _FCM_CODES.get(code)
    if outcome is None and status == 400:
        outcome = _fcm_bad_request(str(error.get("message")), code, details)
    if outcome is None:
        by_status = {401: Outcome.AUTH, 403: Outcome.AUTH, 413: Outcome.PAYLOAD_TOO_LARGE, 429: Outcome.THROTTLED}
        outcome = by_status.get(status) or (Outcome.PROVIDER_ERROR if status >= 500 else Outcome.REJECTED)
    return Attempt(outcome, status, code or word(error.get("status")), retry_after(headers, now))


def _fcm_bad_request(message: str, code: str, details: list[dict[str, Any]]) -> Outcome:
    """INVALID_ARGUMENT has many causes: the token (FcmError, or a violation of `message.token`), the size, or our own mistake."""
    if "too big" in message.lower() or "too large" in message.lower():
        return Outcome.PAYLOAD_TOO_LARGE
    violated = [str(one.get("field")) for entry in details for one in entry.get("fieldViolations") or [] if isinstance(one, dict)]
    if "message.token" in violated or (code == "INVALID_ARGUMENT" and not violated):
        return Outcome.BAD_TOKEN
    return Outcome.REJECTED


def word(value: object) -> str:
    """A provider's error name, as in `BadTopic`, `NOT_FOUND` or `invalid_grant`; empty when it is anything else, a token for one."""
    return value if isinstance(value, str) and re.fullmatch(r"[A-Za-z][A-Za-z_]{0,39}", value) else ""


def _object(body: bytes) -> dict[str, Any]:
    try:
        content = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return {}
    return content if isinstance(content, dict) else {}
