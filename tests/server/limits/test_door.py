"""The limits in force: each with its own answer."""

import pytest

from carillon.app.door import Door
from carillon.config import Rate, Settings
from carillon.errors import Close, ErrorCode, Refused
from carillon.telemetry import Metrics
from carillon.ws.ports import Refusal

SECRET = {"JWT_SECRET": "a secret for tests, thirty-two bytes long"}


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def door(clock: Clock, **environ: str) -> Door:
    return Door(Settings.from_env(SECRET | environ), Metrics(), clock)


def test_pages_of_other_origins_are_refused() -> None:
    one = door(Clock(), ALLOWED_ORIGINS="https://app.example.com")
    assert one.knock("203.0.113.7", [(b"origin", b"https://app.example.com")]) == "203.0.113.7"
    with pytest.raises(Refusal) as refused:
        one.knock("203.0.113.7", [(b"origin", b"https://evil.com")])
    assert (refused.value.status, refused.value.code) == (403, Close.FORBIDDEN)


def test_guessing_tokens_is_slowed_down_per_address() -> None:
    clock = Clock()
    one = door(clock, LIMIT_UNAUTHENTICATED="3/60")
    for _ in range(4):
        one.knock("203.0.113.7", [])
        one.refused("203.0.113.7")
    with pytest.raises(Refusal) as refused:
        one.knock("203.0.113.7", [])
    assert refused.value.status == 429
    one.knock("198.51.100.1", [])
    clock.now = 61
    one.knock("203.0.113.7", [])


@pytest.mark.parametrize(("seconds", "header"), [(0.2, "1"), (1.0, "1"), (1.2, "2"), (None, None)])
def test_whoever_waits_as_long_as_the_header_says_does_not_come_too_early(seconds: float | None, header: str | None) -> None:
    assert Refusal(503, "", Close.OVERLOADED, seconds).headers.get("Retry-After") == header


async def test_one_user_cannot_reconnect_for_ever() -> None:
    one = door(Clock(), LIMIT_CONNECTS_PER_USER="2/60")
    for _ in range(2):
        await one.enter("203.0.113.7", "alice")
        one.leave("203.0.113.7", "alice")
    with pytest.raises(Refusal) as refused:
        await one.enter("203.0.113.7", "alice")
    assert refused.value.retry_after == pytest.approx(30)
    await one.enter("203.0.113.7", "bob")


async def test_connections_are_bounded_per_address_and_in_all() -> None:
    one = door(Clock(), LIMIT_CONNECTIONS_PER_ADDRESS="1", MAX_CONNECTIONS="2")
    await one.enter("203.0.113.7", "a")
    with pytest.raises(Refusal) as address:
        await one.enter("203.0.113.7", "b")
    await one.enter("203.0.113.8", "c")
    with pytest.raises(Refusal) as full:
        await one.enter("203.0.113.9", "d")
    assert (address.value.status, full.value.status) == (429, 503)
    one.leave("203.0.113.7", "a")
    await one.enter("203.0.113.9", "d")


def test_starts_and_pushes() -> None:
    one = door(Clock(), LIMIT_STARTS="3/60", LIMIT_PUSHES_PER_TOKEN="1/60")
    one.start("alice", "device")
    with pytest.raises(Refused) as device:
        one.start("bob", "device")
    assert device.value.code is ErrorCode.RATE_LIMITED
    one.start("alice", None)
    one.start("alice", None)
    with pytest.raises(Refused) as starts:
        one.start("alice", None)
    assert starts.value.retry_after == pytest.approx(20)


def test_a_flood_is_refused_and_then_cut_off() -> None:
    meter = door(Clock(), LIMIT_MESSAGES="10/1").meter()
    assert [meter(100) for _ in range(10)] == [None] * 10
    refused = 0
    while True:
        try:
            if meter(100) is Close.FLOODING:
                break
        except Refused:
            refused += 1
    assert refused == 50


RATES = {"LIMIT_MESSAGES": ("1000/10", "10/1", "2/60", "1/60"), "LIMIT_BYTES": ("8388608/10", "16384/1", "32768/60")}


def take_at(times: float, name: str, rate: str) -> bool:
    """Whether a client is cut off that sends messages of 8000 bytes at so many times its rate, for some thousand of them."""
    clock = Clock()
    limit = Rate(*map(int, rate.split("/")))
    meter = door(clock, **({"MAX_FRAME_BYTES": "16384", "LIMIT_MESSAGES": "off", "LIMIT_BYTES": "off"} | {name: rate})).meter()
    gap = (8000 if name == "LIMIT_BYTES" else 1) / limit.per_second / times
    for _ in range(5000):
        clock.now += gap
        try:
            if meter(8000) is Close.FLOODING:
                return True
        except Refused:
            continue
    return False


@pytest.mark.parametrize(("name", "rate"), [(name, rate) for name, rates in RATES.items() for rate in rates])
def test_who_keeps_sending_far_above_a_rate_is_cut_off_and_slightly_above_it_never(name: str, rate: str) -> None:
    assert [take_at(times, name, rate) for times in (10, 4)] == [True, True]
    assert [take_at(times, name, rate) for times in (1.9, 1.1, 0.9)] == [False, False, False]


def test_one_refused_message_is_no_flood_however_much_of_a_rate_it_is() -> None:
    meter = door(Clock(), LIMIT_MESSAGES="1/60").meter()
    assert meter(100) is None
    with pytest.raises(Refused):
        meter(100)
    assert meter(100) is Close.FLOODING


def test_bytes_count_too() -> None:
    meter = door(Clock(), LIMIT_BYTES="1000000/10").meter()
    assert meter(900_000) is None
    with pytest.raises(Refused):
        meter(200_000)


async def test_rate_limits_off() -> None:
    clock = Clock()
    one = door(clock, RATE_LIMITS="off", LIMIT_MESSAGES="1/60", LIMIT_STARTS="1/60", LIMIT_CONNECTIONS_PER_ADDRESS="1")
    for number in range(50):
        await one.enter("203.0.113.7", f"user-{number}")
        one.start("alice", "device")
    meter = one.meter()
    assert [meter(100) for _ in range(100)] == [None] * 100
