"""What happens while the client waits for its own socket. The socket notes what it is given."""

import asyncio
import json
import random
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from harness.waiting import until
from websockets.asyncio.server import ServerConnection, serve
from websockets.typing import Subprotocol

from carillon.client import CarillonClient
from carillon.errors import Close
from carillon.protocol import SUBPROTOCOL


class Socket:
    """meanwhile: done while the first message is on its way."""

    def __init__(self, meanwhile: Callable[[], Awaitable[None]] | None = None) -> None:
        self.sent: list[dict[str, Any]] = []
        self._meanwhile = meanwhile

    async def send(self, text: str) -> None:
        self.sent.append(json.loads(text))
        meanwhile, self._meanwhile = self._meanwhile, None
        if meanwhile is not None:
            await meanwhile()

    async def close(self, code: int) -> None:
        pass

    @property
    def numbers(self) -> list[int]:
        return [message["n"] for message in self.sent]


def welcome(session: str) -> dict[str, Any]:
    return {"type": "session.welcome", "payload": {"session": session, "epoch": "e", "seq": 0, "n": 0, "recovered": True}}


def busy(n: int) -> dict[str, Any]:
    return {"type": "error", "payload": {"code": "unavailable", "n": n, "retry_after": 1.0, "message": "Service temporarily unavailable"}}


async def hear(client: CarillonClient, socket: Socket, message: dict[str, Any]) -> None:
    client._socket = socket  # type: ignore[assignment] # as much of one as is needed
    await client._hear(socket, message)  # type: ignore[arg-type] # likewise


async def test_what_is_said_while_a_resumed_session_catches_up_is_sent_too() -> None:
    client = CarillonClient("ws://nowhere", "token")
    client.session.session = "s"
    for number in range(2):
        await client.send("webrtc.ice", session_id="c", candidate=str(number))
    socket = Socket(meanwhile=lambda: client.send("webrtc.ice", session_id="c", candidate="meanwhile"))
    await hear(client, socket, welcome("s"))
    assert socket.numbers == [1, 2, 3]
    await client.send("webrtc.ice", session_id="c", candidate="afterwards")
    assert socket.numbers == [1, 2, 3, 4]


async def test_what_two_servers_in_turn_could_not_take_is_said_to_the_second_again() -> None:
    client = CarillonClient("ws://nowhere", "token")
    client.session.session = "s"
    first, second = Socket(), Socket()
    await hear(client, first, welcome("s"))
    await client.send("webrtc.ice", session_id="c", candidate="0")
    await hear(client, first, busy(1))
    await hear(client, second, welcome("s"))
    await hear(client, second, busy(1))
    await until(lambda: second.numbers == [1, 1])
    assert first.numbers == [1]
    await asyncio.gather(*client._repeats)


async def test_a_client_that_was_asked_twice_to_move_and_left_goes_nowhere() -> None:
    dialled: list[str] = []

    def url() -> str:
        dialled.append("again")
        return "ws://127.0.0.1:9/ws"

    client, socket, within = CarillonClient(url, "token"), Socket(), 0.05
    await hear(client, socket, welcome("s"))
    for _ in range(2):
        await hear(client, socket, {"type": "server.going_away", "payload": {"within": within}})
    await client.close()
    await asyncio.sleep(within)  # after which whatever was to happen by then has happened
    assert dialled == []


async def test_what_comes_just_before_the_socket_closes_is_heard() -> None:
    """The server has it on record as delivered, and whoever resumes after it is not sent it again."""

    async def ring_and_leave(connection: ServerConnection) -> None:
        await connection.recv()
        ring = {"type": "call.ring", "payload": {"session_id": "c"}, "seq": 1}
        for message in (welcome("s"), ring):
            await connection.send(json.dumps(message))

    async with serve(ring_and_leave, "127.0.0.1", 0, subprotocols=[Subprotocol(SUBPROTOCOL)]) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        async with CarillonClient(f"ws://127.0.0.1:{port}/ws", "token") as bob:
            assert await bob.expect("call.ring") == {"session_id": "c"}


async def test_who_is_asked_to_move_again_and_again_moves_once() -> None:
    connections = 0

    async def ask_the_first(connection: ServerConnection) -> None:
        nonlocal connections
        connections += 1
        first = connections == 1
        await connection.recv()
        await connection.send(json.dumps(welcome("s")))
        while first:
            await connection.send(json.dumps({"type": "server.going_away", "payload": {"within": within}}))
            await asyncio.sleep(within / 10)
        await connection.wait_closed()

    within = 0.05
    async with serve(ask_the_first, "127.0.0.1", 0, subprotocols=[Subprotocol(SUBPROTOCOL)]) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        async with CarillonClient(f"ws://127.0.0.1:{port}/ws", "token") as client:
            await until(lambda: client.connects == 2)
            await asyncio.sleep(2 * within)  # after which a move that was asked for has begun
            assert connections == 2


async def test_whoever_leaves_in_the_middle_of_a_move_hangs_up() -> None:
    """On the socket that the server knows last, whichever that is; and no other one stays."""
    users, last = 200, dict[str, ServerConnection]()

    async def ask_to_move(connection: ServerConnection) -> None:
        await connection.recv()
        assert connection.request is not None
        last[connection.request.path] = connection
        await connection.send(json.dumps(welcome("s")))
        while True:
            await connection.send(json.dumps({"type": "server.going_away", "payload": {"within": 0.01}}))
            await asyncio.sleep(0.01)

    async with serve(ask_to_move, "127.0.0.1", 0, subprotocols=[Subprotocol(SUBPROTOCOL)]) as server:
        port = next(iter(server.sockets)).getsockname()[1]

        at_once = asyncio.Semaphore(20)

        async def visit(name: str) -> None:
            async with at_once, CarillonClient(f"ws://127.0.0.1:{port}/{name}", "token") as client:
                await until(lambda: client.connects > 2)
                await asyncio.sleep(random.uniform(0, 0.1))

        async with asyncio.timeout(30):
            await asyncio.gather(*(visit(str(number)) for number in range(users)))
        await until(lambda: not server.connections)
    assert {name: connection.close_code for name, connection in last.items()} == {f"/{number}": 1000 for number in range(users)}


async def test_a_gap_is_made_good_on_another_socket_without_hanging_up() -> None:
    codes: list[int | None] = []

    async def serving(socket: ServerConnection) -> None:
        resumed = json.loads(await socket.recv())["payload"]
        await socket.send(json.dumps(welcome("s")))
        if not codes:
            await socket.send(json.dumps({"type": "webrtc.ice", "payload": {}, "seq": 5}))
        else:
            await socket.send(json.dumps({"type": "webrtc.ice", "payload": {}, "seq": resumed["last_seq"] + 1}))
        await socket.wait_closed()
        codes.append(socket.close_code)

    async with serve(serving, "127.0.0.1", 0, subprotocols=[Subprotocol(SUBPROTOCOL)]) as server:
        port = server.sockets[0].getsockname()[1]
        async with CarillonClient(f"ws://127.0.0.1:{port}/ws", "token") as client:
            await client.expect("webrtc.ice")
            assert codes == [Close.GOING_AWAY]


async def test_who_is_let_in_and_never_welcomed_asks_less_and_less_often() -> None:
    async def refusing(socket: ServerConnection) -> None:
        await socket.close(1011)

    fetched = 0

    async def fetch() -> str:
        nonlocal fetched
        fetched += 1
        return "token"

    async with serve(refusing, "127.0.0.1", 0, subprotocols=[Subprotocol(SUBPROTOCOL)]) as server:
        port = server.sockets[0].getsockname()[1]
        client = CarillonClient(f"ws://127.0.0.1:{port}/ws", fetch)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(3), client:
                pass
    assert fetched <= 7  # pauses that double from a tenth of a second; without that there would be thirty and more
