from dataclasses import dataclass

import pytest

from carillon.ws.keepalive import TICK, Wheel


@dataclass(eq=False)
class Peer:
    heard: int = 0
    asked: bool = False
    due: int = 0
    listening: bool = True
    pings: int = 0
    periods: int = 0
    dead: bool = False

    def begin_period(self) -> None:
        self.periods += 1

    def ask(self) -> None:
        self.pings += 1

    def unresponsive(self) -> None:
        self.dead = True


INTERVAL, TIMEOUT = 10.0, 4.0


@pytest.fixture
async def wheel() -> Wheel:
    return Wheel(INTERVAL, TIMEOUT, draw=lambda: 0.0)


def run(wheel: Wheel, seconds: float) -> None:
    for _ in range(round(seconds / TICK)):
        wheel.advance()


async def test_a_silent_peer_is_asked_and_then_given_up(wheel: Wheel) -> None:
    peer = Peer()
    wheel.add(peer)
    run(wheel, INTERVAL - TICK)
    assert peer.pings == 0
    run(wheel, TICK)
    assert peer.pings == 1
    run(wheel, TIMEOUT - TICK)
    assert not peer.dead
    run(wheel, TICK)
    assert peer.dead
    assert peer.pings == 1


async def test_any_sign_of_life_puts_the_question_off(wheel: Wheel) -> None:
    peer = Peer()
    wheel.add(peer)
    for _ in range(20):
        run(wheel, INTERVAL - TICK)
        peer.heard, peer.asked = wheel.now, False
    assert peer.pings == 0
    run(wheel, INTERVAL)
    assert peer.pings == 1
    peer.heard, peer.asked = wheel.now, False
    run(wheel, INTERVAL - TICK)
    assert not peer.dead
    run(wheel, TICK + TIMEOUT)
    assert peer.dead


async def test_who_is_not_listened_to_cannot_be_silent(wheel: Wheel) -> None:
    peer = Peer(listening=False)
    wheel.add(peer)
    run(wheel, 10 * INTERVAL)
    assert peer.pings == 0
    peer.listening = True
    run(wheel, 2 * INTERVAL + TIMEOUT)
    assert peer.dead


async def test_a_discarded_peer_is_forgotten(wheel: Wheel) -> None:
    peer, other = Peer(), Peer()
    wheel.add(peer)
    wheel.add(other)
    wheel.discard(peer)
    wheel.discard(peer)
    run(wheel, INTERVAL + TIMEOUT)
    assert (peer.pings, peer.dead) == (0, False)
    assert other.dead


async def test_an_active_peer_has_a_period_per_interval(wheel: Wheel) -> None:
    peer = Peer()
    wheel.add(peer)
    for _ in range(round(10 * INTERVAL / TICK)):
        peer.heard, peer.asked = wheel.now, False
        wheel.advance()
    assert 9 <= peer.periods <= 11


async def test_peers_that_came_together_are_not_asked_together() -> None:
    draws = iter(number / 100 for number in range(100))
    wheel = Wheel(INTERVAL, TIMEOUT, draw=lambda: next(draws))
    peers = [Peer() for _ in range(100)]
    for peer in peers:
        wheel.add(peer)
    most = asked = 0
    for _ in range(round(INTERVAL / TICK)):
        wheel.advance()
        now = sum(peer.pings for peer in peers)
        most, asked = max(most, now - asked), now
    assert asked == 100
    assert most <= 20
