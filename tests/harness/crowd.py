"""Live users of a real service from outside, and what became of every message between them.

A crowd lives on a thread of its own, so that a test may meanwhile break things with blocking commands. Its users are `carillon.v1` clients
in pairs; each pair is in one call and sends numbered messages both ways all the time.
"""

import asyncio
import random
import secrets
import threading
import time
from collections import Counter
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

from harness.people import PATIENCE, Line, Person, Tally, hear_end, set_up

from carillon.client import CallRefused

T = TypeVar("T")
LOOK = 0.01
"""Seconds between two looks at what has come, for up to AT_A_LOOK users; more are looked at less often."""
AT_A_LOOK = 500
AT_ONCE = 50
"""Users that come, or begin a call, at the same time."""
DIALS = 300
"""Connections that may be opening at a time: on a busy machine half a second of work, of the two that each has to reach a server."""
PATIENCE_EACH = 0.03
"""Seconds more for each user, wherever all of a crowd do something."""

ENDS = ("call.ended", "call.missed", "call.rejected")
"""Messages that are the last of their call."""


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
        self._chatting = 0
        """Short calls that are under way."""
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._turns = asyncio.Semaphore(DIALS)
        self._prefix = secrets.token_hex(3)

    def __enter__(self) -> "Crowd":
        self._thread.start()
        self._run(self._begin()).result(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._run(self._leave(60 + self._allowance)).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    # ---------------------------------------------------------------- for tests

    def call(self, pairs: int, within: float = 120.0) -> None:
        """So many more pairs come and are in a call when this returns."""
        self._run(self._call(pairs)).result(within)

    def idle(self, users: int, within: float = 120.0) -> None:
        """So many more users come, and do nothing."""
        self._run(self._join(users)).result(within + users * PATIENCE_EACH)

    def chatter(self, pairs: int, within: float = 120.0) -> None:
        """So many more pairs come and make one short call after the other from now on."""
        self._run(self._chatter(pairs)).result(within)

    def settle(self, within: float = 90.0) -> Tally:
        """Wait until whatever was said by now has been heard; broken promises are in the tally."""
        return self._run(self._settle(within)).result(within + 10)

    def finish(self, within: float = 90.0) -> Tally:
        """Let all calls end, and everybody call somebody else once: nobody is busy."""
        return self._run(self._finish(within)).result(3 * within + 10 + self._allowance)

    def moved(self) -> dict[int, int]:
        """How many users have reconnected how often."""
        return dict(sorted(Counter(person.client.connects - 1 for person in self._people).items()))

    def returned(self, since: float) -> list[float]:
        """Seconds from a moment of the monotonic clock until each of those who have come back after it was welcomed, shortest first."""
        return sorted(person.came - since for person in self._people if person.came > since)

    def failed_attempts(self) -> int:
        """Connections that were tried and not welcomed."""
        return sum(person.attempts - person.client.connects for person in self._people)

    # ---------------------------------------------------------------- the crowd's own thread

    @property
    def _allowance(self) -> float:
        return len(self._people) * PATIENCE_EACH

    def _run(self, work: Coroutine[Any, Any, T]) -> "Future[T]":
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    async def _begin(self) -> None:
        self._speaking.set()
        self._tasks.append(asyncio.create_task(self._watch()))

    async def _leave(self, within: float) -> None:
        for task in self._tasks:
            task.cancel()
        leaving = {asyncio.create_task(person.client.close()): person.name for person in self._people}
        left = asyncio.gather(*self._tasks, *leaving, return_exceptions=True)
        await asyncio.wait([left], timeout=within)
        stuck = [name for task, name in leaving.items() if not task.done()]
        assert left.done(), f"have not left in {within:.0f} s: {stuck}"

    async def _join(self, count: int) -> list[Person]:
        new = [Person(f"{self._prefix}-{len(self._people) + index}", self._url, self._sign, self._turns) for index in range(count)]
        self._people += new
        self.tally.users = len(self._people)
        gate = asyncio.Semaphore(AT_ONCE)

        async def enter(person: Person) -> None:
            async with gate:
                await person.client.__aenter__()

        await asyncio.gather(*(enter(person) for person in new))
        return new

    async def _call(self, pairs: int) -> None:
        people = await self._join(2 * pairs)
        gate = asyncio.Semaphore(AT_ONCE)

        async def connect(caller: Person, callee: Person) -> None:
            async with gate:
                call = await set_up(caller, callee)
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
            self._chatting += 1
            try:
                await self._short_call(caller, callee)
            finally:
                self._chatting -= 1
            await asyncio.sleep(random.uniform(0.2, 1.0))

    async def _short_call(self, caller: Person, callee: Person) -> None:
        """A refusal that a retry can help is counted; what begins must end well, unless the server said that something may be missing."""
        gaps = caller.gaps + callee.gaps

        def miss(problem: str) -> None:
            if caller.gaps + callee.gaps > gaps:
                self.tally.announced += 1
            else:
                self.tally.problems.append(problem)

        try:
            call = await set_up(caller, callee)
        except CallRefused as refusal:
            self.tally.refused[refusal.code] = self.tally.refused.get(refusal.code, 0) + 1
            return
        except TimeoutError:
            miss(f"no answer to a start from {caller.name} in {PATIENCE} s")
            if caller.standing:
                # What nobody was told of may stand all the same, as the welcome said: a person would hang up.
                await caller.client.end(caller.standing["session_id"])
            return
        self._ended.add(call)
        await caller.client.end(call)
        try:
            await hear_end(callee, call)
        except (TimeoutError, CallRefused) as error:
            miss(f"{callee.name} was not told of the end of {call}: {error!r}")
        self.tally.short_calls += 1

    async def _watch(self) -> None:
        while True:
            for person in self._people:
                for message in person.news():
                    self._judge_order(person, message["type"], message["payload"])
                    self._judge(person, message["type"], message["payload"])
                self.tally.problems += [f"{person.name} was sent {gap}" for gap in person.skipped()]
            self.tally.reconnects = sum(max(0, person.client.connects - 1) for person in self._people)
            self.tally.most_reconnects = max((person.client.connects - 1 for person in self._people), default=0)
            await asyncio.sleep(LOOK * max(1.0, len(self._people) / AT_A_LOOK))

    def _judge_order(self, person: Person, kind: str, payload: dict[str, Any]) -> None:
        """A call ends once for each, and nothing is said of it afterwards."""
        session = payload.get("session_id")
        if session in person.over and (kind in (*ENDS, "call.ring", "call.accepted") or kind.startswith("webrtc.")):
            self.tally.problems.append(f"{person.name} heard {kind} of {session}, which had ended")
        if kind in ENDS:
            person.over.add(payload["session_id"])

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
        deadline = time.monotonic() + within
        while self._chatting or any(line.speaker.client.session.outbox for line in calls.values()):
            if time.monotonic() > deadline:
                self.tally.problems.append(f"calls have not ended in {within} s")
                return self.tally
            await asyncio.sleep(LOOK)
        for first in (0, 1):
            await self._last_calls(self._people[first:])
        return self.tally

    async def _last_calls(self, people: list[Person]) -> None:
        """Of each with the next one, who are nobody else's meanwhile."""
        gate = asyncio.Semaphore(AT_ONCE)

        async def one(caller: Person, callee: Person) -> None:
            async with gate:
                await self._last_call(caller, callee)

        await asyncio.gather(*(one(*pair) for pair in zip(people[::2], people[1::2], strict=False)))

    async def _last_call(self, caller: Person, callee: Person) -> None:
        try:
            call = await set_up(caller, callee)
            self._ended.add(call)
            await caller.client.end(call)
            await hear_end(callee, call)
        except (TimeoutError, CallRefused) as error:
            self.tally.problems.append(f"{caller.name} could not call {callee.name} at the end: {error}")
