"""Our own cutting of frames against the websockets library, which it must never differ from."""

import asyncio
import itertools
import os
import struct
from typing import Any, cast

import pytest
from harness.wire import BINARY, CLOSE, PING, PONG, TEXT, frame, settings
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from uvicorn.server import ServerState
from websockets.client import ClientProtocol
from websockets.exceptions import ProtocolError
from websockets.frames import Frame
from websockets.http11 import Request
from websockets.protocol import OPEN
from websockets.server import ServerProtocol
from websockets.uri import parse_uri

from carillon.ws.config import SignalingConfig
from carillon.ws.frames import Cut, frame_bounds, text_frame
from carillon.ws.protocol import SignalingProtocol
from carillon.ws.server import make_config
from carillon.ws.socket import Closed, Message

MOST = 1000
"""Bytes of a frame's payload."""
CONT = 0


@given(st.integers(0, 70_000))
def test_our_text_frames_are_those_of_the_library(size: int) -> None:
    data = b"x" * size
    assert text_frame(data) == Frame(cast(Any, TEXT), data).serialize(mask=False)


@given(st.integers(0, 70_000), st.binary(max_size=20), st.integers(0, 14))
def test_a_frame_ends_where_the_library_ends_it(size: int, before: bytes, known: int) -> None:
    whole = frame(TEXT, b"x" * size)
    begin, after = frame_bounds(before + whole + b"next", len(before), 70_000)
    assert (begin, after) == (len(before) + len(whole) - size, len(before) + len(whole))
    at_first = frame_bounds(whole[:known], 0, 70_000)
    assert at_first == (0, 0) or at_first == (len(whole) - size, len(whole))


@pytest.mark.parametrize("bad", [frame(TEXT, b"x", masked=False), frame(TEXT, b"x" * (MOST + 1)), b"\x81\xff" + b"\xff" * 8])
def test_what_must_not_come_is_not_waited_for(bad: bytes) -> None:
    with pytest.raises(Cut):
        frame_bounds(bad[:10], 0, MOST)


class Wire(asyncio.Transport):
    """A transport that keeps what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.closing = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += bytes(data)

    def is_closing(self) -> bool:
        return self.closing

    def close(self) -> None:
        self.closing = True

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        return

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        return

    def pause_reading(self) -> None:
        return

    def resume_reading(self) -> None:
        return


async def _application(scope: object, receive: object, send: object) -> None:
    await asyncio.Event().wait()


def _request() -> Request:
    return ClientProtocol(parse_uri("ws://x/ws")).connect()


_LOOP = asyncio.new_event_loop()
_CONFIG = make_config(_application, settings(limits__frame_bytes=MOST, limits__control_frames=1_000_000), lifespan="off")


def ours(reads: list[bytes]) -> tuple[list[bytes], int | None, bytes]:
    """Messages, the code that ended the connection, and what was written."""

    async def run() -> tuple[list[bytes], int | None, bytes]:
        assert isinstance(_CONFIG, SignalingConfig)
        if not _CONFIG.loaded:
            _CONFIG.load()
        wire, state = Wire(), ServerState()
        protocol = SignalingProtocol(_CONFIG, state, {})
        protocol.connection_made(wire)
        protocol.begin(_request(), b"")
        protocol.socket.accept(None)
        wire.written = b""
        for read in reads:
            if not wire.closing:
                protocol.data_received(read)
        written = wire.written
        protocol.connection_lost(None)
        for task in state.tasks:
            task.cancel()
        messages, end = [], None
        while end is None:
            item = await protocol.socket.receive()
            if isinstance(item, Message):
                messages.append(item.data)
            else:
                end = item
        return messages, None if end == Closed(1006, "", clean=False) else end.code, written

    return _LOOP.run_until_complete(run())


def theirs(reads: list[bytes]) -> tuple[list[bytes], int | None, bytes]:
    """The same by the library alone, with our rules on top: no binary, UTF-8."""
    conn = ServerProtocol(max_size=MOST)
    conn.send_response(conn.accept(_request()))
    conn.data_to_send()
    conn.parser = super(ServerProtocol, conn).parse()
    next(conn.parser)
    messages: list[bytes] = []
    part: list[bytes] = []
    code, written = None, b""
    for read in reads:
        # Byte by byte, so that each frame is judged before the next is looked at.
        for byte in read:
            conn.receive_data(bytes([byte]))
            for event in conn.events_received():
                assert isinstance(event, Frame)
                if event.opcode == CLOSE and conn.close_rcvd:
                    code = code or conn.close_rcvd.code
                if code or event.opcode in (PING, PONG, CLOSE):
                    continue
                if event.opcode == BINARY:
                    code = 1003
                else:
                    part.append(bytes(event.data))
                    if event.fin:
                        whole, part = b"".join(part), []
                        try:
                            whole.decode()
                            messages.append(whole)
                        except UnicodeDecodeError:
                            code = 1007
                if code and conn.state is OPEN:
                    conn.send_close(code, {1003: "text only", 1007: "not UTF-8"}[code])
            written += b"".join(conn.data_to_send())
            if conn.parser_exc:
                assert conn.close_sent
                return messages, code or conn.close_sent.code, written
            if conn.close_rcvd:
                return messages, code, written
    return messages, code, written


texts = st.text(max_size=60).map(str.encode)
payloads = st.one_of(st.binary(max_size=40), texts, st.sampled_from([125, 126, MOST, MOST + 1]).map(lambda size: b"x" * size))
pings = st.builds(frame, st.sampled_from([PING, PONG]), st.binary(max_size=125))
fragmented = st.builds(
    lambda text, ping, cut: frame(TEXT, text[:cut], final=False) + ping + frame(CONT, text[cut:]), texts, pings, st.integers(0, 60)
)
good = st.one_of(st.builds(frame, st.just(TEXT), texts), fragmented, pings)
closes = st.builds(
    lambda code, reason: struct.pack("!H", code) + reason, st.sampled_from([1000, 1001, 1005, 1006, 4000, 999]), st.binary(max_size=5)
)
doubtful = st.one_of(
    st.builds(frame, st.sampled_from([TEXT, CONT, BINARY, PING]), payloads, final=st.booleans(), masked=st.booleans()),
    st.builds(frame, st.just(CLOSE), closes | st.binary(max_size=3)),
    st.builds(frame, st.just(TEXT), st.sampled_from([b"\xff", b"\xc3", b"\xed\xa0\x80"])),
    st.builds(lambda text: frame(TEXT, text, final=False), texts),
    st.builds(lambda first, whole: bytes([first]) + whole[1:], st.integers(0, 255), st.builds(frame, st.just(TEXT), texts)),
    st.binary(min_size=1, max_size=20),
)
streams = st.builds(
    lambda *parts: b"".join(frame for part in parts for frame in part), *[st.lists(good, max_size=4), st.lists(doubtful, max_size=1)] * 2
)


@examples(max_examples=400, deadline=None)
@given(streams, st.randoms(use_true_random=False))
def test_any_frames_in_any_pieces_mean_what_they_mean_to_the_library(sent: bytes, random: Any) -> None:
    # Zeros complete what is incomplete, for the library judges some frames before they are whole; then they are a frame without a mask.
    stream = sent + bytes(MOST + 20)
    cuts = sorted({random.randrange(len(stream) + 1) for _ in range(random.randrange(6))} | {0, len(stream)})
    reads = [stream[a:b] for a, b in itertools.pairwise(cuts)]
    assert ours(reads) == theirs(reads)


def test_a_hundred_thousand_random_bytes_are_survived() -> None:
    for _ in range(100):
        noise = os.urandom(1000)
        try:
            _, code, _ = ours([noise])
        except ProtocolError:
            pytest.fail("an exception instead of a close")
        assert code in (None, 1002, 1003, 1007, 1009)
