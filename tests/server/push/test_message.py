import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carillon.protocol import UserInfo
from carillon.push.message import Kind, PushRequest, TooLarge, apns_body, apns_headers, fcm_body, lifetime

NOW = 1_800_000_000.5
any_text = st.text(st.characters(exclude_categories=()), max_size=300)
"""Any code points, lone surrogates and control characters included."""
long_text = st.builds(lambda text, times: text * times, any_text, st.integers(0, 100))
people = st.builds(UserInfo, any_text, long_text, long_text, long_text)
requests = st.builds(
    PushRequest,
    session_id=st.text(min_size=1, max_size=64),
    caller=people,
    callee_id=any_text,
    device_token=any_text,
    device_os=st.just("ios"),
    expires_at=st.integers(0, 2**33),
    media=st.none() | st.sampled_from(["audio", "video"]),
    data=st.none() | long_text,
)
kinds = st.sampled_from(Kind)


def request(**changes: Any) -> PushRequest:
    named: dict[str, Any] = {
        "session_id": "550e8400-e29b-41d4-a716-446655440000",
        "caller": UserInfo("user-123", "Ann", "ann", "https://example.com/ann.png"),
        "callee_id": "user-456",
        "device_token": "abc",
        "device_os": "ios",
        "expires_at": 1_800_000_060,
        "media": "video",
        "data": '{"room":7}',
    }
    return PushRequest(**(named | changes))


def fcm_message(sent: PushRequest, kind: Kind = Kind.INCOMING_CALL, now: float = NOW) -> dict[str, Any]:
    message: dict[str, Any] = json.loads(fcm_body(sent, kind, now).body)["message"]
    return message


def test_android_gets_the_keys_of_the_reference_and_ours() -> None:
    assert fcm_message(request()) == {
        "token": "abc",
        "data": {
            "type": "incoming_call",
            "session_id": "550e8400-e29b-41d4-a716-446655440000",
            "caller_id": "user-123",
            "caller_name": "Ann",
            "caller_username": "ann",
            "caller_image": "https://example.com/ann.png",
            "expires_at": "1800000060",
            "media": "video",
            "data": '{"room":7}',
        },
        "android": {"priority": "high", "ttl": "60s"},
    }


def test_android_keeps_the_keys_of_the_reference_for_a_caller_without_a_profile() -> None:
    data = fcm_message(request(caller=UserInfo("user-123"), media=None, data=None), Kind.CALL_CANCELLED)["data"]
    assert data == {
        "type": "call_cancelled",
        "session_id": "550e8400-e29b-41d4-a716-446655440000",
        "caller_id": "user-123",
        "caller_name": "",
        "caller_username": "",
        "caller_image": "",
        "expires_at": "1800000060",
    }


def test_ios_gets_the_keys_of_the_reference_and_ours() -> None:
    assert json.loads(apns_body(request(), Kind.INCOMING_CALL).body) == {
        "aps": {"alert": {"title": "Incoming Call", "body": "Ann is calling..."}, "content-available": 1},
        "type": "incoming_call",
        "session_id": "550e8400-e29b-41d4-a716-446655440000",
        "caller_id": "user-123",
        "callerName": "Ann",
        "handle": "Ann",
        "caller_username": "ann",
        "caller_image": "https://example.com/ann.png",
        "expires_at": 1_800_000_060,
        "media": "video",
        "data": '{"room":7}',
    }


@pytest.mark.parametrize(
    ("caller", "handle", "optional"),
    [
        (UserInfo("u"), "Unknown", set()),
        (UserInfo("u", username="ann"), "ann", {"caller_username"}),
        (UserInfo("u", name="Ann", image_profile="https://x/y"), "Ann", {"caller_image"}),
    ],
)
def test_ios_shows_the_best_name_there_is(caller: UserInfo, handle: str, optional: set[str]) -> None:
    payload = json.loads(apns_body(request(caller=caller, media=None, data=None), Kind.CALL_CANCELLED).body)
    assert payload["handle"] == handle
    assert payload["callerName"] == caller.name
    assert set(payload) == {"aps", "type", "session_id", "caller_id", "callerName", "handle", "expires_at"} | optional
    assert payload["type"] == "call_cancelled"


def test_apns_headers() -> None:
    headers = apns_headers(request(), Kind.INCOMING_CALL, "com.example.app.voip", NOW)
    again = apns_headers(request(), Kind.INCOMING_CALL, "com.example.app.voip", NOW + 5)
    cancel = apns_headers(request(), Kind.CALL_CANCELLED, "com.example.app.voip", NOW)
    assert headers["apns-topic"] == "com.example.app.voip"
    assert headers["apns-push-type"] == "voip"
    assert headers["apns-priority"] == "10"
    assert headers["apns-expiration"] == "1800000060"
    assert headers["apns-collapse-id"] == cancel["apns-collapse-id"] == "550e8400-e29b-41d4-a716-446655440000"
    assert again["apns-id"] == headers["apns-id"] != cancel["apns-id"]


@pytest.mark.parametrize(
    ("kind", "now", "seconds"),
    [
        (Kind.INCOMING_CALL, 1_800_000_000.9, 60),
        (Kind.INCOMING_CALL, 1_800_000_060.0, 0),
        (Kind.CALL_CANCELLED, 1_800_000_000.0, 60),
        (Kind.CALL_CANCELLED, 1_800_000_060.0, 30),
        (Kind.CALL_CANCELLED, 1_800_000_100.0, 30),
    ],
)
def test_a_push_is_kept_as_long_as_it_is_of_use(kind: Kind, now: float, seconds: int) -> None:
    assert lifetime(request(), kind, now) == seconds
    assert fcm_message(request(), kind, now)["android"]["ttl"] == f"{seconds}s"
    expiration = apns_headers(request(), kind, "t", now)["apns-expiration"]
    assert expiration == (str(int(now) + seconds) if seconds else "0")


@given(requests, kinds)
def test_no_profile_is_too_large_for_android(sent: PushRequest, kind: Kind) -> None:
    built = fcm_body(sent, kind, NOW)
    message = json.loads(built.body.decode())["message"]
    assert sum(len(key.encode()) + len(value.encode()) for key, value in message["data"].items()) <= 4096
    del message["token"]
    assert len(json.dumps({"message": message}, ensure_ascii=False, separators=(",", ":")).encode()) <= 4096
    assert all(isinstance(value, str) for value in message["data"].values())
    assert not [key for key in message["data"] if key in ("from", "message_type", "notification") or key.startswith(("google", "gcm"))]
    said = {"data": "data", "image": "caller_image", "username": "caller_username", "name": "caller_name"}
    for dropped in built.dropped:
        assert len(message["data"].get(said[dropped], "")) < len(getattr(sent.caller, dropped, None) or "x" * 10_000)


@given(requests, kinds)
def test_no_profile_is_too_large_for_ios(sent: PushRequest, kind: Kind) -> None:
    built = apns_body(sent, kind)
    payload = json.loads(built.body.decode())
    assert len(built.body) <= 5120
    assert payload["type"] == kind
    assert payload["expires_at"] == sent.expires_at
    assert payload["handle"]
    headers = apns_headers(sent, kind, "t", NOW)
    assert 0 < len(headers["apns-collapse-id"].encode()) <= 64
    assert all(value.isascii() and value.isprintable() for value in headers.values())


@given(requests, kinds)
def test_what_fits_is_sent_whole(sent: PushRequest, kind: Kind) -> None:
    """Nothing is left out without being named, and nothing while there is room for it."""
    for built, key in ((fcm_body(sent, kind, NOW), "caller_name"), (apns_body(sent, kind), "callerName")):
        payload = json.loads(built.body)
        content = payload["message"]["data"] if "message" in payload else payload
        if "name" not in built.dropped:
            assert content[key] == sent.caller.name.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        if not built.dropped and sent.data:
            assert content["data"] == sent.data.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def test_what_can_be_missed_most_easily_goes_first() -> None:
    def dropped(**sizes: int) -> tuple[str, ...]:
        caller = UserInfo("u", "n" * sizes.get("name", 5), "u" * sizes.get("username", 5), "i" * sizes.get("image", 5))
        sent = request(caller=caller, data="d" * sizes.get("data", 5))
        built = fcm_body(sent, Kind.INCOMING_CALL, NOW)
        assert len(built.body) > 3000 or len(built.dropped) < 4  # the name is cut no shorter than it must be
        return built.dropped

    assert dropped() == ()
    assert dropped(data=5000) == ("data",)
    assert dropped(image=5000) == ("data", "image")
    assert dropped(username=5000) == ("data", "image", "username")
    assert dropped(name=5000) == ("data", "image", "username", "name")


def test_a_cut_name_is_as_long_as_can_be() -> None:
    sent = request(caller=UserInfo("u", "🎉" * 5000))
    assert 4090 < len(fcm_body(sent, Kind.INCOMING_CALL, NOW).body) - len('"token":"abc",') <= 4096
    assert 5100 < len(apns_body(sent, Kind.INCOMING_CALL).body) <= 5120


@pytest.mark.parametrize("build", [lambda sent: fcm_body(sent, Kind.INCOMING_CALL, NOW), lambda sent: apns_body(sent, Kind.INCOMING_CALL)])
def test_ids_that_alone_are_too_large_are_an_error(build: Any) -> None:
    with pytest.raises(TooLarge):
        build(request(caller=UserInfo("x" * 6000)))


def test_what_is_secret_or_private_is_in_no_repr() -> None:
    shown = repr(request(device_token="tokentokentoken", data="private")) + repr(fcm_body(request(), Kind.INCOMING_CALL, NOW))
    for hidden in ("tokentokentoken", "private", "Ann", "abc"):
        assert hidden not in shown
