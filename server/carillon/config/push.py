"""How sleeping devices are woken."""

import json
from dataclasses import dataclass, field
from pathlib import Path

from carillon.config.declare import setting
from carillon.config.values import https_url


def service_account(text: str) -> str:
    expected = "the whole JSON of a service account key, with client_email and private_key"
    try:
        content = json.loads(text)
    except ValueError:
        raise ValueError(expected) from None
    if not isinstance(content, dict) or not content.get("client_email") or not content.get("private_key"):
        raise ValueError(expected)
    return text


@dataclass(frozen=True, slots=True)
class FcmSettings:
    """Push to Android: Firebase Cloud Messaging, HTTP v1 API"""

    service_account_json: str = setting(
        "FCM_SERVICE_ACCOUNT_JSON",
        "",
        secret=True,
        parse=service_account,
        shown="no push to Android",
        why="The contents of the service account's key file, as in the reference.",
    )
    service_account_file: Path | None = setting(
        "FCM_SERVICE_ACCOUNT_FILE",
        None,
        example="/etc/carillon/fcm/service-account.json",
        why="The same as a file, which a mounted Secret can change while the server runs.",
    )
    project_id: str = setting(
        "FCM_PROJECT_ID", "", shown="the key's own project", example="my-firebase-project", why="Whose users are woken."
    )
    endpoint: str = setting(
        "FCM_ENDPOINT", "https://fcm.googleapis.com", hidden=True, parse=https_url, why="Google's; another one for tests and proxies."
    )
    token_url: str | None = setting(
        "FCM_TOKEN_URL",
        None,
        hidden=True,
        parse=https_url,
        shown="the key's own token_uri",
        why="Where access tokens come from; another one for tests.",
    )

    @property
    def configured(self) -> bool:
        return bool(self.service_account_json or self.service_account_file)


@dataclass(frozen=True, slots=True)
class ApnsSettings:
    """Push to iOS: Apple Push Notification service, VoIP"""

    cert_path: Path | None = setting(
        "APNS_CERT_PATH",
        None,
        shown="no push to iOS",
        example="/etc/carillon/apns/voip.p12",
        why="The .p12 VoIP certificate, as in the reference.",
    )
    cert_passphrase: str = setting("APNS_CERT_PASSPHRASE", "", secret=True, why="Opens the .p12 file; many have none.")
    key_path: Path | None = setting(
        "APNS_KEY_PATH",
        None,
        example="/etc/carillon/apns/AuthKey.p8",
        why="The .p8 signing key instead of a certificate: it does not expire and serves all apps of a team.",
    )
    key_id: str = setting("APNS_KEY_ID", "", example="ABC123DEFG", why="Ten characters that name the .p8 key.")
    team_id: str = setting("APNS_TEAM_ID", "", example="DEF123GHIJ", why="Ten characters that name the team of the .p8 key.")
    bundle_id: str = setting("APNS_BUNDLE_ID", "", example="com.example.app", why="The app; pushes go to the topic BUNDLE_ID.voip.")
    production: bool = setting(
        "APNS_PRODUCTION",
        False,
        why="`true` for apps from the App Store and TestFlight; `false`, as in the reference, for those from Xcode.",
    )
    endpoint: str | None = setting(
        "APNS_ENDPOINT", None, hidden=True, parse=https_url, shown="Apple's, by APNS_PRODUCTION", why="Another one for tests and proxies."
    )

    @property
    def configured(self) -> bool:
        return self.cert_path is not None or self.key_path is not None

    @property
    def url(self) -> str:
        """Scheme and host of the provider API (Apple: Sending notification requests to APNs)."""
        if self.endpoint:
            return self.endpoint
        return "https://api.push.apple.com" if self.production else "https://api.sandbox.push.apple.com"


@dataclass(frozen=True, slots=True)
class PushSettings:
    """Push"""

    cancel: bool = setting(
        "PUSH_CANCEL",
        True,
        why="Whether a second push takes back a ring that nobody answered, as in the reference. "
        "Apple stops apps that get VoIP pushes they do not report as calls.",
    )
    timeout: float = setting(
        "PUSH_TIMEOUT",
        5.0,
        unit="s",
        least=0.5,
        most=30,
        why="One attempt at a provider; a hanging one must leave time for another before the ring ends.",
    )
    retry: float = setting(
        "PUSH_RETRY",
        10.0,
        unit="s",
        least=1,
        most=60,
        why="A push whose outcome nobody stored by then (its pod died) is taken over by another pod.",
    )
    in_flight: int = setting(
        "PUSH_IN_FLIGHT",
        200,
        unit="pushes",
        least=1,
        most=10_000,
        why="At once and per provider: what one HTTP/2 connection carries; more wait their turn.",
    )
    ca_file: Path | None = setting(
        "PUSH_CA_FILE",
        None,
        hidden=True,
        shown="the system's",
        why="Certificates that vouch for the providers; another file for tests and proxies.",
    )
    fcm: FcmSettings = field(default_factory=FcmSettings)
    apns: ApnsSettings = field(default_factory=ApnsSettings)
