"""Types that settings have beyond Python's own, and how their text reads."""

import re
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network

Network = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True)
class Rate:
    """A token bucket: `count` at once, and `count` per `seconds` in the long run. Written `120/60`."""

    count: int
    seconds: float

    @property
    def per_second(self) -> float:
        return self.count / self.seconds

    def __str__(self) -> str:
        return f"{self.count}/{self.seconds:g}"


def rate(text: str) -> Rate | None:
    """`COUNT/SECONDS`; `off` is no limit."""
    if text.lower() == "off":
        return None
    count, slash, seconds = text.partition("/")
    try:
        made = Rate(int(count), float(seconds))
    except ValueError:
        slash = ""
        made = Rate(1, 1.0)
    if not slash or made.count < 1 or not 0 < made.seconds <= 86_400:
        raise ValueError("COUNT/SECONDS, as in 120/60, or off")
    return made


def networks(text: str) -> tuple[Network, ...]:
    """Comma-separated CIDR ranges or single addresses."""
    made = []
    for part in listed(text):
        try:
            made.append(ip_network(part))
        except ValueError:
            raise ValueError("a comma-separated list of networks, as in 10.0.0.0/8,fd00::/8 (host bits zero)") from None
    return tuple(made)


def listed(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def origins(text: str) -> tuple[str, ...]:
    """Comma-separated web origins (RFC 6454 §6.2), lower case, no path; `*` alone: any; `https://*.example.com`: any one below."""
    made = []
    for part in listed(text):
        if part == "*":
            made.append(part)
            continue
        if not re.fullmatch(r"https?://(\*\.)?([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?", part):
            raise ValueError("a comma-separated list of origins without a path, as in https://app.example.com,https://*.example.org")
        made.append(part.lower())
    return tuple(made)


def https_url(text: str) -> str:
    """An https URL; http only for this very machine."""
    match = re.fullmatch(r"(https?)://([^/?#@\s:]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?([/?][^\s#]*)?", text)
    if match is None or (match[1] == "http" and match[2] not in ("localhost", "127.0.0.1", "[::1]")):
        raise ValueError("an https:// URL without user or password (http:// for localhost only)")
    return text


def ice_urls(text: str) -> tuple[str, ...]:
    """Comma-separated STUN and TURN URIs (RFC 7064, RFC 7065)."""
    urls = listed(text)
    for url in urls:
        scheme, _, rest = url.partition(":")
        if scheme not in ("stun", "stuns", "turn", "turns") or not rest or rest.startswith("//"):
            raise ValueError("a comma-separated list of ICE servers, as in turn:turn.example.com:3478?transport=udp,stun:stun.example.com")
    return urls
