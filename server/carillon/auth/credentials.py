"""Where a token is carried: header, subprotocol or query."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import parse_qs

from carillon.errors import AuthError
from carillon.protocol import BEARER_PREFIX, SUBPROTOCOL


@dataclass(frozen=True, slots=True)
class Credentials:
    token: str = field(repr=False)
    v1: bool = False


def credentials(headers: Sequence[tuple[bytes, bytes]], subprotocols: Sequence[str], query: bytes) -> Credentials:
    """The one token of a handshake. Raises AuthError when there is none, or several that differ."""
    found = [protocol.removeprefix(BEARER_PREFIX) for protocol in subprotocols if protocol.startswith(BEARER_PREFIX)]
    for name, value in headers:
        scheme, _, token = value.decode("latin-1").partition(" ")
        if name.lower() == b"authorization" and scheme.lower() == "bearer":
            found.append(token.strip())
    found += parse_qs(query.decode("latin-1")).get("token", [])
    tokens = {token for token in found if token}
    if not tokens:
        raise AuthError("Missing token")
    if len(tokens) > 1:
        raise AuthError("Several tokens that differ")
    return Credentials(tokens.pop(), SUBPROTOCOL in subprotocols)
