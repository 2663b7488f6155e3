"""The server as its users meet it: a real process, real sockets, a real Redis."""

import asyncio
import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest
from harness.ports import free_port
from harness.redis import RedisServer
from harness.server import ServerProcess, User, token
from harness.waiting import until
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus


@pytest.fixture
def server(redis_server: RedisServer, cell: str) -> Iterator[ServerProcess]:
    with ServerProcess(redis_server.url, cell) as running:
        yield running


async def a_call(alice: User, bob: User) -> str:
    await alice.say("call.start", callee_id="bob")
    session = str((await alice.hear("call.ringing"))["session_id"])
    await bob.hear("call.ring")
    await bob.say("call.accept", session_id=session)
    await alice.hear("call.accepted")
    return session


async def test_two_reference_clients_call_each_other_across_two_servers(redis_server: RedisServer, cell: str) -> None:
    with ServerProcess(redis_server.url, cell) as one, ServerProcess(redis_server.url, cell) as other:
        alice, bob = await User.join(one, "alice"), await User.join(other, "bob", image_profile="https://example.com/b.jpg")
        await alice.say("call.start", callee_id="bob")
        session = (await alice.hear("call.ringing"))["session_id"]
        assert (await bob.hear("call.ring"))["caller_info"] == {"user_id": "alice", "name": "Alice"}
        await bob.say("call.accept", session_id=session)
        assert (await alice.hear("call.accepted"))["callee_info"]["image_profile"] == "https://example.com/b.jpg"
        raw = '{"type":"webrtc.offer", "payload":{"session_id":"ID","sdp":"v=0\\r\\n","x":{"y":[1,2.50,null]}}}'.replace("ID", session)
        await alice.socket.send(raw)
        relayed = await bob.socket.recv()
        assert json.loads(relayed) == json.loads(raw)
        assert '"x":{"y":[1,2.50,null]}' in str(relayed)
        await bob.socket.close(1000)
        assert (await alice.hear("call.ended"))["reason"] == "peer_disconnected"


async def test_three_ways_to_carry_the_token(server: ServerProcess) -> None:
    await User.join(server, "alice")
    await connect(server.url, additional_headers={"Authorization": f"Bearer {token('bob')}"})
    carol = await User.join_v1(server, "carol")
    assert carol.socket.subprotocol == "carillon.v1"
    await carol.say("session.resume")
    assert (await carol.hear("session.welcome"))["user"]["user_id"] == "carol"
    assert "bearer" not in server.log
    assert "eyJ" not in server.log


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        ("", 4401),
        ("nonsense", 4401),
        (token("alice", secret="another secret, thirty-two bytes too"), 4401),
        (token("alice", seconds=-60), 4402),
        ("x" * 9000, 4401),
    ],
)
async def test_a_bad_token_is_refused(server: ServerProcess, bad: str, code: int) -> None:
    with pytest.raises(InvalidStatus) as refused:
        await connect(f"{server.url}?token={bad}")
    assert refused.value.response.status_code in (401, 414, 431)
    v1 = await User.join_v1(server, "alice", bearer=(bad or "none")[:6000])
    assert await v1.code() == code


async def test_health_follows_redis(own_redis: RedisServer, cell: str) -> None:
    with ServerProcess(own_redis.url, cell) as server:
        assert server.get("/health") == (200, b"OK")
        own_redis.stop()
        assert server.status("/health") == 503
        assert server.status("/livez") == server.status("/readyz") == 200
        own_redis.start()
        await until(lambda: server.status("/health") == 200)


async def test_a_second_connection_replaces_the_first(server: ServerProcess) -> None:
    first = await User.join(server, "alice")
    second = await User.join(server, "alice")
    assert await first.code() == 1000
    await second.say("call.check", session_id="none")
    await second.hear("call.check_result")
    closed = [json.loads(line) for line in server.log.splitlines() if "connection closed" in line]
    assert [(line["user_id"], line["by"], line["why"]) for line in closed] == [("alice", "server", "replaced")]


@pytest.mark.parametrize(
    "bad",
    [
        "",
        "{",
        "null",
        "[]",
        "42",
        '"x"',
        '{"type":"x"}',
        '{"type":"call.start"}',
        '{"type":"call.start","payload":{"callee_id":7}}',
        "[" * 50_000,
    ],
)
async def test_bad_messages_are_answered_and_disturb_nobody(server: ServerProcess, bad: str) -> None:
    alice, bob = await User.join(server, "alice"), await User.join(server, "bob")
    await alice.socket.send(bad)
    assert (await alice.hear("error"))["code"] == "invalid_message"
    await a_call(alice, bob)


async def test_binary_and_huge_frames_close_their_own_connection_only(server: ServerProcess) -> None:
    alice, bob, carol = [await User.join(server, name) for name in ("alice", "bob", "carol")]
    await alice.socket.send(b"\x00\x01")
    assert await alice.code() == 1003
    await bob.socket.send("x" * 600_000)
    assert await bob.code() == 1009
    await carol.say("call.check", session_id="none")
    await carol.hear("call.check_result")


async def test_a_socket_lost_without_a_frame_keeps_its_call_for_the_grace(server: ServerProcess) -> None:
    alice, bob = await User.join(server, "alice"), await User.join(server, "bob")
    session = await a_call(alice, bob)
    alice.socket.transport.abort()
    again = await User.join(server, "alice")
    await again.say("webrtc.ice", session_id=session, candidate="still here")
    assert (await bob.hear("webrtc.ice"))["candidate"] == "still here"


async def test_a_half_closed_socket_is_lost_not_left(server: ServerProcess) -> None:
    alice, bob = await User.join(server, "alice"), await User.join(server, "bob")
    await a_call(alice, bob)
    raw: socket.socket = alice.socket.transport.get_extra_info("socket")
    raw.shutdown(socket.SHUT_WR)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(bob.hear("call.ended"), 1.5)
    await asyncio.wait_for(bob.hear("call.ended"), 15)


async def test_sigterm_sends_everybody_away_with_1012(server: ServerProcess) -> None:
    alice, v1 = await User.join(server, "alice"), await User.join_v1(server, "bob")
    await v1.say("session.resume")
    await v1.hear("session.welcome")
    server.terminate()
    assert (await v1.hear("server.going_away"))["reason"] == "shutdown"
    assert await alice.code() == await v1.code() == 1012
    assert server.wait() == 0


async def test_sigint_leaves_at_once(redis_server: RedisServer, cell: str) -> None:
    with ServerProcess(redis_server.url, cell, DRAIN_DELAY="60") as server:
        alice = await User.join(server, "alice")
        server.terminate(signal.SIGINT)
        assert await alice.code() == 1012
        server.wait(5)


async def test_leaving_while_redis_is_away_is_no_error(own_redis: RedisServer, cell: str) -> None:
    with ServerProcess(own_redis.url, cell, ATTACH_TIMEOUT="60") as server:
        own_redis.stop()
        waiting = await User.join_v1(server, "alice")
        await waiting.say("session.resume")
        await until(lambda: "no connection to Redis" in server.log)
        server.terminate(signal.SIGINT)
        server.wait(10)
        assert '"level": "error"' not in server.log


async def test_why_tells_the_story_of_a_call(server: ServerProcess, redis_server: RedisServer, cell: str) -> None:
    alice, bob = await User.join(server, "alice"), await User.join(server, "bob")
    session = await a_call(alice, bob)
    await bob.say("call.end", session_id=session)
    await alice.hear("call.ended")
    environ = {"REDIS_URL": redis_server.url, "CELL": cell}  # whoever reads needs no keys of tokens

    async def why(call_id: str) -> tuple[int | None, str]:
        command = [sys.executable, "-m", "carillon", "why", call_id]
        process = await asyncio.create_subprocess_exec(*command, env=environ, stdout=asyncio.subprocess.PIPE)
        out, _ = await process.communicate()
        return process.returncode, out.decode()

    code, story = await why(session)
    assert code == 0
    assert "bob hung up" in story
    assert (await why("none"))[0] == 1


def test_why_tells_what_stands_between_it_and_redis() -> None:
    environ = {"REDIS_URL": f"redis://127.0.0.1:{free_port()}"}
    ran = subprocess.run([sys.executable, "-m", "carillon", "why", "x"], env=environ, capture_output=True, text=True, check=False)
    assert ran.returncode == 3
    assert "no connection to Redis why=" in ran.stderr
    assert "Redis gave no answer" in ran.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--help"], 0, "why ID"),
        (["why", "--help"], 0, "why ID"),
        (["--version"], 0, "carillon "),
        (["frobnicate"], 2, ""),
        (["why"], 2, ""),
    ],
)
def test_the_command_explains_itself_without_any_setting(arguments: list[str], code: int, said: str) -> None:
    ran = subprocess.run([sys.executable, "-m", "carillon", *arguments], env={}, capture_output=True, text=True, check=False)
    assert ran.returncode == code
    assert said in ran.stdout
    assert code == 0 or "usage:" in ran.stderr


def test_the_log_of_a_start_and_end_tells_what_and_where(server: ServerProcess, cell: str) -> None:
    server.terminate()
    server.wait(10)
    lines = {line["message"]: line for line in map(json.loads, server.log.splitlines())}
    assert lines["starting"]["cell"] == cell
    assert lines["starting"]["redis"].startswith(("redis://", "unix://"))
    assert lines["listening"]["address"] == f"127.0.0.1:{server.port}"
    assert {"leaving", "closing", "stopped"} <= set(lines)
    assert not any(line["logger"].startswith("uvicorn") for line in lines.values())


def test_settings_that_cannot_be_used_are_all_named() -> None:
    ran = subprocess.run([sys.executable, "-m", "carillon"], env={"PORT": "x"}, capture_output=True, text=True, check=False)
    assert ran.returncode == 2
    assert "PORT" in ran.stderr
    assert "JWT_SECRET" in ran.stderr
    assert "Traceback" not in ran.stderr


async def test_a_server_that_stood_still_does_nothing_of_what_waited(redis_server: RedisServer, cell: str) -> None:
    """Its users may be elsewhere by now, and what they said was for then."""
    with ServerProcess(redis_server.url, cell) as server:  # it takes 2.5 s for too long
        alice, bob = await User.join(server, "alice"), await User.join(server, "bob")
        server.terminate(signal.SIGSTOP)
        await alice.say("call.start", callee_id="bob")
        await asyncio.sleep(3.5)
        server.terminate(signal.SIGCONT)
        assert await alice.code() == 1012
        assert await bob.code() == 1012
        alice, bob = await User.join(server, "alice"), await User.join(server, "bob")
        await a_call(alice, bob)


async def test_a_short_standstill_costs_those_only_who_were_not_in_yet(redis_server: RedisServer, cell: str) -> None:
    with ServerProcess(redis_server.url, cell) as server:
        alice, bob = await User.join(server, "alice"), await User.join(server, "bob")
        carol = await User.join_v1(server, "carol")  # and says nothing yet
        server.terminate(signal.SIGSTOP)
        await asyncio.sleep(1.7)
        server.terminate(signal.SIGCONT)
        assert await carol.code() == 1012
        await a_call(alice, bob)
