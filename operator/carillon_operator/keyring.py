"""The generated JWT keyring and its rotation. A new key first verifies only, until every pod has it; then it signs; the old one goes when
no token that it signed can live any more. So no token is refused at any moment, whoever signs them and whichever pod is asked.
"""

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from carillon_operator.spec.status import KeyringStatus
from carillon_operator.spec.times import seconds, stamp

PATIENCE = 120.0
"""Seconds that pods are given at least to read a changed keyring: kubelet takes up to 72 s where it is not nudged."""


@dataclass(frozen=True, slots=True, repr=False)
class Key:
    """kid: the number of the rotation that made it, for keys of ours."""

    kid: str
    secret: str
    use: Literal["sign", "verify"]


class BadKeyring(ValueError):
    """In words that quote nothing of it."""


@dataclass(frozen=True, slots=True)
class Step:
    """keys: what is to be written; None: nothing. said: what happened, for an event. again: seconds until time alone has an effect."""

    status: KeyringStatus
    keys: tuple[Key, ...] | None = None
    said: str = ""
    again: float | None = None


def parse(text: str) -> tuple[Key, ...]:
    """`{"keys": [{"kid", "secret", "use": "sign" or "verify"}]}`. Raises BadKeyring."""
    try:
        content = json.loads(text)
    except ValueError:
        raise BadKeyring("it is not JSON") from None
    keys = content.get("keys") if isinstance(content, Mapping) else None
    if not isinstance(keys, list) or not keys:
        raise BadKeyring('it has no list "keys" with keys in it')
    found = tuple(_key(one, place) for place, one in enumerate(keys, start=1))
    if len({one.kid for one in found}) < len(found):
        raise BadKeyring("two keys have the same kid")
    if sum(one.use == "sign" for one in found) != 1:
        raise BadKeyring('exactly one key must have "use": "sign"')
    return found


def _key(value: Any, place: int) -> Key:
    if not isinstance(value, Mapping):
        raise BadKeyring(f"key {place} is no object")
    kid, secret, use = (value.get(name) for name in ("kid", "secret", "use"))
    if not isinstance(kid, str) or not kid or not isinstance(secret, str) or not secret:
        raise BadKeyring(f"key {place} lacks kid or secret")
    if use not in ("sign", "verify"):
        raise BadKeyring(f'key {place} has a "use" other than sign and verify')
    return Key(kid, secret, use)


def render(keys: Sequence[Key]) -> str:
    return json.dumps({"keys": [{"kid": one.kid, "secret": one.secret, "use": one.use} for one in keys]})


def new_key(kid: str, entropy: bytes, use: Literal["sign", "verify"]) -> Key:
    return Key(kid, base64.urlsafe_b64encode(entropy).decode().rstrip("="), use)


def checksum(text: str) -> str:
    """By which a pod tells which keyring it has loaded, without telling the keyring."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def advance(keys: tuple[Key, ...], wanted: int, status: KeyringStatus, loaded: bool, lifetime: float, entropy: bytes, now: float) -> Step:
    """One step of a rotation, or none.

    wanted: `spec.auth.rotation`. loaded: every pod says that it has just this keyring. lifetime: seconds of the longest token.
    entropy: random bytes for a key, should one be made. now: Unix time in seconds. The keys themselves say how far it has come; status
    says since when. A status that was lost waits anew.
    """
    since = seconds(status.since)
    signs = next(one for one in keys if one.use == "sign")
    fresh = next((one for one in keys if one.use == "verify" and _number(one) > _number(signs)), None)
    if fresh:
        return _verifying(keys, fresh, status, loaded, now, since)
    old = [one for one in keys if 0 <= _number(one) < _number(signs)]
    if old:
        return _retiring(keys, old, signs, status, lifetime, now, since)
    if wanted <= max(_number(signs), 0):
        return Step(KeyringStatus(rotation=max(_number(signs), 0)))
    added = new_key(str(wanted), entropy, "verify")
    phase = KeyringStatus(rotation=wanted, phase="Verifying", since=stamp(now))
    return Step(phase, (*keys, added), f"key {added.kid} was added; it signs as soon as every pod has it", PATIENCE)


def _verifying(keys: tuple[Key, ...], fresh: Key, status: KeyringStatus, loaded: bool, now: float, since: float | None) -> Step:
    started = now if since is None or status.phase != "Verifying" else since
    waiting = KeyringStatus(rotation=_number(fresh), phase="Verifying", since=stamp(started))
    left = started + PATIENCE - now
    if left > 0 or not loaded:
        return Step(waiting, again=left if left > 0 else None)
    turned = tuple(Key(one.kid, one.secret, "sign" if one is fresh else "verify") for one in keys)
    phase = KeyringStatus(rotation=_number(fresh), phase="Retiring", since=stamp(now))
    return Step(phase, turned, f"key {fresh.kid} signs; the old one verifies until the last of its tokens has expired")


def _retiring(
    keys: tuple[Key, ...], old: list[Key], signs: Key, status: KeyringStatus, lifetime: float, now: float, since: float | None
) -> Step:
    started = now if since is None or status.phase != "Retiring" else since
    left = started + lifetime + PATIENCE - now
    if left > 0:
        return Step(KeyringStatus(rotation=_number(signs), phase="Retiring", since=stamp(started)), again=left)
    names = " and ".join(one.kid for one in old)
    return Step(KeyringStatus(rotation=_number(signs)), tuple(one for one in keys if one not in old), f"key {names} was taken out")


def _number(key: Key) -> int:
    """The rotation that made it; -1 for keys of others, which are left alone."""
    return int(key.kid) if key.kid.isascii() and key.kid.isdigit() and len(key.kid) < 10 else -1
