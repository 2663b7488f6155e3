import json
import ssl
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from fakes import apns, fcm
from fakes.apns import FakeApns
from fakes.credentials import AppleIssuer, auth_key, service_account
from fakes.fcm import FakeFcm
from harness.certificates import Authority

from carillon.config import ApnsSettings, FcmSettings
from carillon.protocol import UserInfo
from carillon.push import PushRequest

NOW = 1_800_000_000
"""Unix seconds; a clock for what is compared with the fakes' own."""


@dataclass
class Clock:
    """Seconds, moved by hand."""

    now: float = NOW

    def __call__(self) -> float:
        return self.now


@dataclass
class Secrets:
    """Made once: RSA keys take a while."""

    folder: Path
    authority: Authority
    issuer: AppleIssuer
    p8: Path
    p8_public: ec.EllipticCurvePublicKey
    account: dict[str, Any]
    account_public: rsa.RSAPublicKey

    def tls(self, *, client_certificates: bool = False) -> ssl.SSLContext:
        context = self.authority.server_context(self.authority.issue("localhost", "localhost", "127.0.0.1"))
        context.set_alpn_protocols(["h2"])
        if client_certificates:
            context.load_verify_locations(self.issuer.root)
            context.verify_mode = ssl.CERT_REQUIRED
        return context


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Secrets:
    folder = tmp_path_factory.mktemp("push")
    p8 = folder / "AuthKey.p8"
    account, account_public = service_account()
    return Secrets(folder, Authority(folder), AppleIssuer(folder), p8, auth_key(p8), account, account_public)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def apple(made: Secrets, clock: Clock) -> AsyncIterator[FakeApns]:
    """APNs that knows us by provider tokens."""
    fake = FakeApns(made.tls(), key=made.p8_public, now=clock)
    await fake.server.start()
    yield fake
    await fake.server.stop()


@pytest.fixture
async def apple_by_certificate(made: Secrets, clock: Clock) -> AsyncIterator[FakeApns]:
    fake = FakeApns(made.tls(client_certificates=True), now=clock)
    await fake.server.start()
    yield fake
    await fake.server.stop()


@pytest.fixture
async def google(made: Secrets) -> AsyncIterator[FakeFcm]:
    fake = FakeFcm(made.tls(), made.account, made.account_public)
    await fake.server.start()
    yield fake
    await fake.server.stop()


@pytest.fixture
def apns_settings(made: Secrets) -> Callable[..., ApnsSettings]:
    def settings(fake: FakeApns, **changes: Any) -> ApnsSettings:
        named = {"key_path": made.p8, "key_id": apns.KEY_ID, "team_id": apns.TEAM_ID, "bundle_id": apns.BUNDLE_ID}
        return ApnsSettings(endpoint=fake.server.url, **(named | changes))

    return settings


@pytest.fixture
def fcm_settings(made: Secrets) -> Callable[..., FcmSettings]:
    def settings(fake: FakeFcm, **changes: Any) -> FcmSettings:
        url = fake.server.url
        named = {"service_account_json": json.dumps(made.account), "endpoint": url, "token_url": f"{url}/token"}
        return FcmSettings(**(named | changes))

    return settings


def push_request(os: str = "ios", **changes: Any) -> PushRequest:
    named: dict[str, Any] = {
        "session_id": "550e8400-e29b-41d4-a716-446655440000",
        "caller": UserInfo("user-123", "Zoë Müller", "zoe", "https://example.com/zoe.png"),
        "callee_id": "user-456",
        "device_token": apns.DEVICE if os == "ios" else fcm.DEVICE,
        "device_os": os,
        "expires_at": (NOW if os == "ios" else int(time.time())) + 60,
        "media": "video",
        "data": '{"room":7}',
    }
    return PushRequest(**(named | changes))


@pytest.fixture
def request_for() -> Callable[..., PushRequest]:
    return push_request
