"""Buckets, queues, addresses and origins, with values and with random ones."""

import heapq
import ipaddress
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carillon.client.connection import FIRST_DELAY, LONGEST_DELAY
from carillon.client.dial import OPEN_TIMEOUT
from carillon.config import Rate
from carillon.config.limits import LimitSettings
from carillon.limits import Bucket, Counts, Queue, Rates, allowed, client_address

rates = st.builds(Rate, st.integers(1, 1000), st.floats(0.1, 1000))
steps = st.lists(st.tuples(st.floats(0, 50), st.floats(0.1, 50)), max_size=60)


@given(rates, steps)
def test_a_bucket_never_gives_more_than_its_rate(rate: Rate, script: list[tuple[float, float]]) -> None:
    bucket, now, taken, last = Bucket(rate, 0.0), 0.0, 0.0, 0.0
    for gap, cost in script:
        now += gap
        wait = bucket.take(now, cost)
        if wait == 0.0:
            taken, last = taken + cost, cost
        else:
            assert bucket.take(now + wait * 1.001 + 1e-9, cost) == 0.0
            taken, last, now = taken + cost, cost, now + wait * 1.001 + 1e-9
        assert taken <= rate.count + last + now * rate.per_second + 1e-6


def test_rates_are_apart_and_forget_who_is_idle() -> None:
    limit = Rates(Rate(2, 10.0))
    assert [limit.take("a", 0.0) for _ in range(3)] == [0.0, 0.0, 5.0]
    assert limit.take("b", 0.0) == 0.0
    for number in range(20_000):
        limit.take(f"user-{number}", float(number))
    assert len(limit) < 10_000
    assert Rates(None).take("a", 0.0) == 0.0


def test_counts() -> None:
    counts = Counts(2)
    assert [counts.enter("a"), counts.enter("a"), counts.enter("a"), counts.enter("b")] == [True, True, False, True]
    counts.leave("a")
    assert counts.enter("a")
    for key in "aab":
        counts.leave(key)
    assert len(counts) == 0


@given(rates, st.lists(st.floats(0, 2), max_size=100), st.floats(0, 10))
def test_a_queue_admits_at_its_rate_and_in_order(rate: Rate, gaps: list[float], wait: float) -> None:
    queue, now, turns = Queue(rate, wait), 0.0, []
    for gap in gaps:
        now += gap
        delay = queue.turn(now)
        if delay is not None:
            assert 0.0 <= delay <= wait
            turns.append(now + delay)
    assert turns == sorted(turns)
    for first in range(0, len(turns), 7):
        window = [turn for turn in turns[first:] if turn < turns[first] + rate.seconds]
        assert len(window) <= 2 * rate.count + 1


def test_a_storm_of_clients_that_give_up_and_come_again_gets_in() -> None:
    """As many as a pod may hold, all at once: a queue longer than their patience gave every turn to somebody who had gone, for ever."""
    limits, chance = LimitSettings(), random.Random(1)
    queue = Queue(limits.accepts, limits.accept_wait)
    coming = [(0.0, FIRST_DELAY, user) for user in range(limits.max_connections)]
    while coming:
        now, delay, user = heapq.heappop(coming)
        assert now < 60, f"{len(coming) + 1} of {limits.max_connections} are still outside"
        turn = queue.turn(now)
        if turn is None or turn > OPEN_TIMEOUT:
            wasted = limits.accept_wait if turn is None else OPEN_TIMEOUT
            heapq.heappush(coming, (now + wasted + delay * chance.uniform(0.5, 1.0), min(delay * 2, LONGEST_DELAY), user))


PROXIES = (ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("fd00::/8"))


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("203.0.113.7", "", "203.0.113.7"),
        ("203.0.113.7", "198.51.100.1", "203.0.113.7"),
        ("10.1.2.3", "198.51.100.1", "198.51.100.1"),
        ("10.1.2.3", "1.1.1.1, 198.51.100.1, 10.9.9.9", "198.51.100.1"),
        ("10.1.2.3", "1.1.1.1, nonsense, 10.9.9.9", "10.9.9.9"),
        ("10.1.2.3", "10.4.4.4", "10.4.4.4"),
        ("10.1.2.3", "198.51.100.1:4711", "198.51.100.1"),
        ("10.1.2.3", "[2001:db8::1]:4711", "2001:db8::/64"),
        ("2001:db8:0:1:aaaa::1", "", "2001:db8:0:1::/64"),
        ("::ffff:203.0.113.7", "", "203.0.113.7"),
        ("fd00::1", "::ffff:198.51.100.1", "198.51.100.1"),
        ("", "1.1.1.1", ""),
    ],
)
def test_whose_address_counts(peer: str, forwarded: str, address: str) -> None:
    assert client_address(peer, forwarded, PROXIES) == address


@given(st.text(max_size=40), st.text(max_size=200))
def test_no_header_breaks_it_and_none_is_believed_from_strangers(peer: str, forwarded: str) -> None:
    client_address(peer, forwarded, PROXIES)
    assert client_address("203.0.113.7", forwarded, PROXIES) == "203.0.113.7"


@pytest.mark.parametrize(
    ("origin", "origins", "good"),
    [
        (None, ("https://a.example.com",), True),
        ("https://evil.com", (), True),
        ("https://evil.com", ("*",), True),
        ("https://a.example.com", ("https://a.example.com",), True),
        ("https://A.example.com:443", ("https://a.example.com",), True),
        ("http://a.example.com", ("https://a.example.com",), False),
        ("https://a.example.com:8443", ("https://a.example.com",), False),
        ("https://x.a.example.com", ("https://*.example.com",), True),
        ("https://example.com", ("https://*.example.com",), False),
        ("https://evilexample.com", ("https://*.example.com",), False),
        ("https://a.example.com.evil.com", ("https://*.example.com",), False),
        ("null", ("https://a.example.com",), False),
    ],
)
def test_origins(origin: str | None, origins: tuple[str, ...], good: bool) -> None:
    assert allowed(origin, origins) is good
