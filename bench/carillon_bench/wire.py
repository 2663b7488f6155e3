"""What a client sends, ready made: handshakes, masked frames, tokens, the reference's messages."""

import json
import struct
import time

import jwt
from websockets.utils import apply_mask

SECRET = "a secret for benchmarks, thirty-two bytes and more"
MASK = b"\x5a\xc3\x17\x88"
"""One for all: what a mask costs the server does not depend on it."""
TEXT, CLOSE, PING, PONG = 0x81, 0x88, 0x89, 0x8A

RELAY_BYTES = 250
SDP_BYTES = 1500
"""A session description for audio alone has about so many."""


def token(user_id: str) -> str:
    now = int(time.time())
    return jwt.encode({"hash": user_id, "name": f"User {user_id}", "username": user_id, "iat": now, "exp": now + 3600}, SECRET, "HS256")


def handshake(port: int, user_id: str, *, v1: bool = False) -> bytes:
    """The request of one user: by `?token=` as the reference takes it, by subprotocols as v1 clients in browsers do."""
    path, more = f"/ws?token={token(user_id)}", ""
    if v1:
        path, more = "/ws", f"Sec-WebSocket-Protocol: carillon.v1, bearer.{token(user_id)}\r\n"
    head = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    return f"{head}Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n{more}\r\n".encode()


def frame(data: bytes, first: int = TEXT) -> bytes:
    """RFC 6455 §5.2, as a client sends it."""
    length = len(data)
    head = bytes((first, 0x80 | length)) if length < 126 else struct.pack("!BBH", first, 0x80 | 126, length)
    return head + MASK + apply_mask(data, MASK)


def message(kind: str, payload: dict[str, object], n: int | None = None) -> bytes:
    body: dict[str, object] = {"type": kind, "payload": payload}
    if n is not None:
        body["n"] = n
    return json.dumps(body, separators=(",", ":")).encode()


def ice(session_id: str, size: int = RELAY_BYTES) -> bytes:
    """A `webrtc.ice` message of exactly so many bytes."""
    fields: dict[str, object] = {"session_id": session_id, "candidate": "", "sdpMid": "0", "sdpMLineIndex": 0}
    fields["candidate"] = "candidate:1 1 udp 2122252543 192.0.2.1 54321 typ host ".ljust(size - len(message("webrtc.ice", fields)), "x")
    return message("webrtc.ice", fields)


def description(kind: str, session_id: str) -> bytes:
    """A `webrtc.offer` or `webrtc.answer`."""
    return message(kind, {"session_id": session_id, "sdp": "v=0\r\n" + "a=candidate\r\n" * (SDP_BYTES // 13)})
