"""Thousands of broken frames and messages over real sockets: each gets `invalid_message` or a close, and nobody else notices."""

import asyncio
import json
import random
import secrets
import struct
from collections.abc import Iterator

import psutil
import pytest
from harness.redis import RedisServer
from harness.server import ServerProcess, User, token
from harness.wire import BINARY, CLOSE, PING, PONG, TEXT, RawClient, frame

CONTINUATION = 0
CLEAN = {1000, 1002, 1003, 1005, 1007, 1009, 4408, 4429}
"""Codes that blame what came; a client's own code is answered by itself; 1011 would be ours."""


@pytest.fixture(scope="module")
def server(redis_server: RedisServer) -> Iterator[ServerProcess]:
    with ServerProcess(redis_server.url, secrets.token_hex(6), RATE_LIMITS="off") as running:
        yield running


@pytest.fixture
def chance() -> random.Random:
    seed = random.randrange(2**32)
    print("seed", seed)
    return random.Random(seed)


def memory(server: ServerProcess) -> int:
    assert server.process is not None
    return int(psutil.Process(server.process.pid).memory_info().rss)


def message(chance: random.Random) -> bytes:
    """A message that is nearly right, or nothing like it."""
    kinds = ["call.start", "call.accept", "call.end", "call.check", "webrtc.offer", "webrtc.ice", "session.resume", "received", "x", ""]
    values = ["", "s", 7, -1, 1e300, None, True, [], {}, "\ud800", "x" * 5000, {"a": {"b": {}}}, [[[]]]]
    keys = ["callee_id", "session_id", "sdp", "candidate", "seq", "n", "token", "data", "media"]
    body = {
        "type": chance.choice(kinds),
        "payload": {key: chance.choice(values) for key in chance.sample(keys, 3)},
        "n": chance.choice(values),
    }
    text = bytearray(json.dumps(body).encode())
    for _ in range(chance.randrange(4)):
        at = chance.randrange(len(text))
        match chance.randrange(4):
            case 0:
                text[at] = chance.randrange(256)
            case 1:
                del text[at : at + chance.randrange(30)]
            case 2:
                text[at:at] = chance.choice([b"[" * 2000, b'{"a":' * 500, b"\\ud800", b"\x00", b'"', b"}", b"\xff\xfe"])
            case 3:
                text += text[at:]
        text = text or bytearray(b"{")
    return bytes(text)


def broken_frame(chance: random.Random) -> bytes:
    """A frame that may break any rule of RFC 6455."""
    opcode = chance.choice([TEXT, TEXT, BINARY, CONTINUATION, PING, PONG, CLOSE, 3, 7, 11, 15])
    payload = chance.randbytes(chance.choice([0, 1, 2, 125, 126, 300]))
    made = bytearray(frame(opcode, payload, final=chance.random() < 0.7, masked=chance.random() < 0.9))
    match chance.randrange(5):
        case 0:
            made[0] |= chance.choice([0x10, 0x20, 0x40])
        case 1:
            made[1:2] = bytes([0x80 | 127]) + struct.pack("!Q", chance.choice([2**63, 2**40, 600_000]))
        case 2:
            made = made[: chance.randrange(1, len(made) + 1)]
    return bytes(made)


def close_code(data: bytes) -> int | None:
    """Of the close frame among a server's frames; 1005 for an empty one."""
    at = 0
    while at + 2 <= len(data):
        length, begin = data[at + 1], at + 2
        if length >= 126:
            size = 2 if length == 126 else 8
            length, begin = int.from_bytes(data[begin : begin + size], "big"), begin + size
        if data[at] & 0x0F == CLOSE:
            return int.from_bytes(data[begin : begin + 2], "big") or 1005
        at = begin + length
    return None


async def fine(alice: User, bob: User, session: str) -> None:
    """The two others' call goes on as if nothing were."""
    await alice.say("webrtc.ice", session_id=session, candidate="still here")
    assert (await asyncio.wait_for(bob.hear("webrtc.ice"), 10))["candidate"] == "still here"


@pytest.mark.parametrize("v1", [False, True])
async def test_broken_messages(server: ServerProcess, chance: random.Random, v1: bool) -> None:
    tail = secrets.token_hex(4)
    alice, bob = await User.join(server, f"a-{tail}"), await User.join(server, f"b-{tail}")
    session = await talking(alice, bob, f"b-{tail}")
    before = memory(server)
    for _ in range(20):
        user = await (User.join_v1 if v1 else User.join)(server, f"fuzz-{tail}")
        sent = [message(chance) for _ in range(200)]
        for text in sent:
            try:
                await user.socket.send(text.decode())
            except UnicodeDecodeError:
                await user.socket.send(text.decode("latin-1"))
        await user.say("call.check", session_id="the-end")
        async for answer in user.socket:
            heard = json.loads(answer)
            if heard["type"] == "call.check_result" and heard["payload"]["session_id"] == "the-end":
                break
            assert heard["type"] in ("error", "call.check_result", "ack", "session.welcome"), heard
            assert heard["payload"].get("code") != "internal_error", (heard, sent)
        await user.socket.close()
    await fine(alice, bob, session)
    assert memory(server) - before < 50_000_000
    assert "Traceback" not in server.log


async def talking(alice: User, bob: User, callee: str) -> str:
    await alice.say("call.start", callee_id=callee)
    session = str((await alice.hear("call.ringing"))["session_id"])
    await bob.hear("call.ring")
    await bob.say("call.accept", session_id=session)
    await alice.hear("call.accepted")
    return session


async def test_broken_frames(server: ServerProcess, chance: random.Random) -> None:
    tail = secrets.token_hex(4)
    alice, bob = await User.join(server, f"a-{tail}"), await User.join(server, f"b-{tail}")
    session = await talking(alice, bob, f"b-{tail}")
    before = memory(server)

    async def attack(number: int) -> None:
        client = await RawClient.ask(server.port, target=f"/ws?token={token(f'fuzz-{tail}-{number}')}")
        assert "101" in await client.answer()
        client.send(b"".join(broken_frame(chance) for _ in range(10)))
        client.half_close()
        code = close_code(await client.gone())
        assert code in CLEAN or code is None or 3000 <= code < 5000, code

    for start in range(0, 300, 20):
        await asyncio.gather(*(attack(number) for number in range(start, start + 20)))
    await fine(alice, bob, session)
    assert memory(server) - before < 50_000_000
    assert "Traceback" not in server.log


async def test_broken_handshakes(server: ServerProcess, chance: random.Random) -> None:
    good = f"GET /ws?token={token('x')} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    good += "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"

    async def attack() -> None:
        text = bytearray(good.encode())
        for _ in range(chance.randrange(1, 5)):
            at = chance.randrange(len(text))
            match chance.randrange(3):
                case 0:
                    text[at] = chance.randrange(256)
                case 1:
                    del text[at : at + chance.randrange(1, 40)]
                case 2:
                    text[at:at] = chance.randbytes(chance.choice([1, 5, 9000]))
        client = await RawClient.connect(server.port)
        client.send(bytes(text))
        client.half_close()
        answer = await client.gone()
        assert not answer or answer.startswith(b"HTTP/1.1 "), answer
        assert not answer.startswith(b"HTTP/1.1 500"), answer

    for _ in range(20):
        await asyncio.gather(*(attack() for _ in range(20)))
    user = await User.join(server, f"after-{secrets.token_hex(4)}")
    await user.say("call.check", session_id="none")
    await user.hear("call.check_result")
    assert "Traceback" not in server.log
