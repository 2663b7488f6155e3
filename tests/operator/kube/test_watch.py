"""What a watch tells, of lists and streams that a stand-in for the API server gives it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from carillon_operator.kube import ApiError, Forbidden, NotFound, Unreachable, Watch, watch
from carillon_operator.kube.errors import error
from carillon_operator.kube.kinds import SERVICE

Named = tuple[str, str, dict[str, str]]


def thing(name: str, version: str, **labels: str) -> dict[str, Any]:
    return {"metadata": {"namespace": "ns", "name": name, "resourceVersion": version, "labels": labels}}


class Server:
    """lists: what LISTs answer, one after the other, the last one for ever. events: what is said to whoever watches."""

    def __init__(self) -> None:
        self.lists: list[list[dict[str, Any]] | Exception] = [[]]
        self.events: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()
        self.since: list[str] = []

    async def pages(self, *_: Any, **__: Any) -> AsyncIterator[tuple[list[dict[str, Any]], str]]:
        found = self.lists.pop(0) if len(self.lists) > 1 else self.lists[0]
        if isinstance(found, Exception):
            raise found
        yield found, "10"

    async def watch(self, kind: Any, namespace: Any, since: str, silence: float, **_: Any) -> AsyncIterator[dict[str, Any]]:
        self.since.append(since)
        while (event := await self.events.get()) is not None:
            yield event


class World:
    def __init__(self) -> None:
        self.server = Server()
        self.told: asyncio.Queue[Named | str] = asyncio.Queue()
        self.watch = Watch(
            self.server,  # type: ignore[arg-type]  # a stand-in
            SERVICE,
            None,
            lambda namespace, name, labels: self.told.put_nowait((namespace, name, labels)),
            lambda: self.told.put_nowait("appeared"),
            selector="",
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.watch.run())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def next(self, count: int = 1) -> list[Named | str]:
        async with asyncio.timeout(10):
            return [await self.told.get() for _ in range(count)]

    def say(self, change: str, found: dict[str, Any]) -> None:
        self.server.events.put_nowait({"type": change, "object": found})


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AGAIN", "FIRST", "LONGEST"):
        monkeypatch.setattr(watch, name, 0.001)


async def test_what_is_there_and_what_changes_is_told_with_its_labels() -> None:
    world = World()
    world.server.lists = [[thing("a", "1", of="x")]]
    async with world.running():
        assert await world.next() == [("ns", "a", {"of": "x"})]
        assert world.watch.synced.is_set()
        world.say("ADDED", thing("b", "11", of="y"))
        world.say("MODIFIED", thing("a", "12", of="x"))
        world.say("DELETED", thing("b", "13", of="y"))
        assert await world.next(3) == [("ns", "b", {"of": "y"}), ("ns", "a", {"of": "x"}), ("ns", "b", {"of": "y"})]


async def test_a_change_of_labels_is_told_to_the_old_and_the_new() -> None:
    world = World()
    world.server.lists = [[thing("a", "1", of="x")]]
    async with world.running():
        await world.next()
        world.say("MODIFIED", thing("a", "11", of="y"))
        assert sorted(str(one) for one in await world.next(2)) == ["('ns', 'a', {'of': 'x'})", "('ns', 'a', {'of': 'y'})"]


async def test_silence_goes_on_where_it_was_and_bookmarks_move_that_on() -> None:
    world = World()
    async with world.running():
        world.say("BOOKMARK", thing("", "20"))
        world.server.events.put_nowait(None)
        world.say("ADDED", thing("a", "21"))
        await world.next()
    assert world.server.since[:2] == ["10", "20"]


async def test_after_an_error_a_list_finds_what_was_missed() -> None:
    world = World()
    world.server.lists = [[thing("a", "1"), thing("b", "1"), thing("same", "1")], [thing("a", "2"), thing("c", "1"), thing("same", "1")]]
    async with world.running():
        await world.next(3)
        world.say("ERROR", {"message": "too old"})
        assert {one[1] for one in await world.next(3)} == {"a", "b", "c"}


@pytest.mark.parametrize("failure", [Unreachable("away"), ApiError(500, "", "said"), error(429, {}, None)])
async def test_what_fails_is_tried_again(failure: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    if hasattr(failure, "after"):
        failure.after = 0.001
    world.server.lists = [failure, failure, [thing("a", "1")]]
    async with world.running():
        assert await world.next() == [("ns", "a", {})]


@pytest.mark.parametrize("failure", [NotFound(404, "", "no such kind"), Forbidden(403, "", "you may not")])
async def test_a_kind_that_cannot_be_read_holds_up_nobody_and_its_coming_is_told(failure: ApiError) -> None:
    world = World()
    world.server.lists = [failure]
    async with world.running():
        async with asyncio.timeout(10):
            await world.watch.synced.wait()
        assert not world.watch.served
        assert world.watch.refused == ("you may not" if isinstance(failure, Forbidden) else "")
        world.server.lists = [[thing("a", "1")]]
        assert await world.next(2) == ["appeared", ("ns", "a", {})]
        assert world.watch.served
        assert world.watch.refused == ""
