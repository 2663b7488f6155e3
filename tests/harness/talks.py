"""Many live calls between real clients of real servers, and what each of them must have heard."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from harness.server import ServerProcess, token
from harness.waiting import until

from carillon.client import CarillonClient


def of(client: CarillonClient, kind: str) -> list[dict[str, Any]]:
    return [message["payload"] for message in client.log if message["type"] == kind]


class Talks:
    """Calls whose two sides say something, again and again."""

    def __init__(self, callers: list[CarillonClient], callees: list[CarillonClient], sessions: list[str]) -> None:
        self.callers, self.callees, self.sessions = callers, callees, sessions
        self.said = 0

    @property
    def everybody(self) -> list[CarillonClient]:
        return [*self.callers, *self.callees]

    @property
    def moved(self) -> int:
        """How often clients have come back."""
        return sum(client.connects - 1 for client in self.everybody)

    async def talk(self, rounds: int, pause: float = 0.2) -> None:
        """pause: seconds, a call's own pace, so that a fault falls into the middle of it."""
        for _ in range(rounds):
            for caller, callee, session in zip(self.callers, self.callees, self.sessions, strict=True):
                await caller.send("webrtc.ice", session_id=session, candidate=str(self.said))
                await callee.send("webrtc.ice", session_id=session, candidate=str(self.said))
            self.said += 1
            await asyncio.sleep(pause)

    async def begun(self) -> None:
        await until(lambda: all(of(client, "webrtc.ice") for client in self.everybody), within=60)

    async def heard_all(self, within: float = 150) -> None:
        """Everything that was said, exactly once and in order, and of no end and no error."""
        everybody = self.everybody
        await until(lambda: all(not client.session.outbox for client in everybody), within)
        await until(lambda: all(len(of(client, "webrtc.ice")) >= self.said for client in everybody), within)
        for client in everybody:
            assert [ice["candidate"] for ice in of(client, "webrtc.ice")] == [str(number) for number in range(self.said)]
            assert all(welcome["recovered"] for welcome in of(client, "session.welcome")[1:])
        self.live()

    def live(self) -> None:
        for client in self.everybody:
            assert not of(client, "call.ended")
            assert not of(client, "error")


@asynccontextmanager
async def talks(servers: Sequence[ServerProcess], calls: int) -> AsyncIterator[Talks]:
    """So many calls of v1 clients, each on any of the servers; they come back to any that is still in the list."""

    def anywhere() -> str:
        return random.choice(servers).url

    def clients(side: str) -> list[CarillonClient]:
        return [CarillonClient(anywhere, token(f"{side}-{number}")) for number in range(calls)]

    callers, callees = clients("caller"), clients("callee")
    everybody = [*callers, *callees]
    await asyncio.gather(*(client.__aenter__() for client in everybody))
    try:
        for number, caller in enumerate(callers):
            await caller.send("call.start", callee_id=f"callee-{number}")
        for callee in callees:
            await callee.accept((await callee.expect("call.ring", 60))["session_id"])
        sessions = [str((await caller.expect("call.accepted", 60))["session_id"]) for caller in callers]
        yield Talks(callers, callees, sessions)
    finally:
        await asyncio.gather(*(client.close() for client in everybody))


async def in_the_middle(there: Talks, fault: Callable[[], None], rounds: int = 20) -> None:
    """All talk; the fault happens once everybody has heard something."""
    talking = asyncio.create_task(there.talk(rounds))
    await there.begun()
    await asyncio.to_thread(fault)
    await talking
