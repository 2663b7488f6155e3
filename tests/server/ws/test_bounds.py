"""No peer can take more than its share, and what it may take costs nobody else."""

import asyncio
import os

import pytest
from harness.waiting import until
from harness.wire import BINARY, CLOSE, PING, PONG, TEXT, Host, RawClient, frame, settings

from carillon.errors import Close
from carillon.ws.http import PIPELINE
from carillon.ws.socket import OVERHEAD, Closed, Message, Socket

CONT = 0
BIG = b"x" * 60_000


async def end(socket: Socket) -> Closed:
    while True:
        item = await asyncio.wait_for(socket.receive(), 10)
        if isinstance(item, Closed):
            return item


async def test_a_slow_reader_is_cut_off_at_the_byte_bound_and_slows_nobody() -> None:
    async with Host(settings(limits__backlog_bytes=200_000)) as host:
        slow, to_slow = await host.pair(receive_buffer=4096)
        other, to_other = await host.pair()
        slow.stop_reading()
        count = 0
        while to_slow.send(BIG):
            assert to_slow.buffered <= 200_000
            assert to_other.send(str(count))
            assert await other.hear() == (TEXT, str(count).encode())
            count += 1
            assert count < 1000, "never cut off"
        assert await end(to_slow) == Closed(Close.SLOW, "", clean=False)
        assert to_other.send("still here")
        assert await other.hear() == (TEXT, b"still here")


async def test_a_burst_above_the_bound_that_the_peer_takes_is_no_fault() -> None:
    """What counts is what the network did not take, not what was sent at once."""
    async with Host(settings(limits__backlog_bytes=65_536)) as host:
        client, socket = await host.pair()
        await asyncio.sleep(0)
        for _ in range(20):
            assert socket.send(BIG)
        for _ in range(20):
            assert await client.hear() == (TEXT, BIG)


async def test_messages_and_the_close_keep_their_order_behind_a_full_buffer() -> None:
    async with Host(settings(limits__backlog_bytes=8_000_000)) as host:
        client, socket = await host.pair(receive_buffer=4096)
        client.stop_reading()
        count = 0
        while not socket.buffered:
            assert socket.send(BIG)
            count += 1
        assert socket.send("last")
        socket.close(Close.RESTART)
        client.writer.transport.resume_reading()  # type: ignore[attr-defined] # a stream's transport reads and writes
        for _ in range(count):
            assert await client.hear() == (TEXT, BIG)
        assert await client.hear() == (TEXT, b"last")
        assert await client.hear_close() == 1012


async def test_a_close_to_a_reader_that_never_reads_ends_in_bounded_time() -> None:
    async with Host(settings(limits__backlog_bytes=8_000_000, server__close_timeout=0.5)) as host:
        client, socket = await host.pair(receive_buffer=4096)
        client.stop_reading()
        while not socket.buffered:
            socket.send(BIG)
        socket.close(Close.NORMAL)
        assert await end(socket) == Closed(Close.NORMAL, "", clean=False)


async def test_a_leaving_peer_that_never_reads_is_gone_in_bounded_time() -> None:
    async with Host(settings(limits__backlog_bytes=8_000_000, server__close_timeout=0.5)) as host:
        client, socket = await host.pair(receive_buffer=4096)
        client.stop_reading()
        while not socket.buffered:
            socket.send(BIG)
        client.say(CLOSE)
        assert await end(socket) == Closed(1005, "", clean=True)
        await until(lambda: not host.server.server_state.connections)


async def test_a_client_that_asks_ten_thousand_times_at_once_is_cut_off_and_holds_up_nobody(host: Host) -> None:
    client = await RawClient.connect(host.port)
    client.send(b"GET / HTTP/1.1\r\n\r\n" * 10_000)
    other, to_other = await host.pair()
    assert to_other.send("still here")
    assert await other.hear() == (TEXT, b"still here")
    assert (await client.gone()).count(b"HTTP/1.1 ") <= PIPELINE
    await until(lambda: len(host.server.server_state.connections) == 1)


async def test_reading_pauses_at_the_byte_bound_and_resumes() -> None:
    async with Host(settings(limits__queue_bytes=65_536)) as host:
        client, socket = await host.pair()
        total = 400
        for number in range(total):
            client.send(frame(TEXT, b"%06d" % number + b"x" * 60_000))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(client.writer.drain(), 0.5)
        assert socket.received < total / 2
        for number in range(total):
            item = await asyncio.wait_for(socket.receive(), 5)
            assert isinstance(item, Message)
            assert int(item.data[:6]) == number


async def test_many_small_messages_are_bounded_by_what_they_cost() -> None:
    async with Host(settings(limits__queue_bytes=65_536)) as host:
        client, socket = await host.pair()
        client.send(frame(TEXT, b"1") * 2_000_000)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(client.writer.drain(), 0.5)
        at_once = 262_144 // len(frame(TEXT, b"1"))
        assert socket.received <= 65_536 // OVERHEAD + at_once


async def test_pongs_are_heard_while_messages_wait(host: Host) -> None:
    """uvicorn reads nothing while a handler runs, and closes a healthy client with 1011."""
    client, socket = await host.pair()
    client.say(TEXT, b"one")
    client.say(TEXT, b"two")
    for _ in range(3):
        await client.fence()
        host.later(10)
        opcode, payload = await client.hear()
        assert opcode == PING
        client.say(PONG, payload)
    await client.fence()
    host.later(5)
    client.say(CLOSE)
    assert [type(await socket.receive()) for _ in range(3)] == [Message, Message, Closed]


async def test_the_silence_of_a_peer_that_is_not_read_does_not_count() -> None:
    async with Host(settings(limits__queue_bytes=65_536)) as host:
        client, socket = await host.pair()
        client.say(TEXT, b"x" * 70_000)
        await until(lambda: socket.received)
        host.later(100)
        assert not socket.closed
        await socket.receive()
        host.later(100)
        assert await end(socket) == Closed(Close.IDLE, "", clean=False)


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        (frame(BINARY, b"\x00"), 1003),
        (frame(BINARY, b"\x00", final=False) + frame(CONT, b"\x01"), 1003),
        (frame(TEXT, b"\xff\xfe"), 1007),
        (frame(TEXT, b"\xed\xa0\x80"), 1007),
        (frame(TEXT, b"\xc3", final=False) + frame(CONT, b"x"), 1007),
        (frame(TEXT, b"x" * 524_289), 1009),
        (frame(TEXT, b"x" * 300_000, final=False) + frame(CONT, b"x" * 300_000), 1009),
        (frame(TEXT, b"x", masked=False), 1002),
        (frame(CONT, b"x"), 1002),
        (frame(TEXT, b"x", final=False) + frame(TEXT, b"y"), 1002),
        (frame(3, b"x"), 1002),
        (frame(PING, b"x" * 126), 1002),
        (frame(PING, b"x", final=False), 1002),
        (frame(CLOSE, b"\x03"), 1002),
        (frame(CLOSE, b"\x03\xed"), 1002),
        (b"\xc1" + frame(TEXT, b"x")[1:], 1002),
        (frame(PING) * 1002, 4429),
        (frame(TEXT, b"x", final=False) + frame(CONT, b"", final=False) * 1002, 4429),
    ],
    ids=[
        "binary",
        "binary in fragments",
        "no UTF-8",
        "a surrogate in UTF-8",
        "no UTF-8 in fragments",
        "too long",
        "too long in fragments",
        "not masked",
        "a continuation of nothing",
        "a message inside a message",
        "an unknown opcode",
        "a long ping",
        "a ping in fragments",
        "half a close code",
        "a close code that nobody may send",
        "a reserved bit",
        "many pings",
        "many empty fragments",
    ],
)
async def test_a_bad_frame_ends_the_connection_after_the_good_ones_before_it(host: Host, bad: bytes, code: int) -> None:
    client, socket = await host.pair()
    client.send(frame(TEXT, b"one") + frame(TEXT, b"two") + bad + frame(TEXT, b"three"))
    assert [await socket.receive() for _ in range(2)] == [
        Message(b"one", pytest.approx(0, abs=1e9)),  # type: ignore[arg-type] # equal to any time
        Message(b"two", pytest.approx(0, abs=1e9)),  # type: ignore[arg-type]
    ]
    final = await end(socket)
    assert (final.code, final.clean) == (code, False)
    while (heard := await client.hear())[0] == PONG:
        pass
    assert heard[0] == CLOSE
    assert int.from_bytes(heard[1][:2], "big") == code


async def test_the_last_words_reach_a_client_that_sends_much_more(host: Host) -> None:
    """To close with something unread sends a reset, which takes the close frame away from the peer."""
    client, socket = await host.pair()
    client.send(frame(TEXT, b"x" * 524_289) + os.urandom(3_000_000))
    assert await client.hear_close() == 1009
    assert (await end(socket)).code == 1009


async def test_fragments_make_one_message_with_control_frames_between_them(host: Host) -> None:
    client, socket = await host.pair()
    text = "grüße" * 5
    cut = text.encode()
    client.say(TEXT, cut[:3], final=False)
    client.say(PING, b"now")
    client.say(CONT, b"", final=False)
    client.say(CONT, cut[3:])
    item = await socket.receive()
    assert isinstance(item, Message)
    assert item.data.decode() == text
    assert await client.hear() == (PONG, b"now")


async def test_the_largest_frame_in_small_pieces_is_read_in_linear_time(host: Host) -> None:
    client, socket = await host.pair()
    whole = frame(TEXT, b"y" * 524_288)
    for start in range(0, len(whole), 700):
        client.send(whole[start : start + 700])
        if start % 70_000 == 0:
            await asyncio.sleep(0)
    item = await socket.receive()
    assert isinstance(item, Message)
    assert len(item.data) == 524_288


async def test_a_flood_of_pings_without_reading_the_pongs_is_cut_off() -> None:
    async with Host(settings(limits__backlog_bytes=65_536, limits__control_frames=1_000_000)) as host:
        client, socket = await host.pair(receive_buffer=4096)
        client.stop_reading()
        flood = frame(PING, b"x" * 125) * 5000
        while not socket.closed:
            client.send(flood)
            await asyncio.sleep(0.01)
        assert (await end(socket)).code in (Close.SLOW, Close.ABNORMAL)


async def test_each_message_of_a_pipeline_is_its_own(host: Host) -> None:
    client: RawClient
    client, socket = await host.pair()
    sizes = [0, 1, 125, 126, 127, 65_535, 65_536, 100_000]
    client.send(b"".join(frame(TEXT, b"z" * size) for size in sizes))
    items = [await socket.receive() for _ in sizes]
    assert [len(item.data) for item in items if isinstance(item, Message)] == sizes
    for size in sizes:
        socket.send(b"z" * size)
        assert await client.hear() == (TEXT, b"z" * size)
