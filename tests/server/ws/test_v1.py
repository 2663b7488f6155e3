"""What v1 adds on the wire, over real sockets: tokens that are renewed or expire, refusals that browsers can see, numbers."""

import asyncio
import json
import secrets
import time
from collections.abc import Iterator
from typing import Any

import pytest
from harness.redis import RedisServer
from harness.server import ServerProcess, User, token
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Origin, Subprotocol


@pytest.fixture(scope="module")
def server(redis_server: RedisServer) -> Iterator[ServerProcess]:
    with ServerProcess(redis_server.url, secrets.token_hex(6), JWT_LEEWAY="0", CLOSE_ON_TOKEN_EXPIRY="on") as running:
        yield running


@pytest.fixture
def name() -> str:
    return f"user-{secrets.token_hex(4)}"


async def arrive(server: ServerProcess, user_id: str, **resume: Any) -> tuple[User, dict[str, Any]]:
    user = await User.join_v1(server, user_id, bearer=resume.pop("bearer", None))
    await user.say("session.resume", **resume)
    return user, await user.hear("session.welcome")


# ---------------------------------------------------------------- tokens


async def test_the_welcome_says_who_one_is_and_until_when(server: ServerProcess, name: str) -> None:
    _, welcome = await arrive(server, name, bearer=token(name, seconds=300))
    assert welcome["user"]["user_id"] == name
    assert welcome["expires_at"] == pytest.approx(time.time() + 300, abs=5)
    assert welcome["limits"] == {"message_bytes": 524_288, "messages_per_second": 100.0, "data_bytes": 1024}
    assert (welcome["n"], welcome["recovered"], "call" in welcome) == (0, False, False)


async def test_a_connection_is_closed_when_its_token_expires_unless_it_was_renewed(server: ServerProcess, name: str) -> None:
    expiring, _ = await arrive(server, name, bearer=token(name, seconds=3))
    renewed, _ = await arrive(server, name + "-2", bearer=token(name + "-2", seconds=3))
    await renewed.say("token.refresh", token=token(name + "-2", seconds=600, name="New Name"))
    assert (await renewed.hear("token.refreshed"))["expires_at"] == pytest.approx(time.time() + 600, abs=5)
    assert await asyncio.wait_for(expiring.code(), 15) == 4402
    await renewed.say("call.check", session_id="none")
    await renewed.hear("call.check_result")


async def test_in_a_call_nobody_is_cut_off_by_an_expired_token(server: ServerProcess, name: str) -> None:
    alice, bob = await User.join(server, name, seconds=3), await User.join(server, name + "-2")
    await alice.say("call.start", callee_id=name + "-2")
    session = (await alice.hear("call.ringing"))["session_id"]
    await bob.hear("call.ring")
    await bob.say("call.accept", session_id=session)
    await alice.hear("call.accepted")
    await asyncio.sleep(4)
    await alice.say("webrtc.ice", session_id=session, candidate="still talking")
    await bob.hear("webrtc.ice")
    await bob.say("call.end", session_id=session)
    await alice.hear("call.ended")
    assert await asyncio.wait_for(alice.code(), 15) == 4402


@pytest.mark.parametrize("bad", ["another user", "expired", "nonsense"])
async def test_a_token_that_cannot_renew_changes_nothing(server: ServerProcess, name: str, bad: str) -> None:
    user, _ = await arrive(server, name)
    wrong = {"another user": token("mallory"), "expired": token(name, seconds=-60), "nonsense": "nonsense"}[bad]
    await user.say("token.refresh", token=wrong)
    error = await user.hear("error")
    assert error["code"] == "unauthorized"
    assert wrong not in json.dumps(error)
    await user.say("session.ping", id="7")
    assert await user.hear("session.pong") == {"id": "7"}


# ---------------------------------------------------------------- refusals


async def test_who_is_refused_learns_why_by_a_close_code_and_when_to_return(redis_server: RedisServer, cell: str, name: str) -> None:
    limits = {"LIMIT_CONNECTS_PER_USER": "1/600", "MAX_CONNECTIONS": "2", "ALLOWED_ORIGINS": "https://app.example.com"}
    with ServerProcess(redis_server.url, cell, **limits) as server:

        async def refusal(v1: User) -> tuple[int, str]:
            code = await v1.code()
            return code, str(v1.socket.close_reason)

        assert await refusal(await User.join_v1(server, name, bearer="nonsense")) == (4401, "Invalid token")
        assert await refusal(await User.join_v1(server, name, bearer=token(name, seconds=-60))) == (4402, "Token expired")
        protocols = [Subprotocol("carillon.v1"), Subprotocol(f"bearer.{token(name)}")]
        other = User(await connect(server.url, subprotocols=protocols, origin=Origin("https://evil.example")))
        assert (await refusal(other))[0] == 4403
        first, _ = await arrive(server, name)
        code, reason = await refusal(await User.join_v1(server, name))
        assert (code, "retry after" in reason) == (4429, True)
        await arrive(server, name + "-2")
        code, reason = await refusal(await User.join_v1(server, name + "-3"))
        assert (code, reason) == (4503, "This server is full; retry after 5 s")
        with pytest.raises(InvalidStatus) as full:
            await User.join(server, name + "-4")
        assert (full.value.response.status_code, full.value.response.headers["Retry-After"]) == (503, "5")
        await first.socket.close(4000)


async def test_without_redis_nobody_comes_in_and_all_are_told_when_to_try_again(own_redis: RedisServer, cell: str, name: str) -> None:
    with ServerProcess(own_redis.url, cell, ATTACH_TIMEOUT="1") as server:
        own_redis.stop()
        v1 = await User.join_v1(server, name)
        await v1.say("session.resume")
        assert await v1.code() == 1013
        assert "retry after" in str(v1.socket.close_reason)
        with pytest.raises(InvalidStatus) as refused:
            await User.join(server, name)
        assert refused.value.response.status_code == 503
        assert int(refused.value.response.headers["Retry-After"]) > 0


async def test_floods_are_refused_message_by_message_and_then_cut_off(redis_server: RedisServer, cell: str, name: str) -> None:
    with ServerProcess(redis_server.url, cell, LIMIT_MESSAGES="10/10") as server:
        user, _ = await arrive(server, name)
        for n in range(1, 12):
            await user.say("call.end", n, session_id="none")
        for n in range(1, 11):
            assert (await user.hear("error"))["n"] == n
        refused = await user.hear("error")
        assert (refused["code"], refused["n"]) == ("rate_limited", 11)
        assert 0 < refused["retry_after"] <= 1
        for _ in range(100):
            await user.say("session.ping")
        assert await user.code() == 4429


async def test_starts_are_limited_per_user(redis_server: RedisServer, cell: str, name: str) -> None:
    with ServerProcess(redis_server.url, cell, LIMIT_STARTS="1/60") as server:
        v1, _ = await arrive(server, name)
        await v1.say("call.start", 1, callee_id="nobody")
        assert (await v1.hear("error"))["code"] == "user_offline"
        await v1.say("call.start", 2, callee_id="nobody")
        refused = await v1.hear("error")
        assert (refused["code"], refused["n"], refused["retry_after"] > 0) == ("rate_limited", 2, True)
        reference = await User.join(server, name + "-2")
        for code in ("user_offline", "internal_error"):
            await reference.say("call.start", callee_id="nobody")
            assert (await reference.hear("error"))["code"] == code


# ---------------------------------------------------------------- numbers


async def test_a_message_that_cannot_be_read_uses_up_its_number(server: ServerProcess, name: str) -> None:
    user, _ = await arrive(server, name)
    for n, (kind, payload) in enumerate(
        [("call.start", {"callee_id": 7}), ("webrtc.offer", {"session_id": "s"}), ("dance", {}), ("call.check", {"session_id": "s"})], 1
    ):
        await user.say(kind, n, **payload)
        error = await user.hear("error")
        assert (error["code"], error["n"]) == ("invalid_message", n)
    await user.say("call.start", 6, callee_id="nobody")
    gap = await user.hear("error")
    assert (gap["code"], gap["n"], gap["expected"]) == ("out_of_sequence", 6, 5)
    await user.say("call.start", 5, callee_id="nobody")
    assert (await user.hear("error"))["code"] == "user_offline"


async def test_refusals_survive_the_socket(server: ServerProcess, name: str) -> None:
    user, welcome = await arrive(server, name)
    await user.say("dance", 1)
    await user.hear("error")
    user.socket.transport.abort()
    again, back = await arrive(server, name, session=welcome["session"], epoch=welcome["epoch"], last_seq=welcome["seq"], n=0)
    assert (back["recovered"], back["n"]) == (True, 1)
    assert (await again.hear("error"))["n"] == 1


# ---------------------------------------------------------------- the first message


@pytest.mark.parametrize("first", ['{"type":"session.ping","payload":{"id":"x"}}', "nonsense", '{"type":"session.resume","payload":7}'])
async def test_who_begins_otherwise_gets_a_fresh_session_and_its_answer(server: ServerProcess, name: str, first: str) -> None:
    user = await User.join_v1(server, name)
    await user.socket.send(first)
    assert (await user.hear("session.welcome"))["recovered"] is False
    await user.hear("session.pong" if "ping" in first else "error")


async def test_who_says_nothing_gets_a_fresh_session_and_what_they_say_too_late_is_no_error(server: ServerProcess, name: str) -> None:
    user = await User.join_v1(server, name)
    await asyncio.wait_for(user.hear("session.welcome"), 20)
    await user.say("session.resume", session=None, epoch=None, last_seq=None)
    await user.say("session.ping", id="after it")
    assert await user.hear("session.pong") == {"id": "after it"}


async def test_another_connection_takes_over_and_is_welcomed_before_the_old_is_closed(server: ServerProcess, name: str) -> None:
    old, welcome = await arrive(server, name)
    new, back = await arrive(server, name, session=welcome["session"], epoch=welcome["epoch"], last_seq=welcome["seq"], n=0)
    assert back["recovered"] is True
    assert await old.code() == 1000
    await new.say("session.ping")
    await new.hear("session.pong")


async def test_silent_v1_clients_are_woken_by_messages_and_reference_clients_by_none(server: ServerProcess, name: str) -> None:
    """The server asks after a second of silence. A WebSocket pong is answer enough: a client that never says `session.pong` stays."""
    v1, _ = await arrive(server, name)
    reference = await User.join(server, name + "-2")
    for _ in range(3):
        assert await v1.next_message() == {"type": "session.ping", "payload": {"id": None}}
    await v1.say("session.pong", id=None)
    await v1.hear("session.ping")
    await reference.say("call.check", session_id="none")
    assert (await reference.next_message())["type"] == "call.check_result"


# ---------------------------------------------------------------- true ringing and missed calls


async def test_alerting_and_missed(server: ServerProcess, name: str) -> None:
    alice, _ = await arrive(server, name)
    bob, _ = await arrive(server, name + "-2")
    await alice.say("call.start", 1, callee_id=name + "-2", media="video", data="{}")
    heard = [await alice.next_message() for _ in range(2)]
    assert {message["type"] for message in heard} == {"call.ringing", "ack"}
    session = next(m["payload"]["session_id"] for m in heard if m["type"] == "call.ringing")
    message = await bob.next_message()
    ring = message["payload"]
    assert (ring["media"], ring["data"]) == ("video", "{}")
    assert ring["expires_at"] == pytest.approx(time.time() + 60, abs=10)
    await bob.say("received", seq=message["seq"])
    assert await alice.hear("call.alerting") == {"session_id": session, "by": "socket"}
    await alice.say("call.end", 2, session_id=session)
    missed = await bob.hear("call.missed")
    assert (missed["session_id"], missed["caller_id"], missed["cause"]) == (session, name, "cancelled")
