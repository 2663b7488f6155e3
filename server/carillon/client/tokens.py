"""Tokens for test users, signed as a backend would: with the server's own environment, so that whoever may read its key can try it."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from carillon.client.demo_users import DEMO_SECRET

LIFETIME = 3600
"""Seconds."""
_HASHES = {"HS256": hashlib.sha256, "HS384": hashlib.sha384, "HS512": hashlib.sha512}


def _part(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")


@dataclass(frozen=True, slots=True)
class Signer:
    """kid: names the key inside a keyring; empty: it has no name. claims: what every token says beside its user."""

    secret: str = field(repr=False)
    kid: str = ""
    algorithm: str = "HS256"
    user_claim: str = "hash"
    claims: Mapping[str, str] = field(default_factory=dict)

    def sign(self, user_id: str) -> str:
        """A token for an hour (RFC 7519)."""
        header = {"alg": self.algorithm, "typ": "JWT"} | ({"kid": self.kid} if self.kid else {})
        claims = {**self.claims, self.user_claim: user_id, "name": user_id.title(), "exp": int(time.time()) + LIFETIME}
        signed = _part(json.dumps(header).encode()) + b"." + _part(json.dumps(claims).encode())
        return (signed + b"." + _part(hmac.digest(self.secret.encode(), signed, _HASHES[self.algorithm]))).decode()


def signer(environ: Mapping[str, str]) -> Signer:
    """By the server's variables JWT_*; by the demo secret of `make run` without any. Raises OSError, and ValueError for a keyring that
    cannot sign.
    """
    claims = {"aud": environ.get("JWT_AUDIENCE", ""), "iss": environ.get("JWT_ISSUER", "")}
    algorithm = next((name for name in environ.get("JWT_ALGORITHMS", "").split(",") if name in _HASHES), "HS256")
    secret, kid = environ.get("JWT_SECRET") or DEMO_SECRET, ""
    if file := environ.get("JWT_KEYRING_FILE"):
        secret, kid = _current(Path(file))
    return Signer(secret, kid, algorithm, environ.get("JWT_USER_CLAIM") or "hash", {name: value for name, value in claims.items() if value})


def _current(file: Path) -> tuple[str, str]:
    """Secret and kid of the key that signs."""
    try:
        return next((one["secret"], one["kid"]) for one in json.loads(file.read_bytes())["keys"] if one.get("use") == "sign")
    except (StopIteration, ValueError, TypeError, KeyError, AttributeError):
        raise ValueError(f'{file}: no keyring with a key whose "use" is "sign"') from None


def subject(token: str, user_claim: str = "hash") -> str:
    """The user id in a token, which is not checked here. Raises ValueError."""
    try:
        body = token.split(".")[1]
        return str(json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))[user_claim])
    except (IndexError, TypeError, KeyError):
        raise ValueError(f"no token with a claim {user_claim!r}") from None
