"""Users of a service from outside, what they say to each other, and what became of it."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from websockets.asyncio.client import ClientConnection

from carillon.client import CarillonClient

PATIENCE = 45.0
"""Seconds for an answer: longer than a grace."""
LOOK_AT_WELCOME = 1.0
"""Seconds without news after which it counts what the last welcome said."""
TURN = 0.5
"""Seconds for which a connection that is opening keeps others of its process from theirs."""


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


class Client(CarillonClient):
    """turns: that those of one process take to connect. Thousands who lose their sockets at once have machines of their own elsewhere; here
    all their handshakes together would take longer than any of them waits.
    """

    def __init__(self, url: Callable[[], str], token: Callable[[], Awaitable[str]], turns: asyncio.Semaphore) -> None:
        super().__init__(url, token)
        self._turns = turns

    async def _connect(self) -> ClientConnection:
        async with self._turns:
            dialing = asyncio.create_task(super()._connect())
            # Who is led to a dead machine only waits from then on, which is no work.
            try:
                await asyncio.wait({dialing}, timeout=TURN)
            except asyncio.CancelledError:
                dialing.cancel()
                raise
        return await dialing


class Person:
    """One user, and how far their log has been read."""

    def __init__(self, name: str, url: Callable[[], str], sign: Callable[[str], str], turns: asyncio.Semaphore | None = None) -> None:
        async def token() -> str:
            self.attempts += 1
            return sign(name)

        self.name = name
        self.client = Client(url, token, turns or asyncio.Semaphore())
        self.attempts = 0
        """Connections tried."""
        self.came = 0.0
        """When the last welcome was seen, on the monotonic clock."""
        self.gaps = 0
        """How often the server said that something may be missing."""
        self.over: set[str] = set()
        """Calls of whose end they were told."""
        self._session: str | None = None
        self._read = self._skipped = 0

    @property
    def standing(self) -> dict[str, Any]:
        """The call that the last welcome stated; empty: none."""
        welcomes = (message["payload"] for message in reversed(self.client.log) if message["type"] == "session.welcome")
        return next(welcomes, {}).get("call") or {}

    def news(self) -> list[dict[str, Any]]:
        """All but the first welcome, which says nothing of a call that may have begun since."""
        found = self.client.log[self._read :]
        self._read += len(found)
        return [message for message in found if message["type"] != "session.welcome" or self._returned(message["payload"])]

    def skipped(self) -> list[str]:
        """What a socket left out without a word: the client drops it and asks on another, which the server should not need."""
        found = self.client.gaps[self._skipped :]
        self._skipped += len(found)
        return found

    def _returned(self, welcome: dict[str, Any]) -> bool:
        before, self._session, self.came = self._session, welcome["session"], time.monotonic()
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


async def set_up(caller: Person, callee: Person, **more: Any) -> str:
    """Returns the call's id. more: of `call.start`. Raises CallRefused, TimeoutError."""
    await caller.client.send("call.start", callee_id=callee.name, **more)
    call = str((await caller.client.expect("call.ringing", PATIENCE))["session_id"])
    while (await callee.client.expect("call.ring", PATIENCE))["session_id"] != call:
        pass
    await callee.client.accept(call)
    await hear_accepted(caller, call)
    return call


async def hear_accepted(person: Person, call: str) -> None:
    """Told, or stated by the welcome after Redis lost what was to be told: so much an app must look at."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            await person.client.expect("call.accepted", LOOK_AT_WELCOME)
            return
        except TimeoutError:
            if (person.standing.get("session_id"), person.standing.get("state")) == (call, "accepted"):
                return
            if time.monotonic() > deadline:
                raise


async def hear_end(person: Person, call: str) -> None:
    while (await person.client.expect("call.ended", PATIENCE))["session_id"] != call:
        pass
