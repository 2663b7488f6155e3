"""What `make run` serves beside the signaling."""

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from harness.redis import RedisServer
from harness.server import SECRET, ServerProcess, User
from starlette.applications import Starlette
from websockets.asyncio.client import connect

from carillon.demo import demo_routes
from carillon.errors import ConfigError
from carillon.hub import Hub


@pytest.fixture
def page(tmp_path: Path) -> httpx.AsyncClient:
    """A checkout with other files beside those that browsers may have."""
    files = {
        "examples/web-client/index.html": "<title>Carillon</title>",
        "examples/web-client/app.js": "export {};",
        "examples/web-client/.env": "no",
        "clients/web/carillon.js": "export {};",
        "clients/web/src/session.js": "export {};",
        "clients/web/package.json": "{}",
        "clients/web/node_modules/ws/index.js": "no",
        "README.md": "no",
    }
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    app = Starlette(routes=demo_routes(SECRET, Hub("pod"), tmp_path))
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://carillon")


@pytest.mark.parametrize("path", ["/", "/app.js", "/sdk/carillon.js", "/sdk/src/session.js"])
async def test_pages_load_nothing_from_elsewhere(page: httpx.AsyncClient, path: str) -> None:
    answer = await page.get(path)
    assert answer.status_code == 200
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'")
    assert "unsafe" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-type"].partition(";")[0] == ("text/html" if path == "/" else "text/javascript")


@pytest.mark.parametrize(
    "path",
    [
        "/.env",
        "/sdk/package.json",
        "/sdk/node_modules/ws/index.js",
        "/sdk/src/../package.json",
        "/sdk/src/%2e%2e/package.json",
        "/../../README.md",
        "/%2e%2e/%2e%2e/README.md",
        "/app.py",
    ],
)
async def test_nothing_else_of_the_checkout_is_served(page: httpx.AsyncClient, path: str) -> None:
    assert (await page.get(path)).status_code == 404


def test_without_a_checkout_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="DEMO serves the web client of a checkout"):
        demo_routes(SECRET, Hub("pod"), tmp_path)


@pytest.fixture
def server(redis_server: RedisServer, cell: str) -> Iterator[ServerProcess]:
    with ServerProcess(redis_server.url, cell, DEMO="on") as started:
        yield started


def presence(server: ServerProcess) -> dict[str, str]:
    return {user["id"]: user["presence"] for user in json.loads(server.get("/demo/users")[1])}


async def test_demo_users_get_tokens_and_see_each_other(server: ServerProcess) -> None:
    assert server.get("/")[1].startswith(b"<!doctype html>")
    assert set(presence(server).values()) == {"offline"}
    tokens = [json.loads(server.get(f"/demo/token/{user}")[1])["token"] for user in ("alice", "bob")]
    assert server.get("/demo/token/mallory")[0] == 404
    alice, bob = [User(await connect(f"{server.url}?token={token}")) for token in tokens]
    assert presence(server) == {"alice": "online", "bob": "online", "carol": "offline", "dave": "offline"}
    await alice.say("call.start", callee_id="bob")
    assert (await bob.hear("call.ring"))["caller_info"]["name"] == "Alice"
    assert presence(server)["bob"] == "busy"
    await alice.socket.close()
    await bob.hear("call.ended")
    assert presence(server) == {"alice": "offline", "bob": "online", "carol": "offline", "dave": "offline"}


def test_production_serves_no_pages(redis_server: RedisServer, cell: str) -> None:
    with ServerProcess(redis_server.url, cell) as server:
        assert [server.status(path) for path in ("/", "/demo/users", "/demo/token/alice", "/sdk/carillon.js")] == [404] * 4
