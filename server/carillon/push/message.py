"""What is sent: pure builders of FCM v1 messages and APNs requests.

Names and values are those of the reference server, so that existing apps keep working; `expires_at`, `media` and `data` are ours. What does
not fit the provider's limit is left out in a fixed order (`data`, image, user name, and the end of the name), and the result says so.
"""

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

import msgspec

from carillon.protocol import UserInfo

FCM_LIMIT = 4096
"""Bytes of a message (Google: FCM error codes, "message too big"). Counted here: all of it but the token, so the sum is never above it."""
VOIP_LIMIT = 5120
"""Bytes of a VoIP push's payload (Apple: Generating a remote notification)."""
COLLAPSE_LIMIT = 64
"""Bytes of apns-collapse-id (Apple: Sending notification requests to APNs)."""
CANCEL_TTL = 30
"""Seconds a cancel is worth delivering after the ring's end: a phone out of coverage then may still be ringing."""


class Kind(StrEnum):
    """`type` of the payload."""

    INCOMING_CALL = "incoming_call"
    CALL_CANCELLED = "call_cancelled"


class TooLarge(ValueError):
    """Not even what must be said fits."""


@dataclass(frozen=True, slots=True)
class PushRequest:
    """Who is to be woken, for which call.

    device_os: `android` or `ios`. data: opaque text from the caller. expires_at: Unix seconds, the end of the ring.
    traceparent: of the call's root span; empty: not traced.
    """

    session_id: str
    caller: UserInfo = field(repr=False)
    callee_id: str
    device_token: str = field(repr=False)
    device_os: str | None
    expires_at: int
    media: str | None = None
    data: str | None = field(default=None, repr=False)
    traceparent: str = ""


@dataclass(frozen=True, slots=True)
class Built:
    """body: JSON in UTF-8. dropped: what was left out or cut to keep to the limit."""

    body: bytes = field(repr=False)
    dropped: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Card:
    """What a push can do without."""

    name: str
    username: str
    image: str
    data: str | None


# ---------------------------------------------------------------- Google


def fcm_body(request: PushRequest, kind: Kind, now: float) -> Built:
    """A data message to one token (Google: FCM REST v1, `projects.messages.send`). Raises TooLarge. now: Unix seconds.

    There is no collapse_key: collapsible messages are throttled to 20 at once and one in three minutes for each device.
    """
    ttl = max(0, lifetime(request, kind, now))

    def message(card: _Card) -> dict[str, Any]:
        content = {
            "type": kind.value,
            "session_id": text(request.session_id),
            "caller_id": text(request.caller.user_id),
            "caller_name": card.name,
            "caller_username": card.username,
            "caller_image": card.image,
            "expires_at": str(request.expires_at),
        }
        if request.media:
            content["media"] = request.media
        if card.data is not None:
            content["data"] = card.data
        return {"data": content, "android": {"priority": "high", "ttl": f"{ttl}s"}}

    def size(card: _Card) -> int:
        return len(msgspec.json.encode({"message": message(card)}))

    card, dropped = _fit(request, size, FCM_LIMIT)
    return Built(msgspec.json.encode({"message": {"token": text(request.device_token), **message(card)}}), dropped)


# ---------------------------------------------------------------- Apple


def apns_body(request: PushRequest, kind: Kind) -> Built:
    """The payload of a VoIP push. Raises TooLarge.

    iOS shows no alert of a VoIP push; apps read `handle` and `callerName`. Empty user name and image are left out, as in the reference.
    """

    def encode(card: _Card) -> bytes:
        shown = card.name or card.username or "Unknown"
        rings = kind is Kind.INCOMING_CALL
        title, body = ("Incoming Call", f"{shown} is calling...") if rings else ("Missed Call", f"{shown} called")
        content: dict[str, Any] = {
            "aps": {"alert": {"title": title, "body": body}, "content-available": 1},
            "type": kind.value,
            "session_id": text(request.session_id),
            "caller_id": text(request.caller.user_id),
            "callerName": card.name,
            "handle": shown,
            "expires_at": request.expires_at,
        }
        optional = {"caller_username": card.username, "caller_image": card.image, "media": request.media, "data": card.data}
        return msgspec.json.encode(content | {key: value for key, value in optional.items() if value})

    card, dropped = _fit(request, lambda card: len(encode(card)), VOIP_LIMIT)
    return Built(encode(card), dropped)


def apns_headers(request: PushRequest, kind: Kind, topic: str, now: float) -> dict[str, str]:
    """Headers but for authorization (Apple: Sending notification requests to APNs). now: Unix seconds.

    apns-id is the same for every attempt at a push. The collapse id makes a cancel take the place of a ring that is still stored.
    """
    return {
        "apns-topic": topic,
        "apns-push-type": "voip",
        "apns-priority": "10",
        "apns-expiration": str(int(now) + ttl if (ttl := lifetime(request, kind, now)) > 0 else 0),
        "apns-id": str(uuid.uuid5(uuid.NAMESPACE_OID, f"{text(request.session_id)}/{kind}")),
        "apns-collapse-id": _ascii(request.session_id)[:COLLAPSE_LIMIT],
        "content-type": "application/json",
    }


# ---------------------------------------------------------------- both


def lifetime(request: PushRequest, kind: Kind, now: float) -> int:
    """Whole seconds for which the provider may keep the push for a device it cannot reach; 0 or less: now or never."""
    left = request.expires_at - int(now)
    return max(left, CANCEL_TTL) if kind is Kind.CALL_CANCELLED else left


def text(value: str) -> str:
    """Without lone surrogates, which JSON can carry in and UTF-8 cannot carry out: each becomes U+FFFD."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return value


def _ascii(value: str) -> str:
    return "".join(char if char.isascii() and char.isprintable() else "?" for char in value)


def _fit(request: PushRequest, size: Callable[[_Card], int], limit: int) -> tuple[_Card, tuple[str, ...]]:
    """The fullest card that keeps to the limit, and what it lacks."""
    caller = request.caller
    data = None if request.data is None else text(request.data)
    card = _Card(text(caller.name), text(caller.username), text(caller.image_profile), data)
    dropped: list[str] = []
    for name, smaller in (
        ("data", replace(card, data=None)),
        ("image", replace(card, data=None, image="")),
        ("username", _named(card.name)),
    ):
        if size(card) <= limit:
            return card, tuple(dropped)
        if smaller != card:
            card = smaller
            dropped.append(name)
    if size(card) <= limit:
        return card, tuple(dropped)
    return _named(_longest(card.name, lambda name: size(_named(name)) <= limit)), (*dropped, "name")


def _named(name: str) -> _Card:
    return _Card(name, username="", image="", data=None)


def _longest(name: str, fits: Callable[[str], bool]) -> str:
    """The longest beginning that fits. Raises TooLarge when the empty one does not."""
    if not fits(""):
        raise TooLarge("the ids alone are larger than a push may be")
    low, high = 0, len(name)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if fits(name[:middle]) else (low, middle - 1)
    return name[:low]
