"""An overfull pod asks some of its idle clients to try another one; nobody in a call, nobody who has just come, and never too many."""

from typing import Any

import pytest
from harness.pods import FakeConnection, Pod
from harness.redis import RedisServer
from harness.waiting import until
from hypothesis import given
from hypothesis import strategies as st

from carillon.app.rebalance import SETTLED, Rebalancer, overfull
from carillon.call import SECOND, Call, State
from carillon.hub import Attached, Hub
from carillon.protocol import UserInfo

NOW = 1_790_000_000 * SECOND


class Turn:
    """A rebalancer with a clock of its own, two seconds a turn."""

    def __init__(self, idle: int, *, above: int = 25, rate: int = 1, at: int = NOW - 2 * SETTLED, **fields: Any) -> None:
        self.hub, self.asked, self.clock = Hub("pod"), [], 0.0
        for number in range(idle):
            self.add(f"u{number}", at=at, **fields)
        self.rebalancer = Rebalancer(self.hub, above=above, rate=rate, now=lambda: NOW, clock=lambda: self.clock, ask=self.asked.append)

    def add(self, name: str, **fields: Any) -> None:
        self.hub.put(Attached(UserInfo(name), FakeConnection(), 1, attach_id="", **({"v1": True} | fields)))

    def learned(self, everywhere: int, pods: int, passed: float = 2.0) -> int:
        self.clock += passed
        return self.rebalancer.learned(everywhere, pods)


@pytest.mark.parametrize(
    ("own", "everywhere", "pods", "excess"),
    [(100, 200, 2, 0), (125, 200, 2, 0), (126, 200, 2, 26), (200, 200, 2, 100), (9, 9, 2, 0), (50, 50, 1, 0), (0, 0, 0, 0)],
)
def test_overfull_is_a_quarter_above_the_mean(own: int, everywhere: int, pods: int, excess: int) -> None:
    assert overfull(own, everywhere, pods, 25) == excess
    assert overfull(own, everywhere, pods, 0) == 0


def test_one_in_a_hundred_a_second_is_asked() -> None:
    turn = Turn(1000)
    assert turn.learned(1000, 2) == 20
    assert len({one.user_id for one in turn.asked}) == 20


def test_a_long_silence_is_no_reason_to_ask_everybody() -> None:
    assert Turn(1000).learned(1000, 2, passed=600) == 100


def test_those_in_calls_and_newcomers_and_reference_clients_are_left_alone() -> None:
    call = Call("c", 1, State.ACCEPTED, UserInfo("a"), UserInfo("b"), 0, 0)
    for turn in (Turn(100, call=call, rate=100), Turn(100, at=NOW - SETTLED + 1, rate=100), Turn(100, v1=False, rate=100)):
        assert turn.learned(100, 2) == 0


@given(st.integers(0, 60), st.integers(0, 60), st.integers(1, 5), st.integers(0, 100))
def test_never_more_than_are_too_many(own: int, others: int, more: int, rate: int) -> None:
    turn = Turn(own, rate=rate)
    asked = turn.learned(own + others, 1 + more)
    mean = (own + others) / (1 + more)
    assert own - asked >= mean or asked == 0
    assert asked <= own * rate / 50 + 1


async def test_pods_learn_from_their_leases_how_many_connections_there_are(redis_server: RedisServer, cell: str) -> None:
    heard: list[tuple[int, int]] = []
    pods = [Pod(name, redis_server.url, cell) for name in ("full", "empty")]
    for pod in pods:
        await pod.start()
    try:
        pods[0].sweeper.on_renewal = lambda renewed: heard.append((renewed.connections, renewed.pods))
        for number in range(3):
            await pods[0].join(f"{cell}-{number}", v1=True)
        await pods[1].join(f"{cell}-9", v1=False)
        await until(lambda: (4, 2) in heard, 8.0, lambda: str(heard))
    finally:
        for pod in pods:
            await pod.kill()
