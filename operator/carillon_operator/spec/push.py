"""How sleeping devices are woken, and how media finds its way."""

from typing import Annotated, Literal

from msgspec import Meta

from carillon_operator.spec.declare import Part, Rule, about
from carillon_operator.spec.values import SecretKey

IceUrl = Annotated[str, Meta(min_length=6, max_length=253, pattern=r"^(stuns?|turns?):[^\s,/][^\s,]*$")]
AppleId = Annotated[str, Meta(min_length=10, max_length=10, pattern=r"^[A-Z0-9]+$")]


class Fcm(Part, frozen=True, kw_only=True):
    """Firebase Cloud Messaging, HTTP v1 API."""

    secret: Annotated[SecretKey, about("The service account's key file (JSON); running pods read it again when it changes.")]
    project_id: Annotated[str, about("Whose users are woken; absent: the key's own project.", longest=64)] = ""


class Apns(Part, frozen=True, kw_only=True):
    """Apple Push Notification service, VoIP pushes."""

    rules = (
        Rule("has(self.keySecret) != has(self.certificateSecret)", "exactly one of keySecret and certificateSecret"),
        Rule("!has(self.keySecret) || (has(self.keyId) && has(self.teamId))", "keySecret needs keyId and teamId"),
        Rule("!has(self.passphraseSecret) || has(self.certificateSecret)", "passphraseSecret opens a certificateSecret"),
    )
    bundle_id: Annotated[
        str, about("The app; pushes go to the topic BUNDLE_ID.voip.", shortest=1, longest=155, pattern=r"^[-.A-Za-z0-9]+$")
    ]
    key_secret: Annotated[SecretKey, about("The .p8 signing key; it does not expire.")] | None = None
    certificate_secret: Annotated[SecretKey, about("The .p12 VoIP certificate.")] | None = None
    passphrase_secret: Annotated[SecretKey, about("Opens the .p12 file; pods restart when it changes.")] | None = None
    key_id: Annotated[AppleId, about("Ten characters that name the .p8 key.")] | None = None
    team_id: Annotated[AppleId, about("Ten characters that name the team of the .p8 key.")] | None = None
    environment: Annotated[
        Literal["Production", "Sandbox"], about("Production: apps from the App Store and TestFlight. Sandbox: those from Xcode.")
    ] = "Production"


class Push(Part, frozen=True, kw_only=True):
    """Pushes to devices that sleep."""

    fcm: Annotated[Fcm, about("Push to Android: Firebase Cloud Messaging, HTTP v1 API.")] | None = None
    apns: Annotated[Apns, about("Push to iOS: Apple Push Notification service, VoIP pushes.")] | None = None
    cancel: Annotated[bool, about("Whether a second push takes back a ring that nobody answered.")] = True


class Turn(Part, frozen=True, kw_only=True):
    """ICE servers given to clients, with time-limited credentials as coturn checks them."""

    rules = (Rule("self.urls.exists(one, one.startsWith('turn')) == has(self.secret)", "secret and TURN URLs belong together"),)
    urls: Annotated[tuple[IceUrl, ...], about("STUN and TURN URLs.", shortest=1, longest=16)]
    secret: Annotated[SecretKey, about("coturn's static-auth-secret; pods restart when it changes.")] | None = None
    ttl_seconds: Annotated[int, about("Life of credentials: longer than any call.", least=60, most=604_800)] = 43_200
