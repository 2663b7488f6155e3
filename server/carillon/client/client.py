"""A small asyncio client: connect, call, relay, end, and come back by itself.

async with CarillonClient("ws://localhost:8080/ws", token) as alice:
    ringing = await alice.start("bob")
    accepted = await alice.expect("call.accepted")
"""

import asyncio
from typing import Any

from carillon.client.connection import Connection
from carillon.client.session import Json
from carillon.errors import CarillonError

PATIENCE = 10.0
"""Seconds for an answer."""


class CallRefused(CarillonError):
    """The server answered with an `error` message. `code` is one of `carillon.errors.ErrorCode`."""

    def __init__(self, payload: Json) -> None:
        super().__init__(f"{payload['code']}: {payload['message']}")
        self.code: str = payload["code"]


class CarillonClient(Connection):
    """One user, who calls and is called. `log` holds what came; `expect` waits for the next of a kind. See Connection for its arguments."""

    _seen = 0
    """Messages of the log that `expect` has gone past."""

    async def start(self, callee_id: str, **more: Any) -> Json:
        """Call somebody; returns the payload of `call.ringing`. Raises CallRefused.

        Where they call at the same time there may be no ring: then that of `call.accepted`, which `expect` returns again.
        """
        said = len(self.log)
        await self.send("call.start", callee_id=callee_id, **more)
        return await self._expect("call.ringing", PATIENCE, unless="call.accepted", since=said)

    async def accept(self, session_id: str) -> None:
        await self.send("call.accept", session_id=session_id)

    async def reject(self, session_id: str) -> None:
        await self.send("call.reject", session_id=session_id)

    async def end(self, session_id: str) -> None:
        await self.send("call.end", session_id=session_id)

    async def check(self, session_id: str) -> Json:
        """Whether a call still stands: the payload of `call.check_result`."""
        await self.send("call.check", session_id=session_id)
        return await self.expect("call.check_result")

    async def expect(self, kind: str, timeout: float = PATIENCE) -> Json:
        """The payload of the next message of a kind not yet returned. Raises CallRefused at an `error` before it, TimeoutError."""
        return await self._expect(kind, timeout)

    async def _expect(self, kind: str, timeout: float, *, unless: str = "", since: int = 0) -> Json:
        """unless: a kind that will do as well, from that place in the log on; it is left for later."""
        try:
            async with asyncio.timeout(timeout):
                return await self._next(kind, unless, since)
        except TimeoutError:
            raise TimeoutError(f"no {kind} within {timeout:g} s") from None

    async def _next(self, kind: str, unless: str, since: int) -> Json:
        async with self._news:
            while True:
                for message in self.log[self._seen :]:
                    payload: Json = message["payload"]
                    if message["type"] == unless and self._seen >= since:
                        return payload
                    self._seen += 1
                    if message["type"] == kind:
                        return payload
                    if message["type"] == "error":
                        raise CallRefused(message["payload"])
                if self._failure:
                    raise self._failure
                await self._news.wait()
