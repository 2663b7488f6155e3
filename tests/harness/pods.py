"""Whole pods without sockets: everything of a server but the WebSocket layer, on a real Redis."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from typing import Any

from harness.waiting import until

from carillon.call import Alert, Call, Report, Rules
from carillon.config import RedisSettings
from carillon.errors import CloseCode
from carillon.hub import Attached, Hub
from carillon.protocol import ResumePayload, UserInfo
from carillon.push import CallPusher, PushSender
from carillon.router.router import Router
from carillon.service.engine import Engine
from carillon.store.endpoints import Connector
from carillon.store.link import RedisLink
from carillon.store.publisher import Publisher
from carillon.store.records import frames
from carillon.store.results import AttachResult
from carillon.store.store import Keeping, Store
from carillon.store.subscriber import Subscriber
from carillon.sweeper import Pace, Sweeper
from carillon.telemetry import Off

MS = 1000
QUICK = Rules(ring=2500 * MS, grace=1500 * MS, lease=2000 * MS, confirm=300 * MS, merge=5000 * MS, reattach=400 * MS, push_retry=500 * MS)
"""The durations of the design, some twenty times shorter."""
QUICK_PACE = Pace(lease=1.0, renew=0.2, sweep=0.1, attend=0.3, echo=0.6, oldest_tick=1.5)


class FakeConnection:
    """What a client would have received; `alive` says whether it answers pings."""

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []
        self.expires_at = 0.0
        self.closed = False
        self.code: CloseCode | None = None
        self.alive = True
        self.on_probe: Callable[[], None] = lambda: None

    def send(self, data: bytes) -> None:
        self.messages.append(json.loads(data))

    def close(self, code: CloseCode) -> None:
        self.closed, self.code = True, code

    def probe(self) -> None:
        if self.alive:
            self.on_probe()

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [message["payload"] for message in self.messages if message["type"] == kind]

    @property
    def types(self) -> list[str]:
        return [message["type"] for message in self.messages]

    @property
    def last_seq(self) -> int:
        return max((message.get("seq", 0) for message in self.messages), default=0)


class RecordingPusher:
    def __init__(self) -> None:
        self.rung: list[str] = []
        self.cancelled: list[str] = []
        self.answer = Report(Alert.PUSH, may_have_arrived=True)

    def can_push(self, os: str | None) -> bool:
        return os in ("android", "ios")

    async def ring(self, call: Call) -> Report:
        self.rung.append(call.id)
        return self.answer

    async def cancel(self, call: Call) -> None:
        self.cancelled.append(call.id)

    def settle(self, session_id: str) -> None:
        pass


class NoLimits:
    def start(self, user_id: str, device_token: str | None) -> None:
        pass


class NoTelemetry:
    def begin(self, call_id: str) -> str:
        return ""

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *arguments: None


class Client:
    """A user on a pod, v1 or of the reference's protocol."""

    def __init__(self, pod: "Pod", attached: Attached, connection: FakeConnection) -> None:
        self.pod, self.attached, self.connection = pod, attached, connection
        self._n = attached.n
        self.resumed_from = 0
        """last_seq of the connection before."""

    @property
    def v1(self) -> bool:
        return self.attached.v1

    async def say(self, kind: str, *, n: int | None = None, **payload: Any) -> None:
        message: dict[str, Any] = {"type": kind, "payload": payload}
        if self.v1 and kind.startswith(("call.", "webrtc.")) and kind != "call.check":
            self._n = message["n"] = n or self._n + 1
        parsed = self.pod.service.handle_now(self.attached, json.dumps(message).encode())
        if parsed is not None:
            await self.pod.service.handle(self.attached, parsed)

    async def heard(self, kind: str, count: int = 1, within: float = 8.0) -> dict[str, Any]:
        """The count-th message of a kind; fails when it does not come."""
        await until(lambda: len(self.connection.of(kind)) >= count, within, lambda: f"{kind} not in {self.connection.messages}")
        return self.connection.of(kind)[count - 1]

    async def lose(self, note: str = "1006") -> None:
        self.connection.closed = True
        await self.pod.attacher.detach(self.attached, left=False, note=note)

    async def leave(self) -> None:
        self.connection.closed = True
        await self.pod.attacher.detach(self.attached, left=True, note="1000")

    @property
    def resume(self) -> ResumePayload | None:
        if not self.v1:
            return None
        return ResumePayload(self.attached.session, self.attached.epoch, self.connection.last_seq, self.attached.n)


class Pod:
    def __init__(self, name: str, url: str, cell: str, rules: Rules = QUICK, pace: Pace = QUICK_PACE) -> None:
        self.name, self.rules = name, rules
        connector = Connector(RedisSettings(url=url), f"{{carillon:{cell}}}")
        self.link = RedisLink(connector)
        self.hub = Hub(name)
        self.store = Store(self.link, cell=cell, pod=name, rules=rules, keeping=Keeping(), monotonic=time.monotonic)
        publish = Publisher(self.link, self.store, self.hub.forget_pod)
        self.router = Router(self.hub, publish, lambda work: asyncio.get_running_loop().call_soon(work))
        self.pusher = RecordingPusher()
        clock = time.monotonic
        self.engine = Engine(
            self.store,
            self.hub,
            self.router,
            rules,
            greet=self.greet,
            pusher=self.pusher,
            limiter=NoLimits(),
            watcher=NoTelemetry(),
            tracer=Off(),
            renewed=self.renewed,
            clock=clock,
        )
        self.service, self.attacher = self.engine.service, self.engine.attacher
        self.subscriber = Subscriber(connector, self.store.channel, self.router.on_message, self.subscribed)
        engine = self.engine
        self.sweeper = Sweeper(
            self.store, self.hub, engine.comparer, engine.registrar, engine.deadlines, pace, self.subscriber.restart, clock
        )
        engine.echo = self.sweeper.echoed

    def subscribed(self) -> None:
        self.sweeper.subscribed()

    async def renewed(self, within: float) -> None:
        await self.sweeper.renewed(within)

    def greet(self, attached: Attached, result: AttachResult) -> None:
        if attached.v1:
            call = attached.live_call
            welcome = {"recovered": result.recovered, "call": call.id if call else None, "n": result.n, "seq": result.seq}
            attached.connection.send(json.dumps({"type": "session.welcome", "payload": welcome}).encode())

    async def start(self) -> "Pod":
        self.link.start()
        self.subscriber.start()
        await self.subscriber.subscribed.wait()
        while not await self.sweeper.renew():  # noqa: ASYNC110 - each turn is another try
            await asyncio.sleep(0.05)  # a renewal waits only so long, and Redis may be paused
        self.sweeper.start()
        return self

    async def join(self, user_id: str, *, v1: bool = False, resume: ResumePayload | None = None, alive: bool = True) -> Client:
        connection = FakeConnection()
        connection.alive = alive
        attached = await self.attacher.attach(connection, UserInfo(user_id, name=user_id.title()), v1=v1, resume=resume)
        assert attached is not None
        connection.on_probe = lambda: self.engine.ring.pong(attached)
        return Client(self, attached, connection)

    def misjudge(self, seconds: float) -> None:
        """Let this pod's idea of Redis time be off until its next lease renewal, as after a slow reply."""
        self.store._offset = (self.store._offset or 0) + seconds * 1e6

    def push_through(self, sender: PushSender) -> None:
        """Send pushes in earnest rather than record them."""
        pusher = CallPusher(sender, self.store.now, self.store.look)
        for name in ("can_push", "ring", "cancel", "settle"):
            setattr(self.pusher, name, getattr(pusher, name))

    async def kill(self) -> None:
        """The pod dies: nothing that it holds says goodbye."""
        for task in (*self.sweeper._tasks, *self.sweeper._errands):
            task.cancel()
        await self.subscriber.close()
        await self.link.close()


class Deaf:
    """The pod hears nothing of its channel until `hear`."""

    def __init__(self, pod: Pod) -> None:
        self._pod, self._before = pod, pod.subscriber._on_message
        self._missed: set[str] = set()
        pod.subscriber._on_message = self._miss

    def _miss(self, data: bytes) -> None:
        self._missed |= {head.kind for head, _ in frames(data)}

    async def hear(self, *, missed: str = "e") -> None:
        """Once a frame of this kind has been missed."""
        await until(lambda: missed in self._missed)
        self._pod.subscriber._on_message = self._before


MakePods = Callable[..., Awaitable[list[Pod]]]
"""See the fixture `pods_on`."""


async def healthy(pods: list[Pod]) -> None:
    """Wait until every pod has heard its own tick through a Redis that knows all its users."""
    since = time.monotonic()
    await until(lambda: all(pod.sweeper.last_renewal > since and pod.sweeper._echoed > since for pod in pods))
    await until(lambda: all(user.registered == pod.store.ledger for pod in pods for user in pod.hub))


async def in_call(caller: Client, callee: Client) -> str:
    """Ring and accept; returns the session id."""
    rings, accepts = len(callee.connection.of("call.ring")), len(caller.connection.of("call.accepted"))
    await caller.say("call.start", callee_id=callee.attached.user_id)
    ring = await callee.heard("call.ring", rings + 1)
    await callee.say("call.accept", session_id=ring["session_id"])
    await caller.heard("call.accepted", accepts + 1)
    return str(ring["session_id"])
