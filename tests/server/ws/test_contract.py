"""What we use of uvicorn and websockets that they do not promise to keep. An upgrade that changes it fails here, not in production."""

import ast
import inspect
import signal
import tomllib
from pathlib import Path

import pytest
import uvicorn
from harness.wire import Host, settings
from packaging.requirements import Requirement
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import Server, ServerState
from websockets.protocol import Protocol
from websockets.server import ServerProtocol

from carillon.ws.handshake import Handshake
from carillon.ws.http import SignalingHttp
from carillon.ws.protocol import SignalingProtocol
from carillon.ws.server import SignalingServer, make_config

PROJECT = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text())["project"]


def _names(*lines: str) -> set[str]:
    return set(" ".join(lines).split())


WEBSOCKET = _names(
    "app close_timer conn connections handle_connect handshake_complete initial_response",
    "loop queue request response scope transport writable",
)
HTTP = _names(
    "_should_upgrade _unset_keepalive_if_required access_log app_state config connections cycle headers loop parser pipeline",
    "server_state transport url",
)
CYCLE = _names("disconnected keep_alive message_event more_body response_complete response_started")
"""Of a request and its answer."""
SERVER = _names("force_exit server_state should_exit started")
CONNECTION = _names(
    "close_rcvd close_sent current_size data_to_send debug events_received logger parser parser_exc receive_data",
    "send_close send_ping send_response writes",
)


def inherited(*classes: type, of: str = "self") -> set[str]:
    """Attributes of `self` (or of `self.<of>`) that our classes use and do not define."""
    own: set[str] = set()
    used: set[str] = set()
    for one in classes:
        (body,) = ast.parse(inspect.getsource(one)).body
        assert isinstance(body, ast.ClassDef)
        own |= {node.name for node in body.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
        own |= {node.attr for node in ast.walk(init(body)) if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)}
        used |= {node.attr for node in ast.walk(body) if isinstance(node, ast.Attribute) and ast.unparse(node.value) == of}
    return used - (own if of == "self" else set())


def init(body: ast.ClassDef) -> ast.FunctionDef:
    return next(node for node in body.body if isinstance(node, ast.FunctionDef) and node.name == "__init__")


def test_the_lists_above_are_complete() -> None:
    assert inherited(Handshake, SignalingProtocol) == WEBSOCKET
    assert inherited(SignalingHttp) | {"access_log"} == HTTP
    assert inherited(SignalingServer) == SERVER
    assert inherited(Handshake, SignalingProtocol, of="self.conn") == CONNECTION


def test_versions_are_pinned_to_what_was_read() -> None:
    wanted = {Requirement(line).name: Requirement(line) for line in [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["server"]]}
    assert str(wanted["uvicorn"].specifier) == "<0.55,>=0.54"
    assert uvicorn.__version__.startswith("0.54.")
    assert not wanted["websockets"].specifier.contains("18.0")


async def test_what_we_use_is_there() -> None:
    async def app(scope: object, receive: object, send: object) -> None:
        return

    config = make_config(app, settings(), lifespan="off")
    config.load()
    state = ServerState()
    websocket, plain, serving = WebSocketsSansIOProtocol(config, state, {}), HttpToolsProtocol(config, state, {}), Server(config)
    # Set by handle_connect and by the parser's callbacks.
    later = {"request", "response", "scope", "url"}
    assert [name for name in WEBSOCKET - later if not hasattr(websocket, name)] == []
    assert [name for name in HTTP - later if not hasattr(plain, name)] == []
    assert set(RequestResponseCycle.__init__.__code__.co_names) >= CYCLE
    assert [name for name in SERVER if not hasattr(serving, name)] == []
    assert [name for name in CONNECTION if not hasattr(ServerProtocol(), name)] == []


@pytest.mark.parametrize(
    ("of", "parameters"),
    [
        (WebSocketsSansIOProtocol.__init__, ["self", "config", "server_state", "app_state", "_loop"]),
        (WebSocketsSansIOProtocol.handle_connect, ["self", "event"]),
        (WebSocketsSansIOProtocol.run_asgi, ["self"]),
        (WebSocketsSansIOProtocol.receive, ["self"]),
        (WebSocketsSansIOProtocol.send, ["self", "message"]),
        (WebSocketsSansIOProtocol.shutdown, ["self"]),
        (WebSocketsSansIOProtocol.pause_writing, ["self"]),
        (WebSocketsSansIOProtocol.resume_writing, ["self"]),
        (HttpToolsProtocol.__init__, ["self", "config", "server_state", "app_state", "_loop"]),
        (HttpToolsProtocol._should_upgrade, ["self"]),
        (HttpToolsProtocol._unset_keepalive_if_required, ["self"]),
        (HttpToolsProtocol.on_message_begin, ["self"]),
        (HttpToolsProtocol.on_url, ["self", "url"]),
        (HttpToolsProtocol.on_header, ["self", "name", "value"]),
        (HttpToolsProtocol.on_headers_complete, ["self"]),
        (HttpToolsProtocol.on_message_complete, ["self"]),
        (Server.serve, ["self", "sockets"]),
        (Server.startup, ["self", "sockets"]),
        (Server._log_started_message, ["self", "listeners"]),
        (Server.shutdown, ["self", "sockets"]),
        (Server.handle_exit, ["self", "sig", "frame"]),
        (Protocol.parse, ["self"]),
    ],
)
def test_what_we_override_has_the_shape_we_give_it(of: object, parameters: list[str]) -> None:
    assert callable(of)
    assert list(inspect.signature(of).parameters) == parameters


def test_handle_exit_is_what_signals_call() -> None:
    assert "self.handle_exit" in inspect.getsource(Server.capture_signals)
    assert set(uvicorn.server.HANDLED_SIGNALS) >= {signal.SIGINT, signal.SIGTERM}


async def test_connections_are_known_to_the_server_from_request_to_end(host: Host) -> None:
    state = host.server.server_state
    client, socket = await host.pair()
    assert [type(one).__name__ for one in state.connections] == ["SignalingProtocol"]
    assert host.server.sockets == [socket]
    assert len(state.tasks) == 1
    client.reset()
    await socket.receive()
    assert not state.connections
