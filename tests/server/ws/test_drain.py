import asyncio
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carillon.errors import Close, CloseCode
from carillon.ws.drain import drain, schedule, send_away


@given(st.integers(0, 500), st.floats(0, 86_400, allow_subnormal=False), st.randoms(use_true_random=False))
def test_every_part_of_the_time_has_its_share(count: int, seconds: float, rng: random.Random) -> None:
    times = schedule(count, seconds, rng.random)
    assert len(times) == count
    assert all(0 <= moment <= seconds for moment in times)
    assert times == sorted(times)
    for index, moment in enumerate(times):
        assert moment == pytest.approx(seconds * (index + 0.5) / count, abs=seconds / count)


class Leaver:
    def __init__(self, here: "set[Leaver]", *, stubborn: bool = False) -> None:
        self.here, self.stubborn, self.code = here, stubborn, 0
        here.add(self)

    def close(self, code: CloseCode, reason: str) -> None:
        assert not self.code, "closed twice"
        self.code = int(code)
        if not self.stubborn:
            self.here.discard(self)


async def test_all_are_sent_away_and_then_nobody_is_waited_for() -> None:
    here: set[Leaver] = set()
    leavers = [Leaver(here) for _ in range(50)]
    async with asyncio.timeout(10):
        await send_away(lambda: list(here), 0.3)
    assert {leaver.code for leaver in leavers} == {Close.RESTART}


async def test_it_ends_early_when_the_last_has_left_by_itself() -> None:
    here: set[Leaver] = set()
    Leaver(here)
    asyncio.get_running_loop().call_later(0.1, here.clear)
    async with asyncio.timeout(10):
        await send_away(lambda: list(here), 3600, draw=lambda: 0.9)


async def test_late_comers_are_sent_away_in_what_is_left_and_the_stubborn_do_not_hold_it_up() -> None:
    here: set[Leaver] = set()
    stubborn = Leaver(here, stubborn=True)
    late: list[Leaver] = []
    asyncio.get_running_loop().call_later(0.1, lambda: late.append(Leaver(here)))
    async with asyncio.timeout(10):
        await send_away(lambda: list(here), 0.5)
    assert stubborn.code == Close.RESTART
    assert [leaver.code for leaver in late] == [Close.RESTART]


async def test_with_no_time_at_all_everybody_is_told_at_once() -> None:
    here: set[Leaver] = set()
    leavers = [Leaver(here) for _ in range(5)]
    async with asyncio.timeout(10):
        await send_away(lambda: list(here), 0)
    assert {leaver.code for leaver in leavers} == {Close.RESTART}


async def test_first_it_serves_on_then_announces_then_sends_away() -> None:
    here: set[Leaver] = set()
    leaver = Leaver(here)
    story: list[object] = []
    leaver.close = lambda code, reason: (story.append(code), here.clear())  # type: ignore[method-assign, assignment] # noted instead
    asyncio.get_running_loop().call_later(0.05, story.append, "served")
    async with asyncio.timeout(10):
        await drain(lambda: list(here), delay=0.3, seconds=0.1, announce=story.append)
    assert story == ["served", 0.05, 1012]


async def test_who_moves_when_asked_is_not_sent_away() -> None:
    here: set[Leaver] = set()
    moving, staying = Leaver(here), Leaver(here)

    def announce(within: float) -> None:
        asyncio.get_running_loop().call_later(within / 2, here.discard, moving)

    async with asyncio.timeout(10):
        await drain(lambda: list(here), delay=0, seconds=0.4, announce=announce)
    assert (moving.code, staying.code) == (0, Close.RESTART)
