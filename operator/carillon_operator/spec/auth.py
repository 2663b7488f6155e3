"""Whose tokens are believed, and how keys change."""

from typing import Annotated, Literal

from msgspec import Meta

from carillon_operator.spec.declare import Part, Rule, about
from carillon_operator.spec.values import DataKey, Name

ORIGIN = r"^(\*|https?://(\*\.)?([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?)$"
NETWORK = r"^(([0-9]{1,3}\.){3}[0-9]{1,3}|[0-9a-fA-F:]*:[0-9a-fA-F:.]*)(/[0-9]{1,3})?$"
Algorithm = Literal["HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]


class ExistingSecret(Part, frozen=True, kw_only=True):
    """A Secret of yours with the keys of tokens; the operator never writes it."""

    name: Annotated[Name, about("Name of the Secret.")]
    key: Annotated[DataKey, about("Key inside the Secret.")] = "keyring.json"
    format: Annotated[
        Literal["Keyring", "Secret"],
        about(
            'Keyring: {"keys": [{"kid", "secret", "use": "sign" or "verify"}]}, read again by running pods when it changes. '
            "Secret: one shared secret; pods restart when it changes."
        ),
    ] = "Keyring"


class Jwks(Part, frozen=True, kw_only=True):
    """Public keys of an identity provider."""

    url: Annotated[
        str, about("Where they are.", longest=1024, pattern=r"^https://([^/?#@\s:]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?([/?][^\s#]*)?$")
    ]
    refetch_seconds: Annotated[int, about("An unknown key id asks for them anew at most this often.", least=1, most=3600)] = 30
    lifetime_seconds: Annotated[int, about("They are fetched anew after this time.", least=60, most=86_400)] = 3600


class Auth(Part, frozen=True, kw_only=True):
    """Whose tokens are believed. With neither existingSecret nor jwks a keyring is generated."""

    rules = (
        Rule(
            "!has(self.algorithms) || self.algorithms.all(one, one.startsWith('HS') "
            "? has(self.existingSecret) || !has(self.jwks) : has(self.jwks))",
            "an algorithm has no key: HS* needs a secret or keyring, the others jwks",
        ),
    )
    existing_secret: Annotated[ExistingSecret, about("A Secret of yours with the keys of tokens.")] | None = None
    jwks: Annotated[Jwks, about("Public keys of an identity provider, alone or beside existingSecret.")] | None = None
    algorithms: Annotated[
        tuple[Algorithm, ...],
        about(
            "Only these are accepted; absent: HS256 with a secret or keyring, RS256, ES256 and EdDSA with jwks.",
            longest=13,
            unique=True,
            nullable=False,
        ),
    ] = ()
    audience: Annotated[str, about("If set, aud must contain it.", longest=253)] = ""
    issuer: Annotated[str, about("If set, iss must equal it.", longest=1024)] = ""
    user_claim: Annotated[str, about("The claim that holds the user id.", shortest=1, longest=64)] = "hash"
    leeway_seconds: Annotated[int, about("How far clocks may differ.", least=0, most=300)] = 5
    close_on_expiry: Annotated[bool, about("Whether a connection is closed when its token expires (never in a call).")] = False
    rotation: Annotated[
        int,
        about(
            "Raise it by one to have the generated keyring changed: a new key first verifies, then signs, and the old one goes after "
            "maxTokenLifetimeSeconds.",
            least=0,
            most=1_000_000,
            rules=(Rule("self >= oldSelf", "rotation only rises"),),
        ),
    ] = 0
    max_token_lifetime_seconds: Annotated[
        int, about("The longest your backend lets a token live: so long an old key still verifies.", least=60, most=31_536_000)
    ] = 86_400


OriginText = Annotated[str, Meta(min_length=1, max_length=253, pattern=ORIGIN)]
Cidr = Annotated[str, Meta(min_length=3, max_length=43, pattern=NETWORK)]


class Access(Part, frozen=True, kw_only=True):
    """From where clients may come."""

    allowed_origins: Annotated[
        tuple[OriginText, ...], about("Web pages that may connect; absent: any. Apps send no Origin.", longest=64)
    ] = ()
    trusted_proxies: Annotated[
        tuple[Cidr, ...],
        about(
            "Networks whose X-Forwarded-For is believed. Limits per address stay off without them or externalTrafficPolicy: Local, "
            "since all users then share the proxy's address.",
            longest=64,
        ),
    ] = ()
