"""What is served beside the WebSocket, to curl and to pages."""

import json
from collections.abc import Iterator

import pytest
from harness.redis import RedisServer
from harness.server import ServerProcess, User, token

ORIGIN = "https://app.example.com"
TURN = "turn:turn.example.com:3478?transport=udp"


@pytest.fixture
def server(redis_server: RedisServer, cell: str) -> Iterator[ServerProcess]:
    urls = f"stun:stun.example.com,{TURN}"
    environ = {"TURN_URLS": urls, "TURN_SECRET": "coturn-secret", "TURN_TTL": "600", "ALLOWED_ORIGINS": ORIGIN}
    with ServerProcess(redis_server.url, cell, LIMIT_UNAUTHENTICATED="8/60", **environ) as running:
        yield running


async def test_turn_credentials_are_given_with_a_token_and_in_the_welcome(server: ServerProcess) -> None:
    for path, headers in [("/turn", {"Authorization": f"Bearer {token('alice')}"}), (f"/turn?token={token('alice')}", {})]:
        status, body = server.get(path, **headers)
        assert status == 200
        stun, turn = json.loads(body)["ice_servers"]
        assert stun == {"urls": ["stun:stun.example.com"]}, "a null would be read as the text null by browsers"
        assert turn["urls"] == [TURN]
        assert turn["username"].endswith(":alice")
    v1 = await User.join_v1(server, "alice")
    await v1.say("session.resume")
    given = (await v1.hear("session.welcome"))["ice_servers"]
    assert [one["urls"] for one in given] == [stun["urls"], turn["urls"]]
    assert b"coturn-secret" not in body
    assert "coturn-secret" not in json.dumps(given) + server.log


@pytest.mark.parametrize("path", ["/turn", "/ws"])
def test_without_a_good_token_there_is_a_401_and_guessing_is_slowed_down(server: ServerProcess, path: str) -> None:
    assert server.get(path) == (401, b"Missing token")
    assert server.get(path, Authorization="Bearer nonsense") == (401, b"Invalid token")
    for _ in range(6):
        assert server.status(path, Authorization="Bearer nonsense") == 401
    server.status(path)
    answer = server.ask(path, headers={"Authorization": f"Bearer {token('alice')}"})
    assert answer.status == 429
    assert int(answer.headers["Retry-After"]) > 0


@pytest.mark.parametrize("place", ["header", "query", "subprotocol"])
def test_behind_a_proxy_that_does_not_upgrade_it_is_the_upgrade_that_lacks(server: ServerProcess, place: str) -> None:
    bearer = token("alice")
    headers = {"header": {"Authorization": f"Bearer {bearer}"}, "subprotocol": {"Sec-WebSocket-Protocol": f"carillon.v1, bearer.{bearer}"}}
    assert server.status("/ws" + (f"?token={bearer}" if place == "query" else ""), **headers.get(place, {})) == 426
    assert "a proxy may not pass Upgrade on" in server.log


def test_pages_of_allowed_origins_may_ask_for_turn_credentials_and_others_may_not(server: ServerProcess) -> None:
    asked = server.ask("/turn", "OPTIONS", {"Origin": ORIGIN, "Access-Control-Request-Headers": "authorization"})
    assert asked.status == 204
    assert asked.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert asked.headers["Access-Control-Allow-Headers"] == "Authorization"
    given = server.ask("/turn", headers={"Origin": ORIGIN, "Authorization": f"Bearer {token('alice')}"})
    assert (given.status, given.headers["Access-Control-Allow-Origin"]) == (200, ORIGIN)
    assert given.headers["Cache-Control"] == "no-store"
    refused = server.ask("/turn", headers={"Origin": ORIGIN})
    assert (refused.status, refused.headers["Access-Control-Allow-Origin"]) == (401, ORIGIN)
    for method in ("OPTIONS", "GET"):
        other = server.ask("/turn", method, {"Origin": "https://evil.example", "Authorization": f"Bearer {token('alice')}"})
        assert other.headers["Access-Control-Allow-Origin"] is None
    assert other.status == 403


def test_what_is_not_served_is_not_found(server: ServerProcess) -> None:
    assert [server.status(path) for path in ("/", "/metrics", "/docs", "/demo/users", "/WS")] == [404] * 5
    assert server.ask("/health", "POST").status == 405
