"""What two real servers tell the world of a call, and what they never tell: one trace, and no token anywhere."""

import asyncio
import json
import secrets
import urllib.request
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from fakes.credentials import service_account
from fakes.fcm import DEVICE, FakeFcm
from harness.certificates import Authority
from harness.collector import Collector, http_collector
from harness.ports import free_port
from harness.redis import RedisServer
from harness.server import SECRET, ServerProcess, User, token
from harness.waiting import until
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus


@dataclass
class World:
    one: ServerProcess
    other: ServerProcess
    collector: Collector
    google: FakeFcm
    account: dict[str, Any]
    metrics_port: int

    def spans(self, trace_id: bytes) -> list[Any]:
        return [span for span in self.collector.spans if span.trace_id == trace_id]

    def scrape(self) -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.metrics_port}/metrics", timeout=5) as answer:
            return str(answer.read().decode())


@pytest.fixture
def collector() -> Iterator[tuple[Collector, str]]:
    made = Collector()
    server = http_collector(made)
    yield made, f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


@pytest.fixture
async def world(redis_server: RedisServer, cell: str, authority: Authority, collector: tuple[Collector, str]) -> AsyncIterator[World]:
    account, public = service_account()
    context = authority.server_context(authority.issue(secrets.token_hex(4), "localhost", "127.0.0.1"))
    context.set_alpn_protocols(["h2"])
    google = FakeFcm(context, account, public)
    await google.server.start()
    environ = {
        "FCM_SERVICE_ACCOUNT_JSON": json.dumps(account),
        "FCM_ENDPOINT": google.server.url,
        "FCM_TOKEN_URL": f"{google.server.url}/token",
        "PUSH_CA_FILE": str(authority.ca),
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector[1],
        "OTEL_BSP_SCHEDULE_DELAY": "100",
        "OTEL_METRIC_EXPORT_INTERVAL": "500",
        "LOG_LEVEL": "debug",
        "RING_TIMEOUT": "6",
        "RING_CONFIRM": "0.3",
    }
    port = free_port()
    one = ServerProcess(redis_server.url, cell, SERVER_ID="one", METRICS_PORT=str(port), **environ)
    other = ServerProcess(redis_server.url, cell, SERVER_ID="other", **environ)
    with one, other:
        yield World(one, other, collector[0], google, account, port)
    await google.server.stop()


async def test_one_trace_holds_a_call_of_two_servers_and_its_push(world: World) -> None:
    alice = await User.join(world.one, "alice")
    await alice.say("call.start", callee_id="bob", callee_device_token=DEVICE, callee_os="android")
    session = (await alice.hear("call.ringing"))["session_id"]
    await until(lambda: world.google.accepted)
    bob = await User.join(world.other, "bob")
    await bob.say("call.check", session_id=session)
    assert (await bob.hear("call.ring"))["session_id"] == session
    assert (await bob.hear("call.check_result"))["exists"]
    await bob.say("call.accept", session_id=session)
    await alice.hear("call.accepted")
    await alice.say("webrtc.offer", session_id=session, sdp="v=0")
    await bob.hear("webrtc.offer")
    await bob.say("call.end", session_id=session)
    await alice.hear("call.ended")

    def trace() -> set[tuple[str, str]]:
        of_call = {span.trace_id for span in world.collector.spans if _said(span, session)}
        assert len(of_call) <= 1, "several traces for one call"
        return {(span.name, world.collector.servers[span.span_id]) for one in of_call for span in world.spans(one)}

    wanted = {("call.start", "one"), ("push.send", "one"), ("call.accept", "other"), ("call.end", "other"), ("call.relay", "one")}
    await until(lambda: wanted <= trace() and any(name == "call" for name, _ in trace()), 20, lambda: str(trace()))
    (root,) = [span for span in world.collector.spans if span.name == "call" and _said(span, session)]
    assert not root.parent_span_id
    spans = {span.span_id: span for span in world.spans(root.trace_id)}
    assert {
        span.name: spans[span.parent_span_id].name for span in spans.values() if span.parent_span_id and span.name != "EVALSHA commit"
    } == {
        "call.start": "call",
        "push.send": "call.start",
        "call.accept": "call",
        "call.relay": "call",
        "call.end": "call",
    }
    commits = {spans[span.parent_span_id].name for span in spans.values() if span.name == "EVALSHA commit"}
    assert {"call.start", "call.accept", "call.end"} <= commits


async def test_the_sweeper_of_another_server_joins_the_trace_when_the_first_is_dead(world: World) -> None:
    alice = await User.join(world.one, "alice")
    watcher = await User.join(world.other, "watcher")
    await alice.say("call.start", callee_id="bob", callee_device_token=DEVICE, callee_os="android")
    session = (await alice.hear("call.ringing"))["session_id"]
    await until(lambda: any(span.name == "call.start" for span in world.collector.spans), 20)
    (start,) = [span for span in world.collector.spans if span.name == "call.start"]
    world.one.kill()

    def ended() -> list[Any]:
        return [span for span in world.spans(start.trace_id) if world.collector.servers[span.span_id] == "other"]

    await until(lambda: any(_said(span, session) for span in ended()), 40, lambda: str([span.name for span in world.collector.spans]))
    await watcher.socket.close()


def _said(span: Any, session: str) -> bool:
    return any(one.value.string_value == session for one in span.attributes)


async def test_no_token_or_secret_leaves_the_process(world: World) -> None:
    """Every way to carry one, good and bad, at debug level; then all that was written, sent or answered is searched."""
    said: list[str] = []
    given = [token(name) for name in ("alice", "bob", "carol")]
    bad = [token("alice", secret="another secret, thirty-two bytes too"), token("alice", seconds=-900), token("", seconds=300)]
    for one in bad:
        for options in ({}, {"additional_headers": {"Authorization": f"Bearer {one}"}}):
            with pytest.raises(InvalidStatus) as refused:
                await connect(world.one.url + ("" if options else f"?token={one}"), **options)  # type: ignore[arg-type] # keywords
            said.append(str(refused.value.response))
        v1 = await User.join_v1(world.one, "alice", bearer=one)
        await v1.code()
        said.append(str(v1.socket.close_reason))
        for path in ("/turn", "/ws", "/health", "/nowhere"):
            said.append(str(world.one.ask(f"{path}?token={one}")))
            said.append(str(world.one.ask(path, headers={"Authorization": f"Bearer {one}"})))
    alice = User(await connect(f"{world.one.url}?token={given[0]}"))
    bob = User(await connect(world.one.url, additional_headers={"Authorization": f"Bearer {given[1]}"}))
    carol = await User.join_v1(world.one, "carol", bearer=given[2])
    await carol.say("session.resume")
    said.append(json.dumps(await carol.hear("session.welcome")))
    for refresh in (bad[0], given[0]):
        await carol.say("token.refresh", token=refresh)
        said.append(json.dumps(await carol.hear("error")))
    await carol.socket.send(json.dumps({"type": "token.refresh", "payload": {"token": [given[2]]}}))
    said.append(json.dumps(await carol.hear("error")))
    await alice.socket.send(f'{{"token": "{given[0]}"')
    said.append(json.dumps(await alice.hear("error")))
    await alice.say("call.start", callee_id="nobody", callee_device_token=DEVICE, callee_os="android")
    session = (await alice.hear("call.ringing"))["session_id"]
    await until(lambda: world.google.accepted)
    await alice.say("call.end", session_id=session)
    await until(lambda: "call ended" in world.one.log)
    for user in (alice, bob, carol):
        await user.socket.close()
    await until(lambda: world.one.log.count("connection closed") >= 3)
    await until(lambda: world.collector.spans and world.collector.metrics, 20)
    said += [world.scrape(), world.one.log, world.collector.raw.decode("latin-1")]
    world.one.terminate()
    await asyncio.to_thread(world.one.wait)
    said.append(world.one.log)
    hidden = [part for one in [*given, *bad] for part in one.split(".")[1:]]
    hidden += [SECRET, DEVICE, *world.google.tokens, world.account["private_key"].splitlines()[1], world.account["private_key_id"]]
    told = "\n".join(said)
    assert [secret for secret in hidden if secret and secret in told] == []
