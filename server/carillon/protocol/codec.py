"""Text to messages and back."""

from typing import Any

import msgspec

from carillon.errors import ProtocolError
from carillon.protocol.client import Answer, ClientMessage, Ice, Offer, Relay, Start, StartPayload
from carillon.protocol.values import DATA_BYTES, Number

_decoder = msgspec.json.Decoder(ClientMessage)
_checks = {message: msgspec.json.Decoder(message.checked) for message in (Offer, Answer, Ice)}
_encoder = msgspec.json.Encoder()
encode = _encoder.encode


def decode(data: bytes | str) -> ClientMessage:
    """One client message. Raises ProtocolError, whose text quotes nothing of what came."""
    try:
        message: ClientMessage = _decoder.decode(data)
        match message:
            case Start(payload=StartPayload(data=str(text))) if len(text.encode()) > DATA_BYTES:
                raise ProtocolError(f"Expected `str` of at most {DATA_BYTES} bytes - at `$.payload.data`")
    except ProtocolError:
        raise
    except msgspec.ValidationError as error:
        raise ProtocolError(_reason(error)) from None
    except (msgspec.DecodeError, RecursionError, ValueError):
        raise ProtocolError("Invalid message format") from None
    return message


def _reason(error: msgspec.ValidationError) -> str:
    """What is wrong and where; msgspec quotes values only where it knows all that are allowed."""
    what, _, where = str(error).rpartition(" - at ")
    if not what.startswith("Invalid "):
        return str(error)
    return "Unknown message type" if where == "`$.type`" else f"Value not allowed - at {where}"


def relay_session(message: Relay) -> str:
    """The session a WebRTC message belongs to. Raises ProtocolError when the payload is not of its type's shape."""
    try:
        checked: Any = _checks[type(message)].decode(message.payload)
    except msgspec.ValidationError as error:
        raise ProtocolError(_reason(error).replace("`$", "`$.payload")) from None
    except (msgspec.DecodeError, RecursionError, ValueError):
        raise ProtocolError("Invalid payload") from None
    session_id: str = checked.session_id
    return session_id


class _Numbered(msgspec.Struct):
    n: Number | None = None


_numbers = msgspec.json.Decoder(_Numbered)


def number_of(data: bytes) -> int | None:
    """The `n` of a message that is refused unread, so that its refusal can name it."""
    try:
        return _numbers.decode(data).n
    except (msgspec.DecodeError, RecursionError, ValueError):
        return None


def encode_relay(name: str, payload: bytes, seq: int | None = None) -> bytes:
    """A relayed message: the payload's bytes untouched inside a fresh envelope."""
    if seq is None:
        return b'{"type":"%b","payload":%b}' % (name.encode(), payload)
    return b'{"type":"%b","payload":%b,"seq":%d}' % (name.encode(), payload, seq)
