"""How a connection can end, and what the application is told of it."""

import asyncio
import logging
import struct

import pytest
from harness.waiting import until
from harness.wire import CLOSE, PING, PONG, TEXT, Host, RawClient, frame, settings

from carillon.errors import Close
from carillon.ws.socket import Closed, Message, Socket

LOST = Closed(1006, "", clean=False)


async def texts(socket: Socket) -> tuple[list[str], Closed]:
    """All messages, and the end."""
    heard = []
    while True:
        match await asyncio.wait_for(socket.receive(), 10):
            case Message(data):
                heard.append(data.decode())
            case Closed() as end:
                return heard, end


async def test_a_reset_is_a_loss(host: Host) -> None:
    client, socket = await host.pair()
    client.reset()
    assert await texts(socket) == ([], LOST)
    assert await texts(socket) == ([], LOST)
    assert not socket.send(b"late")


async def test_a_bare_fin_is_a_loss_and_what_came_before_it_counts(host: Host) -> None:
    client, socket = await host.pair()
    client.say(TEXT, b"one")
    client.half_close()
    assert await texts(socket) == (["one"], LOST)
    assert await client.gone() == b""


async def test_an_empty_close_frame_is_1005_and_clean(host: Host) -> None:
    client, socket = await host.pair()
    client.say(CLOSE)
    assert await texts(socket) == ([], Closed(1005, "", clean=True))
    assert await client.hear() == (CLOSE, b"")
    assert await client.gone() == b""


@pytest.mark.parametrize("code", [1000, 1001, 1011, 1012, 3000, 4000, 4999])
async def test_a_close_code_arrives_verbatim_and_is_answered(host: Host, code: int) -> None:
    client, socket = await host.pair()
    said = struct.pack("!H", code) + "grüße".encode()
    client.send(frame(TEXT, b"before") + frame(CLOSE, said) + frame(TEXT, b"after"))
    assert await texts(socket) == (["before"], Closed(code, "grüße", clean=True))
    assert await client.hear() == (CLOSE, said)


async def test_our_close_comes_after_our_messages_and_is_no_accord_of_the_peer(host: Host) -> None:
    client, socket = await host.pair()
    assert socket.send("last words")
    socket.close(Close.RESTART, Close.RESTART.reason)
    assert not socket.send("too late")
    client.say(TEXT, b"crossing")
    assert await client.hear() == (TEXT, b"last words")
    assert await client.hear() == (CLOSE, struct.pack("!H", 1012) + b"service restart")
    client.say(CLOSE, struct.pack("!H", 1000))
    assert await texts(socket) == ([], Closed(1012, "", clean=False))
    assert await client.gone() == b""


async def test_a_peer_that_does_not_answer_our_close_is_cut_off() -> None:
    async with Host(settings(server__close_timeout=0.5)) as host:
        client, socket = await host.pair()
        socket.close(4408)
        assert await texts(socket) == ([], Closed(4408, "", clean=False))
        assert await client.hear_close() == 4408
        assert await client.gone() == b""


async def test_a_peer_that_answers_nothing_is_given_up_by_a_real_clock() -> None:
    async with Host(settings(server__ping_interval=1, server__ping_timeout=1)) as host:
        client, socket = await host.pair()
        assert await texts(socket) == ([], Closed(Close.IDLE, "", clean=False))
        assert await client.hear() == (PING, b"")


async def test_who_answers_pings_or_sends_anything_is_kept(host: Host) -> None:
    (ponging, one), (talking, other), (mute, silent) = [await host.pair() for _ in range(3)]
    for _ in range(3):
        host.later(10)
        assert await ponging.hear() == (PING, b"")
        ponging.say(PONG)
        talking.say(TEXT, b"unrelated")
        await ponging.fence()
        await talking.fence()
    assert not one.closed
    assert not other.closed
    assert await texts(silent) == ([], Closed(Close.IDLE, "", clean=False))
    assert await mute.hear() == (PING, b"")


async def test_only_a_matching_pong_answers_a_ping(host: Host) -> None:
    client, socket = await host.pair()
    first, second, third = socket.ping(), socket.ping(), socket.ping()
    payloads = [(await client.hear())[1] for _ in range(3)]
    client.say(PONG, b"unasked")
    client.say(PONG, b"")
    client.say(TEXT, b"seen")
    await socket.receive()
    assert not first.done()
    client.say(PONG, payloads[1])
    assert 0 <= await second < 10
    assert first.done()
    assert not third.done()
    client.reset()
    await texts(socket)
    assert third.cancelled()
    assert socket.ping().cancelled()


@pytest.mark.parametrize("fail", [None, RuntimeError("bug")])
async def test_an_application_that_returns_or_fails_closes_with_1011(
    host: Host, fail: Exception | None, caplog: pytest.LogCaptureFixture
) -> None:
    client = await RawClient.ask(host.port, target="/ws?token=secret")
    arrival = await host.arrival()
    arrival.open()
    arrival.fail = fail
    arrival.done.set()
    await client.answer()
    assert await client.hear_close() == 1011
    assert ("a connection failed" in caplog.text) == (fail is not None)
    assert "secret" not in caplog.text


async def test_shutdown_closes_with_1012_and_waits_for_nobody_for_long(host: Host, caplog: pytest.LogCaptureFixture) -> None:
    client, socket = await host.pair()
    waiting = await RawClient.ask(host.port)
    await host.arrival()
    async with asyncio.timeout(10):
        await host.__aexit__(None, None, None)
    assert await client.hear_close() == 1012
    assert (await waiting.answer()).startswith("HTTP/1.1 503")
    await until(lambda: not host.server.server_state.connections)
    assert (await socket.receive()) == Closed(1012, "", clean=False)
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]
