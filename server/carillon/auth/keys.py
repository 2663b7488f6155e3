"""The keys that tokens are checked with, each bound to the algorithms of its own kind."""

import hashlib
import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import jwt
import msgspec
from jwt.algorithms import Algorithm, get_default_algorithms

from carillon.config.auth import SYMMETRIC

log = logging.getLogger(__name__)

SHORTEST_SECRET = 16
"""Bytes; RFC 7518 §3.2 asks for 32 with HS256, which is remarked upon at start. Below 16 a secret can be guessed."""
_ALGORITHMS: dict[str, Algorithm] = get_default_algorithms()
_BY_TYPE = {"RSA": ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"), "OKP": ("EdDSA",)}
_BY_CURVE = {"P-256": ("ES256",), "P-384": ("ES384",), "P-521": ("ES512",)}


@dataclass(frozen=True, slots=True)
class Key:
    """kid: empty where the key has no name. algorithms: what it may be used with. key: as PyJWT's algorithm takes it."""

    kid: str
    algorithms: tuple[str, ...]
    key: Any = field(repr=False)


class KeySource(Protocol):
    def find(self, kid: str, algorithm: str, now: float) -> Sequence[Key]:
        """Keys that a token of this header may be signed with; those without a matching name only where it names none."""

    async def refresh(self, kid: str, now: float) -> bool:
        """A key was not found: look for newer ones, if that is due. True: look again."""


class _Entry(msgspec.Struct, frozen=True):
    kid: str
    secret: str
    use: str = "verify"


class _Keyring(msgspec.Struct, frozen=True):
    keys: list[_Entry]


def match(keys: Sequence[Key], kid: str, algorithm: str) -> list[Key]:
    """Named keys for a token that names one; all of the kind for a token that does not."""
    return [key for key in keys if algorithm in key.algorithms and (not kid or key.kid == kid)]


def secret_key(secret: str, kid: str = "") -> Key:
    prepared = _ALGORITHMS["HS256"].prepare_key(secret)
    return Key(kid, SYMMETRIC, prepared)


def read_keyring(data: bytes) -> tuple[Key, ...]:
    """`{"keys": [{"kid", "secret", "use"}]}`; both uses verify. Raises ValueError, whose text holds no secret."""
    try:
        keyring = msgspec.json.decode(data, type=_Keyring)
    except msgspec.DecodeError as error:
        raise ValueError(f"not a keyring: {error}") from None
    if not keyring.keys:
        raise ValueError("a keyring without keys")
    for entry in keyring.keys:
        if not entry.kid or len(entry.secret.encode()) < SHORTEST_SECRET:
            raise ValueError(f"every key needs a kid and a secret of at least {SHORTEST_SECRET} bytes")
    return tuple(secret_key(entry.secret, entry.kid) for entry in keyring.keys)


def read_jwks(data: bytes) -> tuple[Key, ...]:
    """The usable public keys of a JWK Set (RFC 7517 §5); keys of kinds we do not know are left out. Raises ValueError."""
    try:
        entries = json.loads(data)["keys"]
    except (ValueError, TypeError, KeyError, RecursionError):
        raise ValueError("not a JWK Set") from None
    keys = []
    for entry in entries if isinstance(entries, list) else []:
        key = _public_key(entry)
        if key is not None:
            keys.append(key)
    if not keys:
        raise ValueError("a JWK Set without a key that can verify")
    return tuple(keys)


def _public_key(entry: Any) -> Key | None:
    if not isinstance(entry, dict) or entry.get("use", "sig") != "sig" or "d" in entry or "k" in entry:
        return None
    algorithms = _BY_TYPE.get(str(entry.get("kty")), ()) or _BY_CURVE.get(str(entry.get("crv")), ())
    if entry.get("alg"):
        algorithms = tuple(name for name in algorithms if name == entry["alg"])
    if not algorithms:
        return None
    try:
        return Key(str(entry.get("kid") or ""), algorithms, jwt.PyJWK(entry, algorithm=algorithms[0]).key)
    except (jwt.PyJWTError, ValueError, TypeError):
        return None


class Secret:
    """One secret for all tokens, whatever key they name."""

    def __init__(self, secret: str) -> None:
        self._keys = (secret_key(secret),)

    def find(self, kid: str, algorithm: str, now: float) -> Sequence[Key]:
        return match(self._keys, "", algorithm)

    async def refresh(self, kid: str, now: float) -> bool:
        return False


class KeyringFile:
    """Secrets in a file, read again when it changes; a broken one leaves the last good keys in force."""

    PERIOD = 1.0
    """Seconds between looks at the file."""

    def __init__(self, path: Path) -> None:
        """Raises OSError or ValueError: at start there are no good keys to fall back on."""
        self._path = path
        self._mark = self._look()
        self._load(path.read_bytes())
        self._looked = 0.0

    def _look(self) -> tuple[int, int, int]:
        """Kubernetes swaps a symbolic link: what it points to has another inode."""
        status = self._path.stat()
        return status.st_ino, status.st_mtime_ns, status.st_size

    def _load(self, data: bytes) -> None:
        self._keys = read_keyring(data)
        self._checksum = hashlib.sha256(data).hexdigest()[:16]

    def find(self, kid: str, algorithm: str, now: float) -> Sequence[Key]:
        self._renew(now)
        return match(self._keys, kid, algorithm)

    def checksum(self, now: float) -> str:
        """Of the file whose keys are in force, without telling them. now: Unix time in seconds."""
        self._renew(now)
        return self._checksum

    def _renew(self, now: float) -> None:
        if now - self._looked >= self.PERIOD or now < self._looked:
            self._looked = now
            self._reload()

    def _reload(self) -> None:
        try:
            mark = self._look()
            if mark == self._mark:
                return
            self._mark = mark
            self._load(self._path.read_bytes())
        except (OSError, ValueError) as error:
            log.warning("the keyring cannot be read; the keys before it stay in force", extra={"why": str(error)})
        else:
            log.info("keyring read", extra={"kids": ",".join(key.kid for key in self._keys)})

    async def refresh(self, kid: str, now: float) -> bool:
        return False
