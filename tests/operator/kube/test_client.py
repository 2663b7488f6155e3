"""Single calls, against a stand-in for the API server."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from aiohttp import web
from harness.waiting import until

from carillon_operator.kube import Access, ApiError, Client, Forbidden, NotLeading, Unreachable, patience
from carillon_operator.kube.kinds import SERVICE

Answer = Callable[[], web.Response]
THING = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "calls", "namespace": "ns"}}


class Login:
    """Stands in for `kubernetes`' configuration. renewed: how often it logged in anew."""

    renewed = 0

    async def auth_settings(self) -> dict[str, Any]:
        return {"token": {"in": "header", "key": "authorization", "value": f"Bearer token-{self.renewed}"}}

    async def renew(self) -> None:
        self.renewed += 1


class World:
    """answers: what is answered, one after the other, the last one for ever."""

    def __init__(self) -> None:
        self.answers: list[Answer] = []
        self.asked: list[web.Request] = []
        self.counted: list[tuple[str, str, int]] = []
        self.login = Login()
        self.may_write = lambda: True
        self.client: Client

    async def route(self, request: web.Request) -> web.StreamResponse:
        return await self.answer(request)

    async def answer(self, request: web.Request) -> web.Response:
        self.asked.append(request)
        return (self.answers.pop(0) if len(self.answers) > 1 else self.answers[0])()


@pytest.fixture
async def world(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    monkeypatch.setattr(patience, "FIRST", 0.001)
    found = World()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", found.route)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    access = Access(url, "ns", None, found.login, found.login.renew)
    found.client = Client(access, lambda: found.may_write(), lambda *call: found.counted.append(call))
    yield found
    await found.client.close()
    await runner.cleanup()


def said(status: int = 200, **body: Any) -> Answer:
    return lambda: web.json_response(body or THING, status=status)


async def test_a_login_that_ran_out_is_renewed_once(world: World) -> None:
    world.answers = [said(401), said()]
    assert await world.client.get(SERVICE, "ns", "calls") == THING
    assert [one.headers["authorization"] for one in world.asked] == ["Bearer token-0", "Bearer token-1"]
    assert world.counted == [("get", "services", 401), ("get", "services", 200)]


async def test_a_login_that_is_refused_for_good_is_said(world: World) -> None:
    world.answers = [said(401, message="Unauthorized")]
    with pytest.raises(Forbidden, match="Unauthorized"):
        await world.client.get(SERVICE, "ns", "calls")
    assert len(world.asked) == 2


async def test_every_attempt_is_counted(world: World) -> None:
    world.answers = [said(500), said(503), said()]
    await world.client.get(SERVICE, "ns", "calls")
    assert [code for _, _, code in world.counted] == [500, 503, 200]


async def test_what_is_no_json_is_asked_for_again(world: World) -> None:
    world.answers = [lambda: web.Response(text="<html>"), said()]
    assert await world.client.get(SERVICE, "ns", "calls") == THING
    world.answers = [lambda: web.Response(text="<html>")]
    with pytest.raises(Unreachable, match="is no API server"):
        await world.client.get(SERVICE, "ns", "calls")


async def test_who_may_not_write_sends_nothing(world: World) -> None:
    world.may_write = lambda: False
    with pytest.raises(NotLeading):
        await world.client.apply(THING, SERVICE, "uid")
    assert not world.asked


async def test_who_loses_the_lead_between_two_attempts_makes_no_second(world: World) -> None:
    allowed = iter([True, False])
    world.may_write = lambda: next(allowed)
    world.answers = [said(500)]
    with pytest.raises(NotLeading):
        await world.client.apply(THING, SERVICE, "uid")
    assert len(world.asked) == 1


async def test_a_write_bounds_its_time_on_the_api_server_too(world: World) -> None:
    world.answers = [said()]
    await world.client.merge(SERVICE, "ns", "calls", {"spec": {}})
    (asked,) = world.asked
    assert asked.query["timeout"] == "3s"
    assert asked.query["fieldManager"] == "carillon-operator"
    assert asked.headers["Content-Type"] == "application/merge-patch+json"


async def test_a_list_is_read_in_chunks(world: World) -> None:
    world.answers = [
        said(items=[{"metadata": {"name": "a"}}], metadata={"resourceVersion": "7", "continue": "more"}),
        said(items=[{"metadata": {"name": "b"}}], metadata={"resourceVersion": "7"}),
    ]
    found = await world.client.find(SERVICE, "ns", selector="of=x", metadata=True)
    assert [one["metadata"]["name"] for one in found] == ["a", "b"]
    assert [one.query.get("continue") for one in world.asked] == [None, "more"]
    assert {one.query["labelSelector"] for one in world.asked} == {"of=x"}
    assert "PartialObjectMetadataList" in world.asked[0].headers["Accept"]


@pytest.mark.parametrize(("status", "kind"), [(401, Unreachable), (403, Forbidden), (410, ApiError)])
async def test_a_watch_that_is_refused_says_why(world: World, status: int, kind: type[Exception]) -> None:
    world.answers = [said(status, message="refused")]
    with pytest.raises(kind):
        async for _ in world.client.watch(SERVICE, "ns", "1", 5):
            pass


async def test_a_watch_gives_whole_events_however_long_they_are(world: World) -> None:
    long = "x" * 300_000
    world.answers = [lambda: web.Response(text=f'{{"type":"ADDED","object":{{"note":"{long}"}}}}\n\n{{"type":"BOOKMARK","object":{{}}}}\n')]
    found = [event async for event in world.client.watch(SERVICE, "ns", "1", 5)]
    assert [one["type"] for one in found] == ["ADDED", "BOOKMARK"]
    assert found[0]["object"]["note"] == long


async def test_watches_keep_no_other_call_waiting(world: World) -> None:
    """There are a dozen for each namespace."""
    silent, begun = asyncio.Event(), 0

    async def answer(request: web.Request) -> web.StreamResponse:
        nonlocal begun
        if "watch" not in request.query:
            return web.json_response({"items": []})
        response = web.StreamResponse()
        await response.prepare(request)
        begun += 1
        await silent.wait()
        return response

    async def watch() -> None:
        async for _ in world.client.watch(SERVICE, "ns", "1", 60):
            pass

    world.answer = answer  # type: ignore[method-assign]  # in place of what answers at once
    watches = [asyncio.create_task(watch()) for _ in range(200)]
    try:
        await until(lambda: begun == len(watches))
        assert await asyncio.wait_for(world.client.find(SERVICE, "ns"), 10) == []
    finally:
        silent.set()
        for task in watches:
            task.cancel()
        await asyncio.gather(*watches, return_exceptions=True)


async def test_nobody_there_is_unreachable(world: World) -> None:
    access = Access("http://127.0.0.1:1", "ns", None, world.login, world.login.renew)
    client = Client(access, lambda: True, lambda *call: world.counted.append(call))
    with pytest.raises(Unreachable):
        await client.get(SERVICE, "ns", "calls")
    assert set(world.counted) == {("get", "services", 0)}
    await client.close()
