"""Every handshake gets an answer, in bounded time, and no token goes anywhere but to the application."""

import asyncio
import logging
import re

import pytest
from harness.waiting import until
from harness.wire import CLOSE, PING, PONG, TEXT, Host, RawClient, frame, settings
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from carillon.ws.http import PIPELINE
from carillon.ws.socket import Closed, Message

TOKEN = "eyJ0.c2VjcmV0.dG9rZW4"
GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
LATE = GET.replace(b"/ ", b"/late ", 1)
UPGRADE = b"GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"


async def test_url_and_headers_far_above_8_kib_reach_the_application(host: Host) -> None:
    long = "t" * 9000
    await RawClient.ask(host.port, target=f"/ws?token={long}")
    assert (await host.arrival()).socket.query == b"token=" + long.encode()
    await RawClient.ask(host.port, headers={"Sec-WebSocket-Protocol": f"carillon.v1, bearer.{long}"})
    assert (await host.arrival()).scope["subprotocols"] == ["carillon.v1", f"bearer.{long}"]


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"GET /ws?token=%s HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n" % (b"t" * 17_000),
        b"GET /ws HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n\r\n" % (b"t" * 17_000),
        b"GET /ws HTTP/1.1\r\n" + b"".join(b"X-%d: %s\r\n" % (number, b"y" * 100) for number in range(200)) + b"\r\n",
        b"GET /ws?token=" + b"t" * 400_000,
        b"GET /ws HTTP/1.1\r\nAuthorization: " + b"t" * 400_000,
    ],
)
async def test_a_request_head_that_is_too_large_is_answered_431(host: Host, request_bytes: bytes) -> None:
    client = await RawClient.connect(host.port)
    client.send(request_bytes)
    assert (await client.answer()).startswith("HTTP/1.1 431 ")
    client.send(b"t" * 100_000)
    assert await client.gone() == b"Request too large"


@pytest.mark.parametrize(
    "rubbish", [b"\x16\x03\x01\x02\x00\x01\x00", b"HELLO\r\n\r\n", b"GET /\xff\xfe HTTP/1.1\r\n\r\n", b"\r\n" * 20_000 + b"x"]
)
async def test_what_is_no_http_is_answered_or_dropped(host: Host, rubbish: bytes, caplog: pytest.LogCaptureFixture) -> None:
    client = await RawClient.connect(host.port)
    client.send(rubbish)
    client.half_close()
    answer = await client.gone()
    assert answer.startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 200 ", b"HTTP/1.1 431")) or not answer
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


@pytest.mark.parametrize(
    ("sent", "statuses"),
    [
        (GET + b"HELLO", [200]),
        (GET + GET + b"HELLO", [200, 200]),
        (GET + UPGRADE, [200]),
        (POST + b"zz\r\n", [400]),
        (GET + POST + b"zz\r\n", [200]),
        (GET * (PIPELINE + 1), [200] * PIPELINE),
    ],
    ids=[
        "junk behind a request",
        "junk behind two",
        "an upgrade behind a request",
        "a bad body",
        "a bad body behind a request",
        "one more than may wait",
    ],
)
async def test_requests_before_a_bad_one_are_answered_in_order(
    host: Host, sent: bytes, statuses: list[int], caplog: pytest.LogCaptureFixture
) -> None:
    client = await RawClient.connect(host.port)
    client.send(sent)
    said = (await client.gone()).decode()
    assert [int(found) for found in re.findall(r"HTTP/1.1 (\d+)", said)] == statuses
    assert said.count("connection: close") == 1
    assert not caplog.records


async def test_requests_that_wait_are_counted_over_several_reads(host: Host) -> None:
    client = await RawClient.connect(host.port)
    client.send(LATE)
    await until(lambda: host.asked == 1)
    client.send(GET * PIPELINE)
    other, _ = await host.pair()
    other.say(CLOSE)
    await other.gone()
    host.late.set()
    said = await client.gone()
    assert said.count(b"HTTP/1.1 200 ") == said.count(b"HTTP/1.1 ") == PIPELINE
    assert said.count(b"connection: close") == 1


async def test_a_client_that_goes_while_its_requests_wait_is_no_error(host: Host, caplog: pytest.LogCaptureFixture) -> None:
    client = await RawClient.connect(host.port)
    client.send(GET + LATE + LATE)
    await until(lambda: host.asked == 1)
    client.reset()
    await until(lambda: not host.server.server_state.connections)
    host.late.set()
    await until(lambda: not host.server.server_state.tasks)
    assert not caplog.records


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec-WebSocket-Version": "8"}, 400),
        ({"Sec-WebSocket-Key": "short"}, 400),
        ({"Sec-WebSocket-Key": ""}, 400),
    ],
)
async def test_a_handshake_that_is_none_is_refused(host: Host, headers: dict[str, str], status: int) -> None:
    client = await RawClient.ask(host.port, headers=headers)
    assert (await client.answer()).startswith(f"HTTP/1.1 {status} ")
    await client.gone()


async def test_a_path_in_no_ascii_is_refused(host: Host) -> None:
    client = await RawClient.connect(host.port)
    client.send(b"GET /ws?\xc3\xbc HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n")
    assert (await client.answer()).startswith("HTTP/1.1 400 ")


async def test_silence_and_trickles_are_cut_off_and_kept_connections_are_not() -> None:
    async with Host(settings(server__request_timeout=0.5)) as host:
        silent, trickle, kept, blank = [await RawClient.connect(host.port) for _ in range(4)]
        for one in (kept, blank):
            one.send(GET)
            assert "200 OK" in await one.answer()
            assert await one.reader.readexactly(2) == b"OK"
        blank.send(b"\r\n")
        trickle.send(b"GET / HTTP/1.1\r\n")
        async with asyncio.timeout(10):
            while not trickle.reader.at_eof():
                trickle.send(b"X-Slow: ever\r\n")
                await asyncio.sleep(0.05)
        assert await silent.gone() == b""
        kept.send(GET)
        assert "200 OK" in await kept.answer()
        assert await blank.gone() == b""


async def test_the_rest_of_a_body_that_is_answered_already_does_not_keep_a_connection() -> None:
    async with Host(settings(), timeout_keep_alive=1) as host:
        client = await RawClient.connect(host.port)
        client.send(POST)
        assert "200 OK" in await client.answer()
        client.send(b"0\r\n\r\n")
        assert await client.gone() == b"OK"


async def test_a_request_begun_before_an_answer_has_its_own_time() -> None:
    """uvicorn's keep-alive begins with the answer, and must not count then."""
    async with Host(settings(), timeout_keep_alive=0.2) as host:
        client = await RawClient.connect(host.port)
        client.send(GET + LATE[:-2])
        assert "200 OK" in await client.answer()
        await asyncio.sleep(0.5)  # longer than keep-alive
        client.send(LATE[-2:])
        await until(lambda: host.asked == 1)
        await asyncio.sleep(0.5)  # longer than keep-alive
        host.late.set()
        assert "200 OK" in await client.answer()


async def test_an_open_socket_outlives_the_request_timeout() -> None:
    async with Host(settings(server__request_timeout=0.3)) as host:
        client, socket = await host.pair()
        await asyncio.sleep(0.6)
        assert socket.send("still here")
        assert await client.hear() == (TEXT, b"still here")


async def test_what_a_peer_sends_before_the_answer_is_served_after_it(host: Host) -> None:
    client = await RawClient.ask(host.port, behind=frame(TEXT, b"one") + frame(PING, b"x")[:3])
    arrival = await host.arrival()
    client.send(b"")
    await asyncio.sleep(0.05)
    assert arrival.socket.received == 0
    assert not arrival.socket.send("too early")
    arrival.open("carillon.v1")
    assert "Sec-WebSocket-Protocol: carillon.v1\r\n" in await client.answer()
    assert ((await arrival.socket.receive())[0]) == b"one"
    client.send(b"")
    arrival.socket.send("answer")
    assert await client.hear() == (TEXT, b"answer")


async def test_a_frame_in_two_halves_around_the_answer_is_whole(host: Host) -> None:
    ping = frame(PING, b"payload")
    client = await RawClient.ask(host.port, behind=frame(TEXT, b"one") + ping[:5])
    socket = (await host.arrival()).open()
    await client.answer()
    client.send(ping[5:])
    assert await client.hear() == (PONG, b"payload")
    assert (await socket.receive())[0] == b"one"


async def test_who_sends_without_end_before_the_answer_is_not_read(host: Host) -> None:
    client = await RawClient.ask(host.port, behind=frame(TEXT, b"x" * 60_000) * 300)
    arrival = await host.arrival()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(client.writer.drain(), 0.5)
    socket = arrival.open()
    for _ in range(300):
        assert isinstance(await asyncio.wait_for(socket.receive(), 5), Message)


async def test_a_peer_that_goes_before_the_answer_is_noticed_at_once(host: Host) -> None:
    client = await RawClient.ask(host.port)
    arrival = await host.arrival()
    client.reset()
    await until(lambda: arrival.socket.closed)
    arrival.open()
    assert await arrival.socket.receive() == Closed(1006, "", clean=False)
    assert not arrival.socket.accepted


async def test_a_rejection_is_flushed_with_its_headers(host: Host) -> None:
    client = await RawClient.ask(host.port, headers={"X-Large": "y" * 9000})
    (await host.arrival()).socket.reject(503, "später".encode(), [("Retry-After", "7")])
    head = await client.answer()
    assert head.startswith("HTTP/1.1 503 Service Unavailable\r\n")
    assert "Retry-After: 7\r\n" in head
    assert await client.gone() == "später".encode()


@pytest.mark.parametrize(("path", "status", "body"), [("/nowhere", 404, b"Not Found"), ("/denied", 418, b"no coffee")])
async def test_asgi_applications_can_still_refuse(host: Host, path: str, status: int, body: bytes) -> None:
    with pytest.raises(InvalidStatus) as refused:
        await connect(f"ws://127.0.0.1:{host.port}{path}?token={TOKEN}")
    assert refused.value.response.status_code == status
    assert refused.value.response.body == body


async def test_an_application_that_returns_without_an_answer_is_a_500(host: Host) -> None:
    client = await RawClient.ask(host.port)
    (await host.arrival()).done.set()
    assert (await client.answer()).startswith("HTTP/1.1 500 ")


async def test_compression_is_not_negotiated_and_server_software_not_named(host: Host) -> None:
    client = await RawClient.ask(host.port, headers={"Sec-WebSocket-Extensions": "permessage-deflate"})
    (await host.arrival()).open()
    head = (await client.answer()).lower()
    assert "extensions" not in head
    assert "server:" not in head


async def test_no_token_in_any_log_line_at_any_level(host: Host, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access", "uvicorn.asgi", "websockets", "asyncio"):
        caplog.set_level(1, logger=name)
    carriers = [
        {"target": f"/ws?token={TOKEN}"},
        {"headers": {"Authorization": f"Bearer {TOKEN}"}},
        {"headers": {"Sec-WebSocket-Protocol": f"carillon.v1, bearer.{TOKEN}"}},
    ]
    for carrier in carriers:
        client = await RawClient.ask(host.port, **carrier)  # type: ignore[arg-type] # each has one of its two keywords
        arrival = await host.arrival()
        seen = arrival.socket.query + repr(arrival.scope["headers"]).encode()
        assert TOKEN.encode() in seen
        assert arrival.scope["query_string"] == b""
        arrival.open("carillon.v1")
        await client.answer()
        assert TOKEN not in repr(arrival.scope)
        assert not arrival.socket.query
        arrival.fail = RuntimeError("bug")
        arrival.done.set()
        await client.hear_close()
        refused = await RawClient.ask(host.port, **carrier)  # type: ignore[arg-type]
        (await host.arrival()).socket.reject(401, b"no")
        await refused.answer()
        await (await RawClient.ask(host.port, target=f"/nowhere?token={TOKEN}")).answer()
        bad = await RawClient.ask(host.port, target=f"/ws?token={TOKEN}", headers={"Sec-WebSocket-Key": TOKEN})
        await bad.answer()
        plain = await RawClient.connect(host.port)
        plain.send(f"GET /turn?token={TOKEN} HTTP/1.1\r\nHost: x\r\n\r\nGET /{TOKEN}\r\n\r\n".encode())
        plain.half_close()
        await plain.gone()
    assert "a connection failed" in caplog.text
    assert TOKEN not in caplog.text
    assert "c2VjcmV0" not in caplog.text
