"""What waits, in virtual time."""

import asyncio
import itertools

import pytest

from carillon_operator.reconciler.queue import FIRST, LONGEST, Key, Queue

A, B = ("ns", "a"), ("ns", "b")


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def queue(clock: Clock) -> Queue:
    return Queue(clock)


async def due(queue: Queue) -> Key | None:
    """The next one, if one is due."""
    taking = asyncio.create_task(queue.take())
    for _ in range(3):
        await asyncio.sleep(0)
    if not taking.done():
        taking.cancel()
        await asyncio.gather(taking, return_exceptions=True)
        return None
    return taking.result()


async def test_the_same_resource_waits_once(queue: Queue) -> None:
    for _ in range(5):
        queue.add(A)
    assert len(queue) == 1
    assert await due(queue) == A
    queue.done(A)
    assert await due(queue) is None


async def test_first_come_first_served(queue: Queue, clock: Clock) -> None:
    queue.add(A)
    clock.now += 1
    queue.add(B)
    assert [await due(queue), await due(queue)] == [A, B]


async def test_the_sooner_of_two_times_counts(queue: Queue, clock: Clock) -> None:
    queue.add(A, 10)
    queue.add(A, 2)
    queue.add(A, 30)
    assert await due(queue) is None
    clock.now = 2
    assert await due(queue) == A
    queue.done(A)
    clock.now = 100
    assert await due(queue) is None


async def test_nobody_works_on_what_another_works_on_and_no_hint_is_lost(queue: Queue) -> None:
    queue.add(A)
    assert await due(queue) == A
    queue.add(A)
    queue.add(B)
    assert await due(queue) == B
    assert await due(queue) is None
    queue.done(A)
    assert await due(queue) == A


async def test_done_names_the_next_look(queue: Queue, clock: Clock) -> None:
    queue.add(A)
    await due(queue)
    queue.done(A, 60)
    clock.now = 59
    assert await due(queue) is None
    clock.now = 60
    assert await due(queue) == A


async def test_what_has_its_next_look_ahead_does_not_wait(queue: Queue, clock: Clock) -> None:
    queue.add(A)
    queue.add(B)
    assert await due(queue) == A
    assert len(queue) == 1
    queue.done(A, 600)
    assert await due(queue) == B
    assert len(queue) == 0
    clock.now = 600
    assert len(queue) == 1


async def test_what_fails_waits_longer_each_time_up_to_a_bound(queue: Queue, clock: Clock) -> None:
    pauses = []
    for _ in range(12):
        queue.add(A)
        clock.now += LONGEST * 2
        assert await due(queue) == A
        pauses.append(queue.failed(A))
    assert FIRST * 0.8 <= pauses[0] <= FIRST * 1.2
    assert all(longer > shorter * 1.3 for shorter, longer in itertools.pairwise(pauses[:6]))
    assert all(LONGEST * 0.8 <= one <= LONGEST * 1.2 for one in pauses[-3:])


async def test_one_success_forgets_the_failures(queue: Queue, clock: Clock) -> None:
    for _ in range(6):
        queue.add(A)
        clock.now += LONGEST * 2
        await due(queue)
        queue.failed(A)
    clock.now += LONGEST * 2
    assert await due(queue) == A
    queue.done(A)
    queue.add(A)
    await due(queue)
    assert queue.failed(A) <= FIRST * 1.2


async def test_what_fails_holds_up_nobody_else(queue: Queue) -> None:
    queue.add(A)
    await due(queue)
    queue.failed(A)
    queue.add(B)
    assert await due(queue) == B


async def test_a_hint_during_a_failed_pass_does_not_shorten_the_pause(queue: Queue, clock: Clock) -> None:
    queue.add(A)
    await due(queue)
    queue.add(A)
    pause = queue.failed(A)
    clock.now = pause / 2
    assert await due(queue) is None
    clock.now = pause
    assert await due(queue) == A


async def test_the_api_servers_own_wish_is_kept(queue: Queue, clock: Clock) -> None:
    queue.add(A)
    await due(queue)
    assert queue.failed(A, at_least=20) == 20
    clock.now = 19
    assert await due(queue) is None


async def test_who_waits_for_work_is_woken(queue: Queue) -> None:
    taking = asyncio.create_task(queue.take())
    await asyncio.sleep(0)
    queue.add(A)
    assert await asyncio.wait_for(taking, 5) == A


@pytest.mark.parametrize("steps", range(4))
async def test_who_is_cancelled_while_something_comes_ends(queue: Queue, steps: int) -> None:
    """A leader that wakes after a freeze finds both at once; one that stayed would neither lead nor stand by."""
    queue.add(B, 100.0)
    taking = asyncio.create_task(queue.take())
    for _ in range(3):
        await asyncio.sleep(0)
    queue.add(A)
    for _ in range(steps):
        await asyncio.sleep(0)
    if taking.cancel():
        with pytest.raises(asyncio.CancelledError):
            await taking
