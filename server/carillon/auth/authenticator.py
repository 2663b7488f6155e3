"""Tokens become identities (RFC 7519; RFC 8725 for what not to believe)."""

import math
from dataclasses import dataclass, field
from typing import Any

import jwt

from carillon.auth.jwks import Jwks
from carillon.auth.keys import Key, KeyringFile, KeySource, Secret
from carillon.config import AuthSettings
from carillon.config.auth import ASYMMETRIC
from carillon.errors import AuthError, ConfigError, KeysUnavailable, TokenExpired
from carillon.protocol import UserInfo

LONGEST_USER_ID = 256
LONGEST_PROFILE = {"name": 200, "username": 200, "image_profile": 2000}
"""Characters. What is longer is cut (a URL: left out): it is shown to others and travels in every ring and push."""


@dataclass(frozen=True, slots=True)
class Identity:
    user: UserInfo
    expires_at: float = field(compare=False)
    """Unix time in seconds."""


class Authenticator:
    """Checks tokens against every configured source of keys."""

    def __init__(self, settings: AuthSettings, *, longest: int = 7680, sources: tuple[KeySource, ...] | None = None) -> None:
        """longest: bytes of a token. Raises ConfigError for a keyring that cannot be read."""
        self._settings, self._longest = settings, longest
        self._accepted = frozenset(settings.accepted)
        self._sources = key_sources(settings) if sources is None else sources

    def keyrings(self, now: float) -> list[tuple[str]]:
        """Checksums of the keyrings in force; none where keys come from elsewhere. now: Unix time in seconds."""
        return [(source.checksum(now),) for source in self._sources if isinstance(source, KeyringFile)]

    async def authenticate(self, token: str, now: float) -> Identity:
        """now: Unix time in seconds. Raises AuthError (TokenExpired and KeysUnavailable among them); no text of the token is in it."""
        if len(token) > self._longest:
            raise AuthError(f"Token longer than {self._longest} bytes")
        try:
            header = jwt.get_unverified_header(token)
        except (jwt.PyJWTError, ValueError, RecursionError):
            raise AuthError("Invalid token") from None
        # Of any type that JSON has; lists and objects cannot even be looked up.
        algorithm, kid = header.get("alg"), header.get("kid") or ""
        if not isinstance(algorithm, str) or not isinstance(kid, str) or algorithm not in self._accepted:
            raise AuthError("Token of an algorithm that is not accepted")
        return self._identity(await self._claims(token, kid, algorithm, now))

    async def _claims(self, token: str, kid: str, algorithm: str, now: float) -> dict[str, Any]:
        wait: float | None = None
        for source in self._sources:
            if isinstance(source, Jwks) and source.stale(now):
                await source.refresh(kid, now)
            keys = source.find(kid, algorithm, now)
            if not keys and await source.refresh(kid, now):
                keys = source.find(kid, algorithm, now)
            if not keys and isinstance(source, Jwks) and algorithm in ASYMMETRIC:
                wait = source.wait(now)
            for key in keys:
                claims = self._decode(token, key, algorithm)
                if claims is not None:
                    self._check_time(claims, now)
                    return claims
        if wait is not None:
            raise KeysUnavailable(wait)
        raise AuthError("Invalid token")

    def _decode(self, token: str, key: Key, algorithm: str) -> dict[str, Any] | None:
        """None: not signed with this key."""
        settings = self._settings
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                key.key,
                algorithms=[algorithm],
                audience=settings.audience,
                issuer=settings.issuer,
                options={
                    "require": ["exp"],
                    "verify_aud": settings.audience is not None,
                    "verify_exp": False,
                    "verify_nbf": False,
                    "verify_iat": False,
                },
            )
        except (jwt.InvalidSignatureError, jwt.InvalidKeyError):
            return None
        except jwt.MissingRequiredClaimError as error:
            raise AuthError(f"Token without the claim {error.claim}") from None
        except (jwt.InvalidAudienceError, jwt.InvalidIssuerError):
            raise AuthError("Token meant for another service") from None
        except (jwt.PyJWTError, ValueError, TypeError, OverflowError, RecursionError):
            raise AuthError("Invalid token") from None
        return claims

    def _check_time(self, claims: dict[str, Any], now: float) -> None:
        """RFC 7519 §4.1.4 and §4.1.5; PyJWT would ask its own clock."""
        try:
            expires, begins = float(claims["exp"]), float(claims.get("nbf", now))
        except (TypeError, ValueError, OverflowError):
            raise AuthError("Token with a time that cannot be used") from None
        if not (math.isfinite(expires) and math.isfinite(begins)):
            raise AuthError("Token with a time that cannot be used")
        if expires <= now - self._settings.leeway:
            raise TokenExpired("Token expired")
        if begins > now + self._settings.leeway:
            raise AuthError("Token not valid yet")

    def _identity(self, claims: dict[str, Any]) -> Identity:
        user_id = claims.get(self._settings.user_claim)
        if not isinstance(user_id, str) or not 0 < len(user_id) <= LONGEST_USER_ID or not user_id.isprintable():
            raise AuthError("Token without a user id that can be used")
        profile = {}
        for name, longest in LONGEST_PROFILE.items():
            value = claims.get(name)
            if isinstance(value, str) and value and (name != "image_profile" or len(value) <= longest):
                profile[name] = value[:longest].encode(errors="replace").decode()
        return Identity(UserInfo(user_id, **profile), float(claims["exp"]))


def key_sources(settings: AuthSettings) -> tuple[KeySource, ...]:
    """Raises ConfigError for a keyring that cannot be read."""
    sources: list[KeySource] = []
    if settings.secret:
        sources.append(Secret(settings.secret))
    if settings.keyring_file:
        try:
            sources.append(KeyringFile(settings.keyring_file))
        except (OSError, ValueError) as error:
            raise ConfigError([f"JWT_KEYRING_FILE: {error}"]) from None
    if settings.jwks_url:
        sources.append(Jwks(settings.jwks_url, refetch=settings.jwks_refetch, lifetime=settings.jwks_lifetime))
    return tuple(sources)
