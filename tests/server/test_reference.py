"""The README of the reference, sentence by sentence, over real sockets: on one server, and with the two users on two.

Payloads are compared whole: a reference client must find the fields that are promised, and no others.
"""

import asyncio
import contextlib
import json
import secrets
import uuid
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from harness.redis import RedisServer
from harness.server import ServerProcess, User, token
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

SDP = "v=0\r\no=- 123456 2 IN IP4 127.0.0.1\r\n..."
KINDS = ["call.start", "call.accept", "call.reject", "call.end", "call.check", "webrtc.offer", "webrtc.answer", "webrtc.ice"]
PROFILE = {"username": "alice", "image_profile": "https://example.com/alice.jpg"}


@pytest.fixture(scope="module")
def servers(redis_server: RedisServer) -> Iterator[tuple[ServerProcess, ServerProcess]]:
    cell = secrets.token_hex(6)
    with ServerProcess(redis_server.url, cell, LIMIT_STARTS="off") as one, ServerProcess(redis_server.url, cell) as other:
        yield one, other


class Two(NamedTuple):
    alice: User
    bob: User
    a: str
    b: str


@pytest.fixture(params=["one server", "two servers"])
async def two(request: pytest.FixtureRequest, servers: tuple[ServerProcess, ServerProcess]) -> Two:
    tail = secrets.token_hex(4)
    a, b = f"alice-{tail}", f"bob-{tail}"
    there = servers[request.param == "two servers"]
    return Two(await User.join(servers[0], a, name="Alice", **PROFILE), await User.join(there, b, name="Bob"), a, b)


async def stranger(servers: tuple[ServerProcess, ServerProcess]) -> User:
    return await User.join(servers[0], f"mallory-{secrets.token_hex(4)}")


async def refused(user: User, kind: str, **payload: Any) -> str:
    await user.say(kind, **payload)
    error = await user.hear("error")
    assert set(error) == {"code", "message"}
    assert error["message"]
    return str(error["code"])


async def quiet(user: User) -> None:
    """Nothing more comes: the next message is the answer to this question."""
    await user.say("call.check", session_id="none")
    assert await user.hear("call.check_result") == {"session_id": "none", "exists": False}


async def ringing(two: Two) -> str:
    await two.alice.say("call.start", callee_id=two.b)
    session = str((await two.alice.hear("call.ringing"))["session_id"])
    await two.bob.hear("call.ring")
    return session


async def talking(two: Two) -> str:
    session = await ringing(two)
    await two.bob.say("call.accept", session_id=session)
    await two.alice.hear("call.accepted")
    return session


# ---------------------------------------------------------------- the call flow


async def test_a_call_with_every_message_of_the_flow(two: Two) -> None:
    await two.alice.say("call.start", callee_id=two.b)
    rang = await two.alice.hear("call.ringing")
    session = rang["session_id"]
    assert rang == {"session_id": str(uuid.UUID(session)), "callee_id": two.b}
    alice = {"user_id": two.a, "name": "Alice", **PROFILE}
    assert await two.bob.hear("call.ring") == {"session_id": session, "caller_id": two.a, "caller_info": alice}
    await two.bob.say("call.accept", session_id=session)
    bob = {"user_id": two.b, "name": "Bob"}
    assert await two.alice.hear("call.accepted") == {"session_id": session, "callee_info": bob}
    for sender, hearer, kind, more in [
        (two.alice, two.bob, "webrtc.offer", {"sdp": SDP}),
        (two.bob, two.alice, "webrtc.answer", {"sdp": SDP}),
        (two.alice, two.bob, "webrtc.ice", {"candidate": "candidate:1 1 UDP 2122252543 192.168.1.1 12345 typ host"}),
        (two.bob, two.alice, "webrtc.ice", {"candidate": "candidate:2", "sdpMid": "0", "sdpMLineIndex": 0}),
        (two.bob, two.alice, "webrtc.offer", {"sdp": SDP}),
        (two.alice, two.bob, "webrtc.answer", {"sdp": SDP, "unknown": {"nested": [None, 1.5]}}),
    ]:
        payload = {"session_id": session, **more}
        await sender.say(kind, **payload)
        assert await hearer.hear(kind) == payload
    await two.alice.say("call.end", session_id=session)
    assert await two.bob.hear("call.ended") == {"session_id": session, "reason": "ended_by_user", "peer_info": alice}
    await quiet(two.alice)
    await quiet(two.bob)


async def test_declined(two: Two) -> None:
    session = await ringing(two)
    await two.bob.say("call.reject", session_id=session)
    assert await two.alice.hear("call.rejected") == {"session_id": session, "callee_info": {"user_id": two.b, "name": "Bob"}}
    await quiet(two.bob)
    await ringing(two)


async def test_the_callee_hangs_up(two: Two) -> None:
    session = await talking(two)
    await two.bob.say("call.end", session_id=session)
    ended = await two.alice.hear("call.ended")
    assert ended == {"session_id": session, "reason": "ended_by_user", "peer_info": {"user_id": two.b, "name": "Bob"}}


async def test_cancelled_while_it_rings(two: Two) -> None:
    session = await ringing(two)
    await two.alice.say("call.end", session_id=session)
    ended = await two.bob.hear("call.ended")
    assert (ended["reason"], ended["peer_info"]["user_id"]) == ("ended_by_user", two.a)


async def test_a_peer_whose_app_closes_is_disconnected(two: Two) -> None:
    session = await talking(two)
    await two.bob.socket.close()
    assert await two.alice.hear("call.ended") == {"session_id": session, "reason": "peer_disconnected"}


# ---------------------------------------------------------------- call.check


async def test_check_answers_participants_while_the_call_stands(two: Two, servers: tuple[ServerProcess, ServerProcess]) -> None:
    session = await ringing(two)
    for user in (two.alice, two.bob):
        await user.say("call.check", session_id=session)
        result = {"session_id": session, "exists": True, "state": "ringing", "caller_id": two.a}
        assert await user.hear("call.check_result") == result
    mallory = await stranger(servers)
    await mallory.say("call.check", session_id=session)
    assert await mallory.hear("call.check_result") == {"session_id": session, "exists": False}
    await two.bob.say("call.accept", session_id=session)
    await two.alice.hear("call.accepted")
    await two.bob.say("call.check", session_id=session)
    assert (await two.bob.hear("call.check_result"))["state"] == "accepted"
    await two.alice.say("call.end", session_id=session)
    await two.bob.hear("call.ended")
    await two.bob.say("call.check", session_id=session)
    assert await two.bob.hear("call.check_result") == {"session_id": session, "exists": False}


# ---------------------------------------------------------------- the seven error codes


async def test_user_offline(two: Two) -> None:
    assert await refused(two.alice, "call.start", callee_id="nobody") == "user_offline"
    gone = {"callee_id": "nobody", "callee_device_token": "fcm-or-apns-token", "callee_os": "android"}
    assert await refused(two.alice, "call.start", **gone) == "user_offline", "no push provider is set up"


async def test_user_busy(two: Two, servers: tuple[ServerProcess, ServerProcess]) -> None:
    session = await ringing(two)
    mallory = await stranger(servers)
    assert await refused(mallory, "call.start", callee_id=two.b) == "user_busy"
    assert await refused(mallory, "call.start", callee_id=two.a) == "user_busy"
    assert await refused(two.alice, "call.start", callee_id="nobody") in ("user_busy", "user_offline")
    await two.bob.say("call.reject", session_id=session)
    await two.alice.hear("call.rejected")


@pytest.mark.parametrize("kind", ["call.accept", "call.reject", "call.end", "webrtc.offer", "webrtc.answer", "webrtc.ice"])
async def test_session_not_found(two: Two, kind: str) -> None:
    more = {"sdp": SDP, "candidate": "c"} if kind.startswith("webrtc") else {}
    assert await refused(two.alice, kind, session_id=str(uuid.uuid4()), **more) == "session_not_found"
    session = await talking(two)
    await two.alice.say("call.end", session_id=session)
    await two.bob.hear("call.ended")
    for user in (two.alice, two.bob):
        assert await refused(user, kind, session_id=session, **more) == "session_not_found"


async def test_unauthorized(two: Two, servers: tuple[ServerProcess, ServerProcess]) -> None:
    session = await ringing(two)
    mallory = await stranger(servers)
    for kind in ("call.accept", "call.reject", "call.end"):
        assert await refused(mallory, kind, session_id=session) == "unauthorized"
    for kind in ("call.accept", "call.reject"):
        assert await refused(two.alice, kind, session_id=session) == "unauthorized"
    await two.bob.say("call.accept", session_id=session)
    await two.alice.hear("call.accepted")
    for kind in ("webrtc.offer", "webrtc.answer", "webrtc.ice"):
        assert await refused(mallory, kind, session_id=session, sdp=SDP, candidate="c") == "unauthorized"
    await quiet(two.bob)


async def test_invalid_state(two: Two) -> None:
    session = await ringing(two)
    for user in (two.alice, two.bob):
        assert await refused(user, "webrtc.offer", session_id=session, sdp=SDP) == "invalid_state"
        assert await refused(user, "webrtc.ice", session_id=session, candidate="c") == "invalid_state"
    await two.bob.say("call.accept", session_id=session)
    await two.alice.hear("call.accepted")
    assert await refused(two.bob, "call.accept", session_id=session) == "invalid_state"
    assert await refused(two.bob, "call.reject", session_id=session) == "invalid_state"
    await quiet(two.alice)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hello",
        "{",
        "[]",
        "null",
        "7",
        "{}",
        '{"type":null}',
        '{"type":7,"payload":{}}',
        '{"type":"","payload":{}}',
        '{"type":"call.dance","payload":{}}',
        '{"type":"call.ringing","payload":{"session_id":"x","callee_id":"y"}}',
        '{"type":"internal.disconnect","payload":{"reason":"new_connection"}}',
        '{"type":"session.resume","payload":{}}',
        '{"type":"token.refresh","payload":{"token":"x"}}',
        '{"type":"received","payload":{"seq":1}}',
        '{"type":"session.ping","payload":{}}',
        *(
            json.dumps({"type": kind} | payload)
            for kind in KINDS
            for payload in (
                {},
                {"payload": None},
                {"payload": "x"},
                {"payload": []},
                {"payload": {}},
                {"payload": {"callee_id": 7, "session_id": 7}},
                {"payload": {"callee_id": "", "session_id": ""}},
                {"payload": {"callee_id": None, "session_id": None}},
            )
        ),
        '{"type":"webrtc.offer","payload":{"session_id":"x"}}',
        '{"type":"webrtc.answer","payload":{"session_id":"x","sdp":""}}',
        '{"type":"webrtc.answer","payload":{"session_id":"x","sdp":{}}}',
        '{"type":"call.start","payload":{"callee_id":"\\ud800"}}',
        '{"type":"call.check","payload":{"session_id":"\\udfff"}}',
        '{"type":"call.check","payload":{"session_id":"x"}} trailing',
    ],
)
async def test_invalid_message(servers: tuple[ServerProcess, ServerProcess], text: str) -> None:
    user = await stranger(servers)
    await user.socket.send(text)
    error = await user.hear("error")
    assert error["code"] == "invalid_message"
    assert set(error) == {"code", "message"}
    await quiet(user)
    await user.socket.close()


async def test_who_is_offline_is_not_told_where_users_must_not_be_found_out(redis_server: RedisServer, cell: str) -> None:
    with ServerProcess(redis_server.url, cell, OFFLINE_POLICY="ring", RING_TIMEOUT="5") as server:
        alice = await User.join(server, "alice")
        await alice.say("call.start", callee_id="nobody")
        session = (await alice.hear("call.ringing"))["session_id"]
        assert await alice.hear("call.ended") == {"session_id": session, "reason": "no_answer"}


async def test_nobody_calls_themselves(two: Two) -> None:
    assert await refused(two.alice, "call.start", callee_id=two.a) == "invalid_message"


# ---------------------------------------------------------------- connecting


async def status(url: str, **options: Any) -> tuple[int, bytes]:
    with pytest.raises(InvalidStatus) as answer:
        await connect(url, **options)
    return answer.value.response.status_code, bytes(answer.value.response.body or b"")


async def test_without_a_good_token_there_is_a_401(servers: tuple[ServerProcess, ServerProcess]) -> None:
    url = servers[0].url
    assert await status(url) == (401, b"Missing token")
    assert await status(f"{url}?token=") == (401, b"Missing token")
    assert await status(f"{url}?token=nonsense") == (401, b"Invalid token")
    assert (await status(f"{url}?token={token('alice', secret='another secret of thirty-two bytes')}"))[0] == 401
    assert (await status(f"{url}?token={token('alice', seconds=-600)}"))[0] == 401
    assert (await status(f"{url}?token={token('')}"))[0] == 401
    assert servers[0].status("/ws") == 401
    assert servers[0].status(f"/ws?token={token('alice')}") == 426


async def test_one_socket_per_user_the_newest(two: Two, servers: tuple[ServerProcess, ServerProcess]) -> None:
    newer = await User.join(servers[0], two.b, name="Bob")
    with contextlib.suppress(ConnectionClosed):
        await asyncio.wait_for(two.bob.socket.recv(), 5)
    assert two.bob.socket.close_code == 1000
    await two.alice.say("call.start", callee_id=two.b)
    await two.alice.hear("call.ringing")
    await newer.hear("call.ring")


async def test_pages_of_any_origin_may_connect(servers: tuple[ServerProcess, ServerProcess]) -> None:
    user = await connect(f"{servers[0].url}?token={token('origin-' + secrets.token_hex(4))}", origin="http://localhost:5173")  # type: ignore[arg-type] # a str
    await user.close()


async def test_health(servers: tuple[ServerProcess, ServerProcess]) -> None:
    assert servers[0].get("/health") == (200, b"OK")
