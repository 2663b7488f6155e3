import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from fakes.apns import DEVICE, FakeApns, refusal
from fakes.credentials import DAY, AppleIssuer, auth_key
from fakes.h2server import Deaf, Drop, GoAway, Hang, Reply, Reset
from harness.certificates import Authority
from harness.waiting import until

from carillon.config import ApnsSettings
from carillon.errors import ConfigError
from carillon.push.apns import Apns
from carillon.push.message import Kind
from carillon.push.outcome import Attempt, Outcome

MINUTE = 60
Send = Callable[..., Any]


class Sender:
    """Apns with a short way to push."""

    def __init__(self, apns: Apns, request_for: Callable[..., Any]) -> None:
        self.apns, self._request_for = apns, request_for

    async def push(self, kind: Kind = Kind.INCOMING_CALL, timeout: float = 5.0, **changes: Any) -> Attempt:
        attempt, _ = await self.apns.attempt(self._request_for("ios", **changes), kind, timeout)
        return attempt


@pytest.fixture
async def make(made: Any, clock: Any, apns_settings: Any, request_for: Any) -> AsyncIterator[Callable[..., Sender]]:
    """A sender to a fake, known by its key unless told otherwise."""
    opened: list[Apns] = []

    def make(fake: FakeApns, *, ca: Path | None = None, **changes: Any) -> Sender:
        opened.append(Apns(apns_settings(fake, **changes), ca or made.authority.ca, clock))
        return Sender(opened[-1], request_for)

    yield make
    for one in opened:
        await one.close()


@pytest.fixture
def sender(make: Any, apple: FakeApns) -> Sender:
    return make(apple)


def by_certificate(path: Path, passphrase: str = "") -> dict[str, Any]:
    return {"key_path": None, "key_id": "", "team_id": "", "cert_path": path, "cert_passphrase": passphrase}


def authorization(apple: FakeApns) -> list[str]:
    return [request.header("authorization") for request in apple.requests]


@pytest.mark.parametrize("kind", Kind)
async def test_apple_takes_a_push(sender: Sender, apple: FakeApns, kind: Kind) -> None:
    assert await sender.push(kind) == Attempt(Outcome.DELIVERED, 200)
    assert apple.requests[0].path == f"/3/device/{DEVICE}"
    assert apple.accepted[0]["type"] == kind
    assert apple.accepted[0]["caller_id"] == "user-123"


async def test_many_pushes_share_one_connection_and_one_provider_token(sender: Sender, apple: FakeApns) -> None:
    attempts = await asyncio.gather(*(sender.push(session_id=f"call-{number}") for number in range(60)))
    assert {one.outcome for one in attempts} == {Outcome.DELIVERED}
    assert len({payload["session_id"] for payload in apple.accepted}) == 60
    assert apple.server.accepted == 1
    assert len(set(authorization(apple))) == 1


async def test_apple_that_allows_one_stream_at_a_time(make: Any, made: Any, clock: Any) -> None:
    """As it does until the first push with a valid provider token."""
    apple = FakeApns(made.tls(), key=made.p8_public, now=clock, streams=1)
    await apple.server.start()
    sender = make(apple)
    attempts = await asyncio.gather(*(sender.push() for _ in range(20)))
    assert {one.outcome for one in attempts} == {Outcome.DELIVERED}
    await apple.server.stop()


# ---------------------------------------------------------------- provider tokens


async def test_a_provider_token_is_renewed_before_apple_calls_it_stale(sender: Sender, apple: FakeApns, clock: Any) -> None:
    start = clock.now
    for minutes in (0, 19, 49, 51, 99, 102):
        clock.now = start + minutes * MINUTE
        assert (await sender.push(expires_at=int(clock.now) + 60)).outcome is Outcome.DELIVERED
    first, _, third, fourth, fifth, sixth = authorization(apple)
    assert first == third != fourth == fifth != sixth


async def test_a_token_that_apple_calls_expired_is_renewed_once(sender: Sender, apple: FakeApns, clock: Any) -> None:
    await sender.push()
    clock.now += 25 * MINUTE
    apple.actions.append(refusal(403, "ExpiredProviderToken"))
    assert (await sender.push(expires_at=int(clock.now) + 60)).outcome is Outcome.DELIVERED
    first, again, renewed = authorization(apple)
    assert first == again != renewed

    clock.now += 25 * MINUTE
    apple.actions.extend([refusal(403, "ExpiredProviderToken")] * 2)
    attempt = await sender.push(expires_at=int(clock.now) + 60)
    assert attempt == Attempt(Outcome.AUTH, 403, "ExpiredProviderToken")
    assert not apple.actions


async def test_a_young_token_is_kept_whatever_apple_says(sender: Sender, apple: FakeApns, clock: Any) -> None:
    """A new one for each push would be TooManyProviderTokenUpdates."""
    await sender.push()
    clock.now += 5 * MINUTE
    apple.always = refusal(403, "ExpiredProviderToken")
    for _ in range(3):
        assert (await sender.push(expires_at=int(clock.now) + 60)).outcome is Outcome.AUTH
    assert len(apple.requests) == 4
    assert len(set(authorization(apple))) == 1


async def test_a_clock_that_is_set_back_does_not_leave_a_token_of_the_future(sender: Sender, apple: FakeApns, clock: Any) -> None:
    await sender.push()
    clock.now -= 2 * 3600
    assert (await sender.push(expires_at=int(clock.now) + 60)).outcome is Outcome.DELIVERED
    assert len(set(authorization(apple))) == 2


async def test_a_replaced_key_is_taken_up_with_the_first_refusal(make: Any, made: Any, clock: Any, tmp_path: Path) -> None:
    path = tmp_path / "AuthKey.p8"
    old, (new_path, new) = auth_key(path), (tmp_path / "new.p8", auth_key(tmp_path / "new.p8"))
    apple = FakeApns(made.tls(), key=old, now=clock)
    await apple.server.start()
    sender = make(apple, key_path=path)
    assert (await sender.push()).outcome is Outcome.DELIVERED
    apple._key = new
    assert (await sender.push()).reason == "InvalidProviderToken"
    new_path.replace(path)
    assert (await sender.push()).outcome is Outcome.DELIVERED
    await apple.server.stop()


# ---------------------------------------------------------------- refusals


@pytest.mark.parametrize("token", ["../../4/secret", "abc?x=1", "nothex", "", "c0ffee\n", "c0ffee%2f", "ä" * 64, "a" * 500])
async def test_a_token_that_is_none_never_becomes_a_path(sender: Sender, apple: FakeApns, token: str) -> None:
    assert (await sender.push(device_token=token)).outcome is Outcome.BAD_TOKEN
    assert not apple.requests


async def test_an_unknown_token(sender: Sender) -> None:
    assert await sender.push(device_token="beef") == Attempt(Outcome.BAD_TOKEN, 400, "BadDeviceToken")


async def test_a_dead_token(sender: Sender, apple: FakeApns) -> None:
    apple.actions.append(refusal(410, "Unregistered", timestamp=1_799_000_000_000))
    assert await sender.push() == Attempt(Outcome.DEAD_TOKEN, 410, "Unregistered", dead_since=1_799_000_000)


async def test_a_throttled_push_says_when_to_come_back(sender: Sender, apple: FakeApns) -> None:
    apple.actions.append(Reply(429, {"reason": "TooManyRequests"}, {"retry-after": "7"}))
    assert await sender.push() == Attempt(Outcome.THROTTLED, 429, "TooManyRequests", retry_after=7.0)


async def test_a_wrong_topic(make: Any, apple: FakeApns) -> None:
    assert (await make(apple, bundle_id="com.example.other").push()).reason == "BadTopic"


def test_no_identity_at_all() -> None:
    with pytest.raises(ConfigError, match="APNS_CERT_PATH or APNS_KEY_PATH is missing"):
        Apns(ApnsSettings(bundle_id="com.example.app"))


async def test_a_push_whose_time_is_up_is_not_sent(sender: Sender, apple: FakeApns) -> None:
    assert (await sender.push(timeout=0)).outcome is Outcome.TIMEOUT
    assert not apple.requests


async def test_a_call_that_fits_in_no_push_is_not_sent(sender: Sender, apple: FakeApns) -> None:
    assert (await sender.push(session_id="x" * 6000)).outcome is Outcome.PAYLOAD_TOO_LARGE
    assert not apple.requests


# ---------------------------------------------------------------- broken connections


@pytest.mark.parametrize("action", [Reset(), GoAway(), GoAway(done=False), GoAway(debug=b'{"reason":"Shutdown"}'), Drop()])
async def test_a_lost_connection_or_stream_is_worth_another_try(sender: Sender, apple: FakeApns, action: Any) -> None:
    await sender.push()
    apple.actions.append(action)
    attempt = await sender.push()
    assert attempt.outcome in (Outcome.INTERRUPTED, Outcome.DELIVERED)
    assert (await sender.push()).outcome is Outcome.DELIVERED


async def test_apple_says_in_its_goodbye_that_the_certificate_is_for_the_other_environment(sender: Sender, apple: FakeApns) -> None:
    apple.actions.append(GoAway(debug=b'{"reason":"BadCertificateEnvironment"}'))
    attempt = await sender.push()
    assert (attempt.outcome, attempt.reason) == (Outcome.AUTH, "BadCertificateEnvironment")


@pytest.mark.parametrize("action", [Hang(), Deaf()])
async def test_silence_is_a_timeout_and_the_connection_is_given_up(sender: Sender, apple: FakeApns, action: Any) -> None:
    assert (await sender.push()).outcome is Outcome.DELIVERED
    apple.actions.append(action)
    assert await sender.push(timeout=0.6) == Attempt(Outcome.TIMEOUT, reason="timeout")
    assert (await sender.push()).outcome is Outcome.DELIVERED
    assert apple.server.accepted == 2
    await until(lambda: apple.server.open == 1)


async def test_one_push_that_hangs_does_not_cost_the_others_their_answer(sender: Sender, apple: FakeApns) -> None:
    answer = asyncio.Event()
    apple.actions.extend([Reply(200, wait=answer), Hang()])
    slow = asyncio.create_task(sender.push())
    await apple.arrived.wait()
    assert (await sender.push(timeout=0.6)).outcome is Outcome.TIMEOUT
    answer.set()
    assert (await slow).outcome is Outcome.DELIVERED
    assert apple.server.accepted == 1


async def test_apple_restarts_while_nothing_is_sent(sender: Sender, apple: FakeApns) -> None:
    await sender.push()
    apple.server.say_goodbye()
    assert (await sender.push()).outcome in (Outcome.DELIVERED, Outcome.INTERRUPTED)
    assert (await sender.push()).outcome is Outcome.DELIVERED


async def test_nobody_there(make: Any, apple: FakeApns) -> None:
    sender = make(apple)
    await apple.server.stop()
    assert await sender.push() == Attempt(Outcome.UNREACHABLE, reason="connect")


async def test_a_provider_that_nobody_vouches_for(make: Any, apple: FakeApns, tmp_path: Path) -> None:
    attempt = await make(apple, ca=Authority(tmp_path).ca).push()
    assert (attempt.outcome, attempt.reason) == (Outcome.AUTH, "certificate_verify_failed")
    assert not apple.requests


# ---------------------------------------------------------------- certificates


@pytest.mark.parametrize("passphrase", ["", "geheim ✓"])
async def test_apple_knows_us_by_certificate(make: Any, made: Any, apple_by_certificate: FakeApns, passphrase: str) -> None:
    """The chain is sent along: the fake trusts the root alone."""
    sender = make(apple_by_certificate, **by_certificate(made.issuer.p12(passphrase=passphrase), passphrase))
    assert sender.apns.remarks == []
    assert (await sender.push()).outcome is Outcome.DELIVERED
    assert (await sender.push(Kind.CALL_CANCELLED)).outcome is Outcome.DELIVERED
    request = apple_by_certificate.requests[0]
    assert request.certificate is not None
    assert ("commonName", "VoIP Services: com.example.app") in [pair for part in request.certificate["subject"] for pair in part]


async def test_a_certificate_that_apple_does_not_accept(make: Any, apple_by_certificate: FakeApns, tmp_path: Path) -> None:
    """TLS 1.3 tells a client only after its first write, which may fail before the reason is read."""
    sender = make(apple_by_certificate, **by_certificate(AppleIssuer(tmp_path).p12()))
    assert (await sender.push()).outcome in (Outcome.AUTH, Outcome.INTERRUPTED)
    assert not apple_by_certificate.requests


async def test_an_expired_certificate_is_said_at_start_and_with_each_push(
    make: Any, made: Any, clock: Any, apple_by_certificate: FakeApns
) -> None:
    path = made.issuer.p12("expired.p12", since=datetime.fromtimestamp(clock.now, UTC) - 400 * DAY, life=395 * DAY)
    sender = make(apple_by_certificate, **by_certificate(path))
    (remark,) = sender.apns.remarks
    assert "expired on 2027-01-10" in remark
    assert "APNS_CERT_PATH" in remark
    assert await sender.push() == Attempt(Outcome.AUTH, reason="certificate_expired")
    assert apple_by_certificate.server.accepted == 0


async def test_a_replaced_certificate_is_taken_up(make: Any, made: Any, apple_by_certificate: FakeApns, tmp_path: Path) -> None:
    path = tmp_path / "voip.p12"
    made.issuer.p12("first.p12").rename(path)
    sender = make(apple_by_certificate, **by_certificate(path))
    assert (await sender.push()).outcome is Outcome.DELIVERED
    (tmp_path / "half").write_bytes(b"half a file")
    (tmp_path / "half").replace(path)
    assert (await sender.push()).outcome is Outcome.DELIVERED
    made.issuer.p12("second.p12").replace(path)
    assert (await sender.push()).outcome is Outcome.DELIVERED
    serials = [request.certificate["serialNumber"] for request in apple_by_certificate.requests if request.certificate]
    assert serials[0] == serials[1] != serials[2]


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion")
async def test_old_tls_is_refused(make: Any, made: Any, clock: Any) -> None:
    tls = made.tls()
    tls.set_ciphers("ALL:@SECLEVEL=0")
    tls.minimum_version = tls.maximum_version = ssl.TLSVersion.TLSv1_1
    apple = FakeApns(tls, key=made.p8_public, now=clock)
    await apple.server.start()
    attempt = await make(apple).push()
    assert attempt.outcome in (Outcome.AUTH, Outcome.UNREACHABLE)
    assert not apple.requests
    await apple.server.stop()
