"""Random interleavings of users, timers, lost sockets, dead pods, slow and cut links, late scripts of dead sockets, and a Redis that
freezes or forgets; then the promises are checked.

A failing run prints the steps; hypothesis prints the seed.
"""

import asyncio
import contextlib
import random
import secrets
import time
from collections.abc import Coroutine
from typing import Any

from harness.faults import FaultProxy
from harness.pods import MS, Client, FakeConnection, Pod
from harness.redis import RedisServer
from harness.waiting import until
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from carillon.call import SECOND, Rules
from carillon.errors import StoreUnavailable
from carillon.store.records import read_call, read_reservation
from carillon.sweeper import Pace

RULES = Rules(ring=700 * MS, grace=500 * MS, lease=800 * MS, confirm=100 * MS, merge=5000 * MS, reattach=100 * MS, push_retry=200 * MS)
PACE = Pace(lease=0.6, renew=0.1, sweep=0.05, attend=0.2, echo=0.5, oldest_tick=0.6)
USERS = ("alice", "bob", "carol")

steps = st.lists(
    st.one_of(
        st.tuples(st.just("start"), st.sampled_from(USERS), st.sampled_from(USERS)),
        st.tuples(st.sampled_from(["accept", "reject", "end", "ice", "again"]), st.sampled_from(USERS), st.just("")),
        st.tuples(st.sampled_from(["lose", "leave", "return", "ghost", "hasty ghost"]), st.sampled_from(USERS), st.just("")),
        st.tuples(st.sampled_from(["drop replies", "late", "slow", "fast"]), st.just(""), st.just("")),
        st.tuples(st.sampled_from(["crash", "wipe", "wipe twice", "freeze", "pause", "settle"]), st.just(""), st.just("")),
    ),
    min_size=4,
    max_size=25,
)


class Run:
    """One interleaving: steps begin without waiting for those before, unless told to settle."""

    def __init__(self, redis: RedisServer, seed: int, v1: dict[str, bool]) -> None:
        self.redis, self.random, self.v1 = redis, random.Random(seed), v1
        self.cell = secrets.token_hex(6)
        self.pods: list[Pod] = []
        self.proxies: dict[str, FaultProxy] = {}
        self.clients: dict[str, Client] = {}
        self.logs: dict[str, list[Client]] = {user: [] for user in USERS}
        self.tasks: set[asyncio.Task[Any]] = set()
        self.gone: dict[str, float] = {}
        self.longest_away = dict.fromkeys(USERS, 0.0)
        self.hung_up: set[str] = set()
        self.excused = False

    async def begin(self) -> None:
        self.pods = [await self.pod(number) for number in range(3)]
        for number, user in enumerate(USERS):
            await self.join(user, self.pods[number])

    async def pod(self, number: int) -> Pod:
        """Each reaches Redis by a way of its own, which can be slow or cut."""
        name = f"pod-{number}-{secrets.token_hex(2)}"
        proxy = self.proxies[name] = await FaultProxy(self.redis.port).__aenter__()
        return await Pod(name, f"redis://127.0.0.1:{proxy.port}/0", self.cell, RULES, PACE).start()

    async def join(self, user: str, pod: Pod) -> None:
        before = self.clients.get(user)
        client = await pod.join(user, v1=self.v1[user], resume=before.resume if before else None)
        self.back(user)
        self.clients[user] = client
        client.resumed_from = before.connection.last_seq if before else 0
        self.logs[user].append(client)

    def away(self, user: str) -> None:
        self.gone.setdefault(user, time.monotonic())

    def back(self, user: str) -> None:
        self.longest_away[user] = max(self.longest_away[user], time.monotonic() - self.gone.pop(user, time.monotonic()))

    def begin_task(self, work: Coroutine[Any, Any, Any]) -> None:
        task = asyncio.get_running_loop().create_task(self._quietly(work))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def _quietly(self, work: Coroutine[Any, Any, Any]) -> None:
        try:
            await work
        except Exception as error:
            if type(error).__name__ not in ("StaleConnection", "StoreUnavailable", "Refused"):
                raise

    async def step(self, kind: str, user: str, other: str) -> None:
        client = self.clients.get(user)
        if kind == "settle":
            await asyncio.wait(self.tasks, timeout=2) if self.tasks else None
        elif kind == "pause":
            await asyncio.sleep(self.random.uniform(0, 0.2))
        elif kind == "crash":
            await self.crash()
        elif kind == "wipe":
            self.wipe()
        elif kind == "wipe twice":
            self.wipe()
            await asyncio.sleep(self.random.uniform(0, 0.2))  # in which some have registered and others have not
            self.wipe()
        elif kind in ("slow", "fast"):
            proxy = self.proxies[self.random.choice(self.pods).name]
            proxy.delay = self.random.uniform(0.01, 0.15) if kind == "slow" else 0.0
        elif kind == "late":
            await self.late(self.random.choice(self.pods))
        elif kind == "freeze":
            await asyncio.to_thread(self.redis.ask, "CLIENT", "PAUSE", self.random.randrange(50, 400), "ALL")
        elif kind == "drop replies":
            self.drop_replies(self.random.choice(self.pods))
        elif client is None or (client.connection.closed and kind != "return"):
            return
        elif kind in ("ghost", "hasty ghost"):
            self.begin_task(self.ghost(self.random.choice(self.pods), client, 0.05 if kind == "hasty ghost" else 10.0))
        elif kind == "return":
            if client.connection.closed:
                self.begin_task(self.join(user, self.random.choice(self.pods)))
        elif kind in ("lose", "leave"):
            self.away(user)
            if kind == "leave":
                self.hung_up.add(self.session(client))
            self.begin_task(client.lose() if kind == "lose" else client.leave())
        else:
            self.begin_task(self.speak(client, kind, other))
        await asyncio.sleep(0)

    @staticmethod
    def session(client: Client) -> str:
        return client.attached.live_call.id if client.attached.live_call else ""

    async def speak(self, client: Client, kind: str, other: str) -> None:
        if kind == "start":
            self.hung_up.add(self.session(client))
            await client.say("call.start", callee_id=other)
            return
        known = [m["payload"]["session_id"] for m in client.connection.messages if "session_id" in m["payload"]]
        if not known:
            return
        if kind == "ice":
            mark = secrets.token_hex(4)
            await client.say("webrtc.ice", session_id=known[-1], candidate=mark)
        elif kind == "again":
            await client.say("call.accept", session_id=known[0])
        else:
            if kind != "accept":
                self.hung_up.add(known[-1])
            await client.say(f"call.{kind}", session_id=known[-1])

    @staticmethod
    def drop_replies(pod: Pod) -> None:
        """What the pod has sent may have run; it will not learn."""
        if pod.link._wire is not None:
            pod.link._wire.abort()

    async def late(self, pod: Pod) -> None:
        """What the pod has sent runs when its socket has long been dead."""
        proxy = self.proxies[pod.name]
        before, proxy.delay = proxy.delay, 0.3
        await asyncio.sleep(0.02)  # in which it sends something
        self.drop_replies(pod)
        await asyncio.sleep(0)
        proxy.delay = before

    async def ghost(self, pod: Pod, client: Client, patience: float) -> None:
        """A second socket of the same user that dies before its attach is answered, or is refused because no answer comes."""
        connection = FakeConnection()
        connection.closed = True
        await pod.attacher.attach(connection, client.attached.user, v1=client.v1, resume=client.resume, patience=patience)

    async def crash(self) -> None:
        """One pod dies in the middle of what it does; its users' sockets with it; another takes its place."""
        pod = self.pods.pop(self.random.randrange(len(self.pods)))
        for client in self.clients.values():
            if client.pod is pod:
                client.connection.closed = True
                self.away(client.attached.user_id)
        await pod.kill()
        self.pods.append(await self.pod(len(self.pods)))

    def wipe(self) -> None:
        """Redis forgets. What a pod that died with it knew is lost: a stated limit."""
        keys = self.redis.ask("KEYS", f"{{carillon:{self.cell}}}:*")
        if keys:
            self.redis.ask("DEL", *keys)
        self.excused = True

    async def finish(self) -> None:
        """Everybody stops; in time every call has ended, and nothing but tombstones is left."""
        for user in list(self.gone):
            self.back(user)
        for client in self.clients.values():
            client.connection.closed = True
            self.begin_task(client.lose())
        if self.tasks:
            await asyncio.wait(self.tasks, timeout=5)
        for proxy in self.proxies.values():
            proxy.delay = 0.0
        link = self.pods[0].link
        base = f"{{carillon:{self.cell}}}:"

        async def members() -> list[bytes]:
            with contextlib.suppress(StoreUnavailable):
                return [member for name in "dh" for member in await link.command("ZRANGEBYSCORE", base + name, "-inf", "(+inf", timeout=2)]
            return [b"unknown"]

        left = await members()
        deadline = asyncio.get_running_loop().time() + 15
        while left and asyncio.get_running_loop().time() < deadline:
            await asyncio.sleep(0.05)
            left = await members()
        assert left == [], "leases of dead calls are left"
        for key in await link.command("KEYS", base + "*", timeout=5):
            assert await link.command("PTTL", key, timeout=5) > 0, f"{key!r} has no expiry"
            name = key.decode().removeprefix(base)
            raw = await link.command("GET", key, timeout=5) if name[:2] in ("c:", "r:") else None
            if name.startswith("c:"):
                call = read_call(raw)
                assert call is not None
                assert not call.live, "a call of nobody lives"
                assert call.cause is not None
            elif name.startswith("r:"):
                assert read_reservation(raw).call_id == "", "somebody is busy with nothing"

    def check_logs(self) -> None:
        """Every v1 client got each seq once and in order; nobody was told the end of a call twice, or anything of it afterwards."""
        for user, connections in self.logs.items():
            if self.v1[user]:
                self._check_numbers(connections)
            for client in connections:
                self._check_ends(user, client)
            latest = max(connections, key=lambda client: client.attached.generation)
            assert latest.connection.code is None, f"{user} was replaced by nobody"
        self._check_reasons()

    def _check_reasons(self) -> None:
        """No call of two v1 users ends by itself: somebody hung up, did not answer, or was away for a grace."""
        members: dict[str, set[str]] = {}
        ends: dict[str, str] = {}
        for user, connections in self.logs.items():
            for message in (message for client in connections for message in client.connection.messages):
                session = message["payload"].get("session_id")
                members.setdefault(session, set()).add(user)
                if message["type"] == "call.ended":
                    ends[session] = message["payload"]["reason"]
        for session, reason in ends.items():
            if not all(self.v1[user] for user in members[session]) or self.excused:
                continue
            if reason == "peer_disconnected" and session not in self.hung_up:
                away = {user: self.longest_away[user] for user in members[session]}
                assert max(away.values()) > 0.9 * RULES.grace / SECOND, f"{session} was lost though nobody was away for long: {away}"
            elif reason == "ended_by_user":
                assert session in self.hung_up, f"{session} was ended by nobody"

    @staticmethod
    def _check_numbers(connections: list[Client]) -> None:
        """A welcome says whether the count goes on where the last connection ended, or another one begins."""
        for client in connections:
            last: int | None = None
            for message in client.connection.messages:
                if message["type"] == "session.welcome":
                    last = client.resumed_from if message["payload"]["recovered"] else None
                elif "seq" in message:
                    assert last in (None, message["seq"] - 1), f"doubled, disordered or missing: {client.connection.messages}"
                    last = message["seq"]

    @staticmethod
    def _check_ends(user: str, client: Client) -> None:
        over: set[str] = set()
        for message in client.connection.messages:
            session = message["payload"].get("session_id")
            if message["type"] in ("call.ended", "call.missed", "call.rejected"):
                assert session not in over, f"{user} was told twice: {client.connection.messages}"
                over.add(session)
            elif message["type"] in ("call.ring", "call.accepted") or message["type"].startswith("webrtc."):
                assert session not in over, f"{user} was told of a dead call: {client.connection.messages}"

    async def stop(self) -> None:
        for task in self.tasks:
            task.cancel()
        for pod in self.pods:
            await pod.kill()
        for proxy in self.proxies.values():
            await proxy.__aexit__()


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
)
@given(steps, st.integers(0, 2**32), st.tuples(st.booleans(), st.booleans(), st.booleans()))
def test_the_promises_hold(redis_server: RedisServer, script: list[tuple[str, str, str]], seed: int, v1: tuple[bool, bool, bool]) -> None:
    async def run() -> None:
        one = Run(redis_server, seed, dict(zip(USERS, v1, strict=True)))
        await one.begin()
        try:
            for kind, user, other in script:
                await one.step(kind, user, other)
            await one.finish()
            one.check_logs()
        finally:
            await one.stop()

    asyncio.run(run())


async def test_two_who_start_at_once_share_at_most_one_call(pods: list[Pod]) -> None:
    for number in range(20):
        alice, bob = await pods[0].join(f"a{number}"), await pods[1].join(f"b{number}")
        await asyncio.gather(alice.say("call.start", callee_id=f"b{number}"), bob.say("call.start", callee_id=f"a{number}"))
        both = (alice, bob)
        await until(lambda both=both: any("error" in client.connection.types for client in both))
        assert len({m["session_id"] for client in both for m in client.connection.of("call.ringing")}) == 1
