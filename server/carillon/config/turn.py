"""TURN credentials for clients (coturn's time-limited ones)."""

from dataclasses import dataclass

from carillon.config.declare import setting
from carillon.config.values import ice_urls


@dataclass(frozen=True, slots=True)
class TurnSettings:
    """STUN and TURN"""

    urls: tuple[str, ...] = setting(
        "TURN_URLS",
        (),
        parse=ice_urls,
        shown="none",
        example="turn:turn.example.com:3478?transport=udp",
        why="ICE servers given to clients; without TURN about one call in seven has no path.",
    )
    secret: str = setting(
        "TURN_SECRET", "", secret=True, why="coturn's static-auth-secret; never given to clients, who get an HMAC of a name and a time."
    )
    ttl: int = setting(
        "TURN_TTL",
        43_200,
        unit="s",
        least=60,
        most=604_800,
        why="Longer than any call: coturn refuses to prolong an allocation whose credentials have expired.",
    )
