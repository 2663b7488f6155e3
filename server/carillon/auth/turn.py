"""Time-limited TURN credentials, as coturn's `use-auth-secret` checks them (draft-uberti-behave-turn-rest-00)."""

import base64
import hashlib
import hmac

from carillon.config import TurnSettings
from carillon.protocol import IceServer


def credentials(secret: str, user_id: str, now: float, ttl: int) -> tuple[str, str]:
    """(username `<expiry>:<user>`, base64 of its HMAC-SHA1). now: Unix time in seconds; ttl: seconds."""
    username = f"{int(now) + ttl}:{user_id}"
    digest = hmac.new(secret.encode(), username.encode(), hashlib.sha1).digest()
    return username, base64.b64encode(digest).decode()


def ice_servers(settings: TurnSettings, user_id: str, now: float) -> list[IceServer]:
    """STUN servers without credentials, TURN servers with fresh ones; empty where none is configured."""
    stun = [url for url in settings.urls if url.startswith("stun")]
    turn = [url for url in settings.urls if url.startswith("turn")]
    servers = [IceServer(stun)] if stun else []
    if turn:
        username, credential = credentials(settings.secret, user_id, now, settings.ttl)
        servers.append(IceServer(turn, username, credential))
    return servers
