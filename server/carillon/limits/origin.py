"""Which web pages may connect (RFC 6454; browsers send Origin and pages cannot change it)."""

from collections.abc import Sequence

_PORTS = {"http": ":80", "https": ":443"}


def allowed(origin: str | None, origins: Sequence[str]) -> bool:
    """origins: of the settings; none or `*` allow any. Apps send no Origin: nothing that a page could do is prevented by refusing them."""
    if origin is None or not origins or "*" in origins:
        return True
    mine = _normal(origin.lower())
    return any(_matches(mine, _normal(one)) for one in origins)


def _normal(origin: str) -> str:
    """Without a port that is the scheme's own."""
    scheme = origin.partition("://")[0]
    return origin.removesuffix(_PORTS.get(scheme, "\0"))


def _matches(origin: str, pattern: str) -> bool:
    scheme, wild, rest = pattern.partition("://*.")
    if not wild:
        return origin == pattern
    start, end = f"{scheme}://", f".{rest}"
    return origin.startswith(start) and origin.endswith(end) and len(origin) > len(start) + len(end)
