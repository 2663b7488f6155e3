"""Tokens become identities."""

from dataclasses import dataclass

import jwt

from carillon.config import AuthSettings
from carillon.errors import AuthError, TokenExpired
from carillon.protocol import UserInfo


@dataclass(frozen=True, slots=True)
class Identity:
    user: UserInfo
    expires_at: float
    """Unix time in seconds."""


class Authenticator:
    def __init__(self, settings: AuthSettings) -> None:
        self._settings = settings

    async def authenticate(self, token: str, now: float) -> Identity:
        """Raises AuthError (TokenExpired among them); no text of the token is in it."""
        try:
            claims = jwt.decode(
                token, self._settings.secret, algorithms=["HS256"], leeway=self._settings.leeway, options={"require": ["exp"]}
            )
        except jwt.ExpiredSignatureError:
            raise TokenExpired("Token expired") from None
        except jwt.PyJWTError:
            raise AuthError("Invalid token") from None
        user_id = claims.get(self._settings.user_claim)
        if not isinstance(user_id, str) or not user_id:
            raise AuthError("Token names no user")
        profile = {name: str(claims[name]) for name in ("name", "username", "image_profile") if isinstance(claims.get(name), str)}
        return Identity(UserInfo(user_id, **profile), float(claims["exp"]))
