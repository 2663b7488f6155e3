"""The decoder: what it takes, what it refuses, and that nothing else can come of any bytes."""

import json
import random
from typing import get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from carillon import protocol
from carillon.errors import ProtocolError

SESSION = "550e8400-e29b-41d4-a716-446655440000"
REFERENCE = [
    ("call.start", {"callee_id": "user-456"}),
    ("call.start", {"callee_id": "user-456", "callee_device_token": "fcm-or-apns-token", "callee_os": "android"}),
    ("call.accept", {"session_id": SESSION}),
    ("call.reject", {"session_id": SESSION}),
    ("call.end", {"session_id": SESSION}),
    ("call.check", {"session_id": SESSION}),
    ("webrtc.offer", {"session_id": SESSION, "sdp": "v=0\r\no=- 123456 2 IN IP4 127.0.0.1\r\n..."}),
    ("webrtc.answer", {"session_id": SESSION, "sdp": "v=0\r\no=- 789012 2 IN IP4 127.0.0.1\r\n..."}),
    ("webrtc.ice", {"session_id": SESSION, "candidate": "candidate:1 1 UDP 2122252543 192.168.1.1 12345 typ host"}),
    ("webrtc.ice", {"session_id": SESSION, "candidate": "", "sdpMid": "0", "sdpMLineIndex": 0}),
    ("webrtc.ice", {"session_id": SESSION, "candidate": None}),
    ("webrtc.ice", {"session_id": SESSION, "candidate": {"candidate": "candidate:1", "sdpMid": "0"}}),
]


@pytest.mark.parametrize(("kind", "payload"), REFERENCE)
def test_messages_of_the_reference(kind: str, payload: dict[str, object]) -> None:
    for extra in ({}, {"unknown": [1, {"x": None}]}):
        message = protocol.decode(json.dumps({"payload": payload | extra, "type": kind, "more": 1}))
        if isinstance(message, protocol.Relay):
            assert protocol.relay_session(message) == SESSION


def test_every_text_of_a_start_is_bounded_for_it_is_stored() -> None:
    fields = msgspec.json.schema_components([protocol.StartPayload])[1]["StartPayload"]["properties"]
    for name, field in fields.items():
        for kind in field.get("anyOf", [field]):
            assert kind.get("type") == "null" or "maxLength" in kind or "enum" in kind, name


@pytest.mark.parametrize(
    "bad",
    [
        b"",
        b"\xff\xfe",
        b"nonsense",
        b"[" * 100_000,
        b'{"type":"call.start"}',
        b'{"type":"call.start","payload":null}',
        b'{"type":"call.start","payload":{"callee_id":""}}',
        b'{"type":"call.start","payload":{"callee_id":"\\ud800"}}',
        b'{"type":"call.start","payload":{"callee_id":"b","media":"smell"}}',
        b'{"type":"call.start","payload":{"callee_id":"b","callee_os":"' + b"x" * 33 + b'"}}',
        b'{"type":"call.start","payload":{"callee_id":"b","data":"' + b"x" * 1025 + b'"}}',
        '{{"type":"call.start","payload":{{"callee_id":"b","data":"{}"}}}}'.format("é" * 600).encode(),
        b'{"type":"call.accept","payload":{"session_id":5}}',
        b'{"type":"call.accept","payload":{"session_id":"s"},"n":-1}',
        b'{"type":"call.accept","payload":{"session_id":"s"},"n":1e300}',
        b'{"type":"session.welcome","payload":{}}',
    ],
)
def test_refused(bad: bytes) -> None:
    with pytest.raises(ProtocolError):
        protocol.decode(bad)


def refusal(text: str) -> str:
    """Why a message is refused; empty where it is not."""
    try:
        message = protocol.decode(text)
        if isinstance(message, protocol.Relay):
            protocol.relay_session(message)
    except ProtocolError as error:
        return str(error)
    return ""


@pytest.mark.parametrize(
    "field", ["callee_id", "callee_device_token", "callee_os", "media", "data", "session_id", "sdp", "candidate", "seq", "n"]
)
@pytest.mark.parametrize(
    "value", ['"VERBATIM"', '["VERBATIM"]', '{"VERBATIM":"VERBATIM"}', '"VERBATIM\\ud800"', '"' + "VERBATIM" * 1000 + '"']
)
def test_a_refusal_quotes_nothing(field: str, value: str) -> None:
    kinds = [message.__struct_config__.tag for message in get_args(protocol.ClientMessage)]
    for kind in [*kinds, "VERBATIM"]:
        for text in (f'{{"type":"{kind}","payload":{{"{field}":{value}}}}}', f'{{"type":"{kind}","payload":{value},"n":{value}}}'):
            assert "VERBATIM" not in refusal(text)


@pytest.mark.parametrize(
    ("text", "n"),
    [('{"n":7,"type":"nonsense"}', 7), ('{"n":7,"payload":{"x":[1]}}', 7), ('{"n":-7}', None), ('{"n":"7"}', None), ("{", None)],
)
def test_a_message_that_cannot_be_read_may_still_have_a_number(text: str, n: int | None) -> None:
    assert protocol.number_of(text.encode()) == n


@pytest.mark.parametrize(
    "payload", ['{"sdp":"x"}', '{"session_id":"s"}', '{"session_id":"s","sdp":""}', '{"session_id":"s","sdp":7}', "[]", "7"]
)
def test_a_relayed_message_must_have_its_shape(payload: str) -> None:
    with pytest.raises(ProtocolError):
        protocol.relay_session(protocol.decode(f'{{"type":"webrtc.offer","payload":{payload}}}'))  # type: ignore[arg-type] # an Offer


json_values = st.recursive(st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(), st.lists, max_leaves=10)


@given(st.dictionaries(st.text(), json_values), st.integers(1, 8))
def test_payloads_pass_verbatim(extra: dict[str, object], indent: int) -> None:
    payload = json.dumps(extra | {"session_id": "s", "sdp": "x"}, indent=indent, ensure_ascii=False).encode(errors="surrogatepass")
    try:
        message = protocol.decode(b'{"type":"webrtc.offer","payload":' + payload + b"}")
    except ProtocolError:
        return
    assert isinstance(message, protocol.Offer)
    assert bytes(message.payload) == payload
    assert json.loads(protocol.encode_relay("webrtc.offer", payload, 7))["seq"] == 7


def test_a_hundred_thousand_mangled_frames() -> None:
    seed = random.randrange(2**32)
    print("seed", seed)
    chance = random.Random(seed)
    whole = [json.dumps({"type": kind, "payload": payload}).encode() for kind, payload in REFERENCE]
    for _ in range(100_000):
        frame = bytearray(chance.choice(whole))
        for _ in range(chance.randrange(1, 6)):
            at = chance.randrange(len(frame))
            match chance.randrange(4):
                case 0:
                    frame[at] = chance.randrange(256)
                case 1:
                    del frame[at : at + chance.randrange(1, 20)]
                case 2:
                    frame[at:at] = chance.choice([b'"', b"{", b"}", b"\\u", b"\x00", b"[[[[", b",,", b"1e999"])
                case 3:
                    frame += frame[at:]
            frame = frame or bytearray(b"{")
        try:
            message = protocol.decode(bytes(frame))
            if isinstance(message, protocol.Relay):
                protocol.relay_session(message)
        except ProtocolError:
            continue
