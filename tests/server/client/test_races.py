"""What happens while the client waits for its own socket. The socket notes what it is given."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

from harness.waiting import until
from websockets.asyncio.server import ServerConnection, serve
from websockets.typing import Subprotocol

from carillon.client import CarillonClient
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
