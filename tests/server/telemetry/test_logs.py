import asyncio
import io
import json
import logging
import sys

import jwt
import pytest
import uvicorn
from hypothesis import assume, given
from hypothesis import strategies as st
from websockets.asyncio.client import connect

from carillon.config import TelemetrySettings
from carillon.telemetry import call_ended, configure_logging, connection_closed, connection_opened, connection_refused, redact, silence

TOKEN = jwt.encode({"hash": "alice", "exp": 4_000_000_000}, "0123456789abcdef0123456789abcdef", algorithm="HS256")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def log(logging_restored):
    def start(stream=None, **settings):
        stream = stream or io.StringIO()
        configure_logging(TelemetrySettings(**settings), "pod-1", stream)
        return stream

    return start


def test_off_a_terminal_every_line_is_one_json_object(log):
    stream = log()
    connection_opened("alice\nbob", address="192.0.2.1", protocol="v1", recovered=True)
    try:
        raise ValueError("lone surrogate \ud800")
    except ValueError:
        logging.getLogger("carillon.ws").exception("it failed", extra={"what": {1, 2}})
    first, second = map(json.loads, stream.getvalue().splitlines())
    assert first["message"] == "connection opened"
    assert (first["level"], first["logger"], first["server"]) == ("info", "carillon.connection", "pod-1")
    assert (first["user_id"], first["address"], first["protocol"], first["recovered"]) == ("alice\nbob", "192.0.2.1", "v1", True)
    assert first["time"].endswith("Z")
    assert "ValueError: lone surrogate" in second["exception"]


def test_on_a_terminal_lines_are_for_people_and_cannot_be_forged(log):
    stream = log(Terminal())
    connection_closed("alice\n00:00:00.000 error forged", code=1006, by="network", seconds=1.23456, received=3, sent=4)
    (line,) = stream.getvalue().splitlines()
    assert line.endswith(r'user_id="alice\n00:00:00.000 error forged" code=1006 by=network seconds=1.235 received=3 sent=4')


@pytest.mark.parametrize(("chosen", "is_json"), [("json", True), ("text", False)])
def test_the_format_can_be_chosen(log, chosen, is_json):
    stream = log(Terminal(), log_format=chosen)
    connection_refused("token expired", address="192.0.2.1", status=401)
    assert stream.getvalue().startswith("{") is is_json


def test_the_level_can_be_chosen(log):
    stream = log(log_level="warning")
    connection_opened("alice", address="192.0.2.1", protocol="v1")
    logging.getLogger("uvicorn.error").info("Started server process")
    assert stream.getvalue() == ""


def test_a_call_that_ended_can_be_found_in_the_traces(log):
    stream = log()
    traceparent = "00-" + "ab" * 16 + "-" + "cd" * 8 + "-01"
    call_ended(
        "s-1",
        caller_id="a",
        callee_id="b",
        cause="lost",
        ended_by="b",
        rang=1.0,
        talked=0.0,
        note="lease of s-1 fired on pod-2",
        trace=traceparent,
    )
    line = json.loads(stream.getvalue())
    assert (line["session_id"], line["cause"], line["note"], line["trace_id"]) == ("s-1", "lost", "lease of s-1 fired on pod-2", "ab" * 16)


WAYS = [
    "GET /ws?token={} HTTP/1.1",
    "/ws?a=1&token={}&b=2",
    "%2Fws%3Ftoken%3D{}",
    "access_token={}",
    "callee_device_token={}",
    "Authorization: Bearer {}",
    "authorization: {}",
    "[(b'authorization', b'Bearer {}'), (b'host', b'h')]",
    "{{'Authorization': 'Bearer {}'}}",
    "Sec-WebSocket-Protocol: carillon.v1, bearer.{}",
    "['carillon.v1', 'bearer.{}']",
    '{{"token": "{}"}}',
    '{{\\"token\\":\\"{}\\"}}',
]
opaque = st.text("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.~+/=%", min_size=12, max_size=60)


@pytest.mark.parametrize("way", WAYS)
@given(token=opaque)
def test_no_token_is_logged_however_it_is_carried(way, token):
    assume(token not in way)  # as "Authorization" is
    hidden = redact(way.format(token))
    assert token not in hidden
    assert "[redacted]" in hidden


@pytest.mark.parametrize("around", ["{}", "token was {}", "({})", '"{}"', "x={}", "%3D{}"])
def test_a_jwt_is_hidden_wherever_it_stands(around):
    hidden = redact(around.format(TOKEN))
    assert not any(part in hidden for part in TOKEN.split("."))


@pytest.mark.parametrize(
    "text",
    [
        "token expired",
        "call ended session_id=7f3c",
        "https://greyjacket.example.com/a",
        "tokens=3 refused",
        "bearer.",
        "the authorization failed",
    ],
)
def test_what_is_no_secret_stays(text):
    assert redact(text) == text


def test_tokens_in_exceptions_and_fields_are_hidden_too(log):
    stream = log()
    try:
        raise RuntimeError(f"GET /ws?token={TOKEN}")
    except RuntimeError:
        logging.getLogger("x").exception(
            "failed for %s", f"bearer {TOKEN}", extra={"headers": [(b"authorization", f"Bearer {TOKEN}".encode())]}
        )
    assert TOKEN not in stream.getvalue()
    assert stream.getvalue().count("[redacted]") >= 3


async def accepts(scope, receive, send):
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept", "subprotocol": "carillon.v1"})
        await send({"type": "websocket.send", "text": "hello"})
        await send({"type": "websocket.close", "code": 1000})


@pytest.mark.parametrize("log_config", [None, uvicorn.config.LOGGING_CONFIG])
async def test_uvicorn_prints_no_token_even_at_debug_level(log, log_config, monkeypatch):
    printed = io.StringIO()
    monkeypatch.setattr(sys, "stderr", printed)
    monkeypatch.setattr(sys, "stdout", printed)
    stream = log(log_level="debug")
    config = uvicorn.Config(accepts, host="127.0.0.1", port=0, ws="websockets-sansio", log_config=log_config, lifespan="off")
    silence()
    server = uvicorn.Server(config)
    logging.getLogger("uvicorn.error").error("uvicorn failed")
    serving = asyncio.create_task(server.serve())
    async with asyncio.timeout(10):
        while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
            await asyncio.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        offer = {"subprotocols": ["carillon.v1", f"bearer.{TOKEN}"], "additional_headers": {"Authorization": f"Bearer {TOKEN}"}}
        async with connect(f"ws://127.0.0.1:{port}/ws?token={TOKEN}", **offer) as socket:
            assert await socket.recv() == "hello"
        server.should_exit = True
        await serving
    everything = stream.getvalue() + printed.getvalue()
    assert "uvicorn failed" in everything
    assert "Started server process" not in everything
    assert "/ws" not in everything
    assert not any(part in everything for part in TOKEN.split("."))
