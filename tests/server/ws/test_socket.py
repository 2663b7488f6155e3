"""The socket alone, on a wire that notes what it is asked for."""

import asyncio

import pytest

from carillon.errors import Close
from carillon.ws.socket import OVERHEAD, Closed, Message, Socket
from carillon.ws.wire import Headers


class Wire:
    def __init__(self) -> None:
        self.did: list[tuple[object, ...]] = []
        self.reading = True

    def write_accept(self, subprotocol: str | None) -> None:
        self.did.append(("accept", subprotocol))

    def write_response(self, status: int, body: bytes, headers: Headers) -> None:
        self.did.append(("response", status, body))

    def write_text(self, data: bytes) -> None:
        self.did.append(("text", data))

    def write_ping(self, payload: bytes) -> None:
        self.did.append(("ping", payload))

    def write_close(self, code: int, reason: str) -> None:
        self.did.append(("close", code, reason))

    def abort(self) -> None:
        self.did.append(("abort",))

    def buffered(self) -> int:
        return 7

    def pause(self) -> None:
        assert self.reading
        self.reading = False

    def resume(self) -> None:
        assert not self.reading
        self.reading = True


@pytest.fixture
def wire() -> Wire:
    return Wire()


@pytest.fixture
def socket(wire: Wire) -> Socket:
    made = Socket(wire, queue_bytes=10 * OVERHEAD)
    made.accept("carillon.v1")
    return made


def text(number: int) -> Message:
    return Message(str(number).encode(), 0.0)


async def test_messages_and_the_end_come_in_one_order(socket: Socket) -> None:
    gone = Closed(1001, "bye", clean=True)
    for item in (text(1), text(2), gone, text(3), Closed(1006, "", clean=False)):
        socket.put(item)
    assert [await socket.receive() for _ in range(4)] == [text(1), text(2), gone, gone]
    assert socket.received == 2


async def test_reading_pauses_above_the_bound_and_resumes_at_it(socket: Socket, wire: Wire) -> None:
    for number in range(11):
        socket.put(text(number))
    assert not wire.reading
    await socket.receive()
    assert not wire.reading
    for _ in range(9):
        await socket.receive()
    assert wire.reading
    socket.put(text(1))
    assert wire.reading


async def test_a_reader_that_gives_up_loses_nothing(socket: Socket) -> None:
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(socket.receive(), 0.01)
    reader = asyncio.create_task(socket.receive())
    await asyncio.sleep(0)
    socket.put(text(1))
    reader.cancel()
    await asyncio.gather(reader, return_exceptions=True)
    assert await socket.receive() == text(1)


async def test_nothing_goes_out_before_accept_or_after_close(wire: Wire) -> None:
    socket = Socket(wire, queue_bytes=0)
    assert not socket.send("early")
    assert socket.ping().cancelled()
    socket.accept(None)
    socket.accept("again")
    assert socket.send("grüße")
    socket.close(Close.RESTART, "reason")
    socket.close(Close.NORMAL)
    assert not socket.send("late")
    assert wire.did == [("accept", None), ("text", "grüße".encode()), ("close", 1012, "reason")]
    assert socket.sent == 1


async def test_a_handshake_is_answered_once(wire: Wire) -> None:
    socket = Socket(wire, queue_bytes=0)
    socket.reject(401, b"no")
    socket.reject(500, b"")
    socket.accept(None)
    assert wire.did == [("response", 401, b"no")]
    assert await socket.receive() == Closed(1006, "", clean=False)


async def test_a_close_before_the_answer_is_503(wire: Wire) -> None:
    socket = Socket(wire, queue_bytes=0)
    socket.close(Close.RESTART, "leaving")
    assert wire.did == [("response", 503, b"leaving")]


async def test_the_first_code_of_our_own_stands(socket: Socket, wire: Wire) -> None:
    socket.close(Close.RESTART)
    socket.abort(Close.SLOW)
    socket.lost()
    assert await socket.receive() == Closed(1012, "", clean=False)
    assert wire.did[-1] == ("abort",)


async def test_a_lost_socket_asks_nothing_of_its_wire(socket: Socket, wire: Wire) -> None:
    for number in range(12):
        socket.put(text(number))
    socket.lost()
    before = list(wire.did)
    socket.abort(Close.SLOW)
    socket.close(Close.NORMAL)
    assert socket.ping().cancelled()
    assert socket.buffered == 0
    for _ in range(12):
        await socket.receive()
    assert await socket.receive() == Closed(1006, "", clean=False)
    assert wire.did == before


async def test_what_is_done_at_once_wakes_no_reader_and_overtakes_nothing(socket: Socket) -> None:
    done: list[bytes] = []

    def at_once(message: Message) -> bool:
        if message.data == b"9":
            return False
        done.append(message.data)
        return True

    socket.at_once = at_once
    socket.put(text(0))
    assert done == [], "nobody waits yet: it has its place in the queue"
    assert await socket.receive() == text(0)
    reader = asyncio.create_task(socket.receive())
    await asyncio.sleep(0)
    socket.put(text(1))
    assert done == [b"1"]
    socket.put(text(9))
    socket.put(text(2))
    assert done == [b"1"], "what comes behind a queued message is queued"
    assert await reader == text(9)
    assert await socket.receive() == text(2)
    assert socket.received == 4
