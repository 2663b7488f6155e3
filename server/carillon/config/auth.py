"""Whose tokens are believed."""

from dataclasses import dataclass
from pathlib import Path

from carillon.config.declare import setting
from carillon.config.values import https_url, listed

SYMMETRIC = ("HS256", "HS384", "HS512")
ASYMMETRIC = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")


def algorithms(text: str) -> tuple[str, ...]:
    names = listed(text)
    if not names or any(name not in SYMMETRIC + ASYMMETRIC for name in names):
        raise ValueError(f"a comma-separated list of {', '.join(SYMMETRIC + ASYMMETRIC)}")
    return names


@dataclass(frozen=True, slots=True)
class AuthSettings:
    """Tokens

    One source at least must be set: `JWT_SECRET` or `JWT_KEYRING_FILE` (not both), or `JWT_JWKS_URL` (alone or beside one of them).
    """

    secret: str = setting(
        "JWT_SECRET",
        "",
        secret=True,
        shown="required, or one of the next two",
        example="",
        why="The secret shared with the backend that signs tokens (HS256). There is no default: a known secret lets anybody be anybody.",
    )
    keyring_file: Path | None = setting(
        "JWT_KEYRING_FILE",
        None,
        example="/etc/carillon/jwt/keyring.json",
        why='Several secrets at once, so that they can be changed: {"keys": [{"kid", "secret", "use": "sign" or "verify"}]}. '
        "Read again when it changes.",
    )
    jwks_url: str | None = setting(
        "JWT_JWKS_URL",
        None,
        parse=https_url,
        example="https://login.example.com/.well-known/jwks.json",
        why="Public keys of an identity provider (RS256, ES256, EdDSA). https, since who can change the answer can be anybody.",
    )
    algorithms: tuple[str, ...] = setting(
        "JWT_ALGORITHMS",
        (),
        parse=algorithms,
        shown="HS256 with a secret or keyring; RS256, ES256, EdDSA with a JWKS URL",
        example="HS256",
        why="Only these are accepted, whatever a token's header says; each only with a key of its own kind.",
    )
    audience: str | None = setting(
        "JWT_AUDIENCE", None, example="calls", why="If set, `aud` must contain it: tokens meant for other services are refused."
    )
    issuer: str | None = setting("JWT_ISSUER", None, example="https://login.example.com/", why="If set, `iss` must equal it.")
    leeway: float = setting("JWT_LEEWAY", 5.0, unit="s", least=0, most=300, why="Clocks kept by NTP differ by less.")
    user_claim: str = setting(
        "JWT_USER_CLAIM", "hash", why="The claim that holds the user id; `hash` is the reference's, `sub` is common elsewhere."
    )
    jwks_refetch: float = setting(
        "JWT_JWKS_REFETCH",
        30.0,
        unit="s",
        least=1,
        most=3600,
        why="An unknown key id asks for the keys anew at most this often: tokens with invented ids must not become requests.",
    )
    jwks_lifetime: float = setting(
        "JWT_JWKS_LIFETIME",
        3600.0,
        unit="s",
        least=60,
        most=86_400,
        why="Keys are fetched anew after this time, so that a withdrawn one stops working.",
    )
    close_on_expiry: bool = setting(
        "CLOSE_ON_TOKEN_EXPIRY",
        False,
        why="Whether a connection is closed when its token expires (never in a call). "
        "Off, as in the reference, whose clients cannot renew theirs.",
    )

    @property
    def accepted(self) -> tuple[str, ...]:
        """The algorithms in force."""
        if self.algorithms:
            return self.algorithms
        shared = ("HS256",) if self.secret or self.keyring_file else ()
        return shared + (("RS256", "ES256", "EdDSA") if self.jwks_url else ())
