"""The order in which commands go, and the bounds of what waits; without Redis."""

import asyncio

import pytest

from carillon.errors import StoreUnavailable
from carillon.store.queue import Command, CommandQueue


def make(name: str, *, deadline: float = 100.0, first: bool = False) -> Command:
    return Command((name,), asyncio.get_running_loop().create_future(), deadline, first=first)


def names(commands: list[Command]) -> list[object]:
    return [command.words[0] for command in commands]


async def test_first_commands_go_first_and_alone_while_held() -> None:
    queue = CommandQueue(1000, 10)
    queue.held = True
    queue.append(make("A"))
    assert not queue
    queue.append(make("RENEW", first=True))
    assert names(list(queue.take(1000))) == ["RENEW"]
    assert not queue
    queue.held = False
    assert names(list(queue.take(1000))) == ["A"]


async def test_what_was_taken_and_put_back_goes_again_in_its_order() -> None:
    queue = CommandQueue(1000, 10)
    for name in ("A", "B", "C"):
        queue.append(make(name))
    taken = list(queue.take(1))
    taken += list(queue.take(1))
    queue.put_back(taken)
    assert names(list(queue.take(1000))) == ["A", "B", "C"]


async def test_what_was_cancelled_or_overdue_never_goes() -> None:
    queue = CommandQueue(1000, 10)
    cancelled, overdue, alive = make("A"), make("B", deadline=5.0), make("C")
    for command in (cancelled, overdue, alive):
        queue.append(command)
    cancelled.future.cancel()
    queue.expire(6.0, "too late")
    assert names(list(queue.take(1000))) == ["C"]
    with pytest.raises(StoreUnavailable, match="too late") as caught:
        await overdue.future
    assert not caught.value.sent


async def test_room_is_freed_by_what_went_and_what_was_given_up() -> None:
    queue = CommandQueue(len(make("AAAA").packed) * 2, 10)
    more = make("AAAA")
    for _ in range(2):
        assert not queue.full(more)
        queue.append(make("AAAA", deadline=5.0))
    assert queue.full(more)
    assert not queue.full(make("AAAA", first=True))
    list(queue.take(1))
    assert not queue.full(more)
    queue.append(more)
    queue.expire(6.0, "too late")
    assert not queue.full(make("AAAA"))
