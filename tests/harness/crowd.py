"""Live users of a real service from outside, and what became of every message between them.

A crowd lives on a thread of its own, so that a test may meanwhile break things with blocking commands. Its users are `carillon.v1` clients
in pairs; each pair is in one call and sends numbered messages both ways all the time.
"""

import asyncio
import contextlib
import random
import secrets
import threading
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, TypeVar

from carillon.client import CallRefused, CarillonClient

T = TypeVar("T")
LOOK = 0.01
"""Seconds between two looks at what has come."""


@dataclass
class Tally:
    """What users saw. problems: broken promises, in words; empty is what a test asserts.

    longest: seconds that the most delayed message took. announced: messages that did not come after the server had said so
    (`recovered: false`, a new client session), which is allowed.
    """

    users: int = 0
    calls: int = 0
    sent: int = 0
    heard: int = 0
    announced: int = 0
    short_calls: int = 0
    refused: dict[str, int] = field(default_factory=dict)
    reconnects: int = 0
    most_reconnects: int = 0
    longest: float = 0.0
    problems: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        counts = f"{self.users} users, {self.calls} lasting and {self.short_calls} short calls, {self.sent} messages sent"
        fates = f"{len(self.problems)} broken promises, {self.announced} announced as not recovered"
        moves = f"{self.reconnects} reconnects (at most {self.most_reconnects} a user)"
        refused = f", refused: {self.refused}" if self.refused else ""
        return f"{counts}, {fates}, {moves}, longest interruption {self.longest:.2f} s{refused}"


class Person:
    """One user, and how far their log has been read."""

    def __init__(self, name: str, url: Callable[[], str], sign: Callable[[str], str]) -> None:
        async def token() -> str:
            return sign(name)

        self.name = name
        self.client = CarillonClient(url, token)
        self.gaps = 0
        """How often the server said that something may be missing."""
        self._session: str | None = None
        self._read = 0

    def news(self) -> list[dict[str, Any]]:
        """All but the first welcome, which says nothing of a call that may have begun since."""
        found = self.client.log[self._read :]
        self._read += len(found)
        return [message for message in found if message["type"] != "session.welcome" or self._returned(message["payload"])]

    def _returned(self, welcome: dict[str, Any]) -> bool:
        before, self._session = self._session, welcome["session"]
        if before is not None and (before != self._session or not welcome["recovered"]):
            self.gaps += 1
        return before is not None


class Line:
    """One direction of a call: what `speaker` sends must come to `listener` once and in order."""

    def __init__(self, call: str, speaker: Person, listener: Person, tally: Tally) -> None:
        self.call, self.speaker, self.listener, self._tally = call, speaker, listener, tally
        self.sent = self.heard = 0
        self._forgiven = 0
        self._times: dict[int, float] = {}

    def __str__(self) -> str:
        return f"{self.speaker.name} to {self.listener.name} in {self.call}"

    async def speak(self) -> None:
        self.sent += 1
        self._tally.sent += 1
        self._times[self.sent] = time.monotonic()
        await self.speaker.client.send("webrtc.ice", session_id=self.call, candidate=str(self.sent), sdpMid="0")

    def hear(self, number: int) -> None:
        missing = number - self.heard - 1
        if missing < 0:
            self._tally.problems.append(f"message {number} after {self.heard} from {self}")
            return
        if missing:
            self.miss(missing)
        self.heard = number
        self._tally.heard += 1
        self._tally.longest = max(self._tally.longest, time.monotonic() - self._times[number])
        for old in [one for one in self._times if one <= number]:
            del self._times[old]

    def miss(self, count: int) -> None:
        gaps = self.speaker.gaps + self.listener.gaps
        if gaps > self._forgiven:
            self._forgiven = gaps
            self._tally.announced += count
        else:
            self._tally.problems.append(f"{count} lost after {self.heard} from {self}")

    @property
    def may_miss(self) -> bool:
        return self.speaker.gaps + self.listener.gaps > self._forgiven

    @property
    def age(self) -> float:
        """Seconds that the oldest message has been under way."""
        return time.monotonic() - min(self._times.values()) if self._times else 0.0


class Crowd:
    """url: names a `/ws` for each connection anew. sign: a token for a user. period: seconds between two messages of one user."""

    def __init__(self, url: Callable[[], str], sign: Callable[[str], str], *, period: float = 0.5) -> None:
        self._url, self._sign, self._period = url, sign, period
        self.tally = Tally()
        self._people: list[Person] = []
        self._lines: dict[tuple[str, Person], Line] = {}
        self._ended: set[str] = set()
        self._tasks: list[asyncio.Task[None]] = []
        self._speaking = asyncio.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._prefix = secrets.token_hex(3)

    def __enter__(self) -> "Crowd":
        self._thread.start()
        self._run(self._begin()).result(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._run(self._leave()).result(60)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    # ---------------------------------------------------------------- for tests

    def call(self, pairs: int, within: float = 120.0) -> None:
        """So many more pairs come and are in a call when this returns."""
        self._run(self._call(pairs)).result(within)

    def idle(self, users: int, within: float = 120.0) -> None:
        """So many more users come, and do nothing."""
        self._run(self._join(users)).result(within)

    def chatter(self, pairs: int, within: float = 120.0) -> None:
        """So many more pairs come and make one short call after the other from now on."""
        self._run(self._chatter(pairs)).result(within)

    def settle(self, within: float = 90.0) -> Tally:
        """Wait until whatever was said by now has been heard; broken promises are in the tally."""
        return self._run(self._settle(within)).result(within + 10)

    def finish(self, within: float = 90.0) -> Tally:
        """Let all calls end, and everybody call somebody else once: nobody is busy."""
        return self._run(self._finish(within)).result(3 * within + 10)

    # ---------------------------------------------------------------- the crowd's own thread

    def _run(self, work: Coroutine[Any, Any, T]) -> "Future[T]":
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    async def _begin(self) -> None:
        self._speaking.set()
        self._tasks.append(asyncio.create_task(self._watch()))

    async def _leave(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.gather(*(person.client.close() for person in self._people), return_exceptions=True)

    async def _join(self, count: int) -> list[Person]:
        new = [Person(f"{self._prefix}-{len(self._people) + index}", self._url, self._sign) for index in range(count)]
        self._people += new
        self.tally.users = len(self._people)
        gate = asyncio.Semaphore(50)

        async def enter(person: Person) -> None:
            async with gate:
                await person.client.__aenter__()

        await asyncio.gather(*(enter(person) for person in new))
        return new

    async def _call(self, pairs: int) -> None:
        people = await self._join(2 * pairs)
        gate = asyncio.Semaphore(50)

        async def connect(caller: Person, callee: Person) -> None:
            async with gate:
                call = await _set_up(caller, callee)
            for one, other in ((caller, callee), (callee, caller)):
                self._lines[call, other] = line = Line(call, one, other, self.tally)
                self._tasks.append(asyncio.create_task(self._talk(line)))
            self.tally.calls += 1

        await asyncio.gather(*(connect(*pair) for pair in zip(people[::2], people[1::2], strict=True)))

    async def _talk(self, line: Line) -> None:
        await asyncio.sleep(random.uniform(0, self._period))
        while line.call not in self._ended:
            await self._speaking.wait()
            await line.speak()
            await asyncio.sleep(self._period)

    async def _chatter(self, pairs: int) -> None:
        people = await self._join(2 * pairs)
        for caller, callee in zip(people[::2], people[1::2], strict=True):
            self._tasks.append(asyncio.create_task(self._short_calls(caller, callee)))

    async def _short_calls(self, caller: Person, callee: Person) -> None:
        while True:
            await self._speaking.wait()
            await self._short_call(caller, callee)
            await asyncio.sleep(random.uniform(0.2, 1.0))

    async def _short_call(self, caller: Person, callee: Person) -> None:
        """A refusal that a retry can help is counted; what begins must end well."""
        try:
            call = await _set_up(caller, callee)
        except CallRefused as refusal:
            self.tally.refused[refusal.code] = self.tally.refused.get(refusal.code, 0) + 1
            return
        except TimeoutError:
            self.tally.problems.append(f"no answer to a start from {caller.name} in {PATIENCE} s")
            return
        self._ended.add(call)
        await caller.client.end(call)
        try:
            await _hear_end(callee, call)
        except (TimeoutError, CallRefused) as error:
            self.tally.problems.append(f"{callee.name} was not told of the end of {call}: {error!r}")
        self.tally.short_calls += 1

    async def _watch(self) -> None:
        while True:
            for person in self._people:
                for message in person.news():
                    self._judge(person, message["type"], message["payload"])
            self.tally.reconnects = sum(max(0, person.client.connects - 1) for person in self._people)
            self.tally.most_reconnects = max((person.client.connects - 1 for person in self._people), default=0)
            await asyncio.sleep(LOOK)

    def _judge(self, person: Person, kind: str, payload: dict[str, Any]) -> None:
        line = self._lines.get((payload.get("session_id", ""), person))
        match kind:
            case "webrtc.ice" if line:
                line.hear(int(payload["candidate"]))
            case "call.ended" | "call.missed" | "call.rejected" if line and line.call not in self._ended:
                self.tally.problems.append(f"nobody ended {line.call}, and {person.name} heard {kind}: {payload}")
            case "session.welcome":
                mine = [call for call, listener in self._lines if listener is person and call not in self._ended]
                stated = (payload.get("call") or {}).get("session_id")
                if mine and stated not in mine:
                    self.tally.problems.append(f"{person.name} came back and {mine[0]} was gone")
            case "error" if line and payload["code"] == "session_not_found":
                self.tally.problems.append(f"{person.name} was refused in {line.call}: {payload}")

    async def _settle(self, within: float) -> Tally:
        """Marks what has been said by now, and waits for it line by line; later messages prove earlier ones."""
        goals = {line: line.sent for line in self._lines.values() if line.call not in self._ended}
        deadline = time.monotonic() + within
        waiting = set(goals)
        while waiting and time.monotonic() < deadline:
            waiting = {line for line in waiting if line.heard < goals[line] and not (self._quiet and line.may_miss and line.age > 5)}
            await asyncio.sleep(LOOK)
        for line in waiting:
            self.tally.problems.append(f"{goals[line] - line.heard} messages from {line} have not come in {within} s")
        return self.tally

    @property
    def _quiet(self) -> bool:
        return not self._speaking.is_set()

    async def _finish(self, within: float) -> Tally:
        await self._settle(within)
        self._speaking.clear()
        await self._settle(within)
        calls = {line.call: line for line in self._lines.values()}
        for call, line in calls.items():
            self._ended.add(call)
            await line.speaker.client.end(call)
        await asyncio.sleep(2 * self._period)
        others = self._people[1:] + self._people[:1]
        for caller, callee in zip(self._people, others, strict=True):
            await self._last_call(caller, callee)
        return self.tally

    async def _last_call(self, caller: Person, callee: Person) -> None:
        with contextlib.suppress(TimeoutError, CallRefused):
            call = await _set_up(caller, callee)
            self._ended.add(call)
            await caller.client.end(call)
            await _hear_end(callee, call)
            return
        self.tally.problems.append(f"{caller.name} could not call {callee.name} at the end")


PATIENCE = 45.0
"""Seconds for an answer: longer than a grace."""


async def _set_up(caller: Person, callee: Person) -> str:
    """Returns the call's id. Raises CallRefused, TimeoutError."""
    await caller.client.send("call.start", callee_id=callee.name)
    call = str((await caller.client.expect("call.ringing", PATIENCE))["session_id"])
    while (await callee.client.expect("call.ring", PATIENCE))["session_id"] != call:
        pass
    await callee.client.accept(call)
    await caller.client.expect("call.accepted", PATIENCE)
    return call


async def _hear_end(person: Person, call: str) -> None:
    while (await person.client.expect("call.ended", PATIENCE))["session_id"] != call:
        pass
