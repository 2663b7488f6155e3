"""Which resources get a pass, and when the process is held to be stuck. The API server and the passes are stand-ins here."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from carillon_operator.kube import ApiError, Forbidden, Kind, NotLeading, Unreachable
from carillon_operator.metrics import Own
from carillon_operator.reconciler import Key, Lookout, Loop, Queue, loop, queue
from carillon_operator.reconciler.passes import Outcome

A, B = ("ns", "a"), ("ns", "b")


class Server:
    """What a LIST of the resources says."""

    def __init__(self) -> None:
        self.versions: dict[Key, str] = {}
        self.failure: Exception | None = None
        self.refused: set[str | None] = set()
        self.asked: list[str | None] = []
        self._again = asyncio.Event()

    async def listed(self, times: int) -> None:
        """Waits until it was asked so many times more."""
        wanted = len(self.asked) + times
        async with asyncio.timeout(10):
            while len(self.asked) < wanted:
                self._again.clear()
                await self._again.wait()

    async def find(self, kind: Kind, namespace: str | None, **_: Any) -> list[dict[str, Any]]:
        self.asked.append(namespace)
        self._again.set()
        if self.failure:
            raise self.failure
        if namespace in self.refused:
            raise Forbidden(403, "Forbidden", "no")
        return [
            {"metadata": {"namespace": key[0], "name": key[1], "resourceVersion": version}}
            for key, version in self.versions.items()
            if namespace in (None, key[0])
        ]


class Passes:
    """Stands in for the reconciler. outcomes: what the next passes over a resource come to, then the default."""

    def __init__(self) -> None:
        self.made: list[Key] = []
        self.outcomes: dict[Key, list[Outcome | Exception]] = {}
        self.forgotten: list[str] = []
        self.again = asyncio.Event()

    async def reconcile(self, namespace: str, name: str) -> Outcome:
        self.made.append((namespace, name))
        self.again.set()
        left = self.outcomes.get((namespace, name))
        found = left.pop(0) if left else Outcome(uid=name)
        if isinstance(found, Exception):
            raise found
        return found

    def forget(self, uid: str) -> None:
        self.forgotten.append(uid)


class World:
    def __init__(self, namespaces: tuple[str, ...] = ()) -> None:
        self.server, self.passes, self.queue, self.own = Server(), Passes(), Queue(), Own()
        self.known: dict[Key, str] = {}
        lookout = Lookout(self.own, self.queue.add)
        self.loop = Loop(self.server, self.passes, lookout, self.queue, self.own, namespaces, self.known)  # type: ignore[arg-type]  # stand-ins

    @asynccontextmanager
    async def leading(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.loop.lead(2))
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def passes_over(self, *keys: Key) -> None:
        """Waits until each had a pass so many times."""
        async with asyncio.timeout(10):
            while any(self.passes.made.count(key) < keys.count(key) for key in keys):
                self.passes.again.clear()
                await self.passes.again.wait()


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rounds follow one another at once."""
    for name in ("RESYNC", "SOON", "SETTLE"):
        monkeypatch.setattr(loop, name, 0.001)


async def test_a_leader_begins_with_all_there_are(quick: None) -> None:
    world = World()
    world.server.versions = {A: "1", B: "1"}
    async with world.leading():
        await world.passes_over(A, B)


async def test_only_served_namespaces_are_asked_for(quick: None) -> None:
    world = World(("ns", "other"))
    world.server.versions = {A: "1", ("third", "c"): "1"}
    async with world.leading():
        await world.passes_over(A)
    assert set(world.server.asked) == {"ns", "other"}
    assert ("third", "c") not in world.passes.made


async def test_a_list_finds_what_no_hint_told(quick: None) -> None:
    world = World()
    async with world.leading():
        world.server.versions = {A: "1"}
        await world.passes_over(A)
        world.server.versions = {A: "2"}
        await world.passes_over(A, A)
        world.server.versions = {}
        await world.passes_over(A, A, A)


async def test_for_who_leads_no_more_nothing_waits(quick: None) -> None:
    world = World()
    async with world.leading():
        await world.server.listed(1)
        world.own.waiting.set(7)
    assert world.own.waiting._value.get() == 0


async def test_what_did_not_change_has_no_further_pass(quick: None) -> None:
    world = World()
    world.server.versions = {A: "1"}
    async with world.leading():
        await world.passes_over(A)
        await world.server.listed(5)
    assert world.passes.made == [A]


async def test_hints_of_children_and_secrets_lead_to_their_resource(quick: None) -> None:
    world = World()
    world.passes.outcomes[A] = [Outcome(uid="a", secrets=frozenset({"google"}))]
    async with world.leading():
        world.loop.child_changed("ns", "calls-redis", {"carillon.dev/cluster": "a"})
        await world.passes_over(A)
        world.loop.secret_changed("ns", "google", {})
        await world.passes_over(A, A)
        for namespace, name in (("ns", "other"), ("elsewhere", "google")):
            world.loop.secret_changed(namespace, name, {})
        world.loop.child_changed("ns", "theirs", {})
        world.loop.resource_changed(*B)
        await world.passes_over(B)
    assert world.passes.made == [A, A, B]


async def test_a_kind_that_appears_leads_to_all_of_them(quick: None) -> None:
    world = World()
    world.server.versions = {A: "1", B: "1"}
    async with world.leading():
        await world.passes_over(A, B)
        await world.server.listed(1)
        world.loop.kind_appeared()
        await world.passes_over(A, B, A, B)


async def test_what_fails_is_tried_again_and_counted(monkeypatch: pytest.MonkeyPatch, quick: None) -> None:
    monkeypatch.setattr(queue, "FIRST", 0.001)
    world = World()
    failures = [Unreachable("cut"), ApiError(500, "", "said"), ValueError("a defect of ours")]
    world.passes.outcomes[A] = list(failures)
    world.loop.resource_changed(*A)
    async with world.leading():
        await world.passes_over(A, A, A, A)
    assert b'carillon_operator_passes_total{result="failed"} 3.0' in world.own.text()


async def test_who_leads_no_more_takes_a_pass_for_undone(quick: None) -> None:
    world = World()
    world.passes.outcomes[A] = [NotLeading()]
    world.server.versions = {A: "1"}
    async with world.leading():
        await world.passes_over(A)
    async with world.leading():
        await world.passes_over(A, A)


async def test_a_resource_that_is_gone_is_forgotten(quick: None) -> None:
    world = World()
    world.passes.outcomes[A] = [Outcome(uid="first"), Outcome(uid="second"), Outcome(None)]
    async with world.leading():
        for count in (1, 2, 3):
            world.loop.resource_changed(*A)
            await world.passes_over(*[A] * count)
    assert world.passes.forgotten == ["first", "second"]


async def test_an_api_server_that_does_not_answer_does_not_make_it_stuck(quick: None) -> None:
    world = World()
    world.server.versions = {A: "1"}
    world.server.failure = Unreachable("away")
    await rounds(world, 5)
    assert not world.loop.stuck


async def test_a_namespace_that_is_refused_takes_no_other_with_it(quick: None) -> None:
    """As one that was deleted, and its Role with it."""
    world = World(namespaces=("ns", "gone"))
    lost = ("gone", "c")
    world.server.versions = {A: "1", lost: "1"}
    world.known = world.loop._known = {A: "1", lost: "1"}  # type: ignore[assignment]  # as its watch shows them
    async with world.leading():
        await world.passes_over(A, lost)
        world.server.refused.add("gone")
        await world.server.listed(6)
        world.server.versions[A] = world.known[A] = "2"
        await world.passes_over(A, A)
        assert world.passes.made.count(lost) == 1
        assert not world.loop.stuck
        world.server.refused.clear()
        await world.passes_over(lost, lost)


async def test_a_watch_that_lags_the_list_for_two_rounds_makes_it_stuck_until_it_shows(quick: None) -> None:
    world = World()
    world.server.versions = {A: "1"}
    await rounds(world, 6)
    assert world.loop.stuck
    world.known[A] = "1"
    await rounds(world, 2)
    assert not world.loop.stuck


async def test_a_resource_that_changes_each_round_proves_nothing(monkeypatch: pytest.MonkeyPatch, quick: None) -> None:
    world = World()
    find = world.server.find

    async def changing(kind: Kind, namespace: str | None, **more: Any) -> list[dict[str, Any]]:
        world.server.versions[A] = str(len(world.server.asked))
        return await find(kind, namespace, **more)

    monkeypatch.setattr(world.server, "find", changing)
    await rounds(world, 6)
    assert not world.loop.stuck


async def rounds(world: World, count: int) -> None:
    """So many LISTs of one that stands by, and the one after them begun."""
    task = asyncio.create_task(world.loop.stand_by())
    await world.server.listed(count + 1)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
