"""A small asyncio client: connect, call, relay, end, and come back by itself.

async with CarillonClient("ws://localhost:8080/ws", token) as alice:
    ringing = await alice.start("bob")
    accepted = await alice.expect("call.accepted")
"""

import asyncio
import contextlib
import json
import random
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any, Self

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus
from websockets.typing import Subprotocol

from carillon.client.session import Json, Session
from carillon.errors import AuthError, CarillonError, Close
from carillon.protocol import BEARER_PREFIX, SUBPROTOCOL

FIRST_DELAY, LONGEST_DELAY = 0.1, 5.0
"""Seconds between two attempts to connect; doubled each time, jittered."""
FINAL = {int(code) for code in Close.all() if not code.retryable}


class CallRefused(CarillonError):
    """The server answered with an `error` message. `code` is one of `carillon.errors.ErrorCode`."""

    def __init__(self, payload: Json) -> None:
        super().__init__(f"{payload['code']}: {payload['message']}")
        self.code: str = payload["code"]


class CarillonClient:
    """One user.

    url: of `/ws`, or what names one each time a connection is made. token: a JWT, or what fetches a fresh one likewise.
    v1: else it speaks the reference's protocol.
    """

    def __init__(self, url: str | Callable[[], str], token: str | Callable[[], Awaitable[str]], *, v1: bool = True) -> None:
        self._url, self._token, self.v1 = url, token, v1
        self.session = Session()
        self.log: list[Json] = []
        """Every message that was news, in order."""
        self.connects = 0
        self._seen = 0
        self._news = asyncio.Condition()
        self._socket: ClientConnection | None = None
        self._up = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._failure: Exception | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._run())
        up = asyncio.create_task(self._up.wait())
        await asyncio.wait({up, self._task}, return_when=asyncio.FIRST_COMPLETED)
        up.cancel()
        if self._failure:
            raise self._failure
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.close()

    async def close(self) -> None:
        """Leave in order: a call that is still on ends."""
        if self._socket is not None:
            await self._socket.close(1000)
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    # ---------------------------------------------------------------- calls

    async def start(self, callee_id: str, **more: Any) -> Json:
        """Call somebody; returns the payload of `call.ringing`. Raises CallRefused."""
        await self.send("call.start", callee_id=callee_id, **more)
        return await self.expect("call.ringing")

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

    async def send(self, kind: str, **payload: Any) -> None:
        """Send any message. A numbered one is sent again after a reconnect until it is answered."""
        if self.v1 and kind.startswith(("call.", "webrtc.")) and kind != "call.check":
            text = self.session.number(kind, payload)
        else:
            text = json.dumps({"type": kind, "payload": payload})
            await self._up.wait()
        if self._up.is_set() and self._socket is not None:
            with contextlib.suppress(ConnectionClosed):
                await self._socket.send(text)

    async def expect(self, kind: str, timeout: float = 10.0) -> Json:
        """The payload of the next message of a kind not yet returned. Raises CallRefused at an `error` before it, TimeoutError."""
        async with asyncio.timeout(timeout), self._news:
            while True:
                for message in self.log[self._seen :]:
                    self._seen += 1
                    if message["type"] == kind:
                        payload: Json = message["payload"]
                        return payload
                    if message["type"] == "error":
                        raise CallRefused(message["payload"])
                if self._failure:
                    raise self._failure
                await self._news.wait()

    # ---------------------------------------------------------------- the connection

    async def _run(self) -> None:
        delay = FIRST_DELAY
        while self._failure is None:
            try:
                async with await self._connect() as socket:
                    delay = FIRST_DELAY
                    await self._serve(socket)
            except InvalidStatus as refused:
                if refused.response.status_code in (401, 403):
                    self._failure = AuthError("the server refused the token")
            except (OSError, InvalidHandshake, TimeoutError, ConnectionClosed, ValueError):
                pass
            finally:
                self._up.clear()
                self._socket = None
            await asyncio.sleep(delay * random.uniform(0.5, 1.0))  # noqa: S311 - jitter, not a secret
            delay = min(delay * 2, LONGEST_DELAY)
        async with self._news:
            self._news.notify_all()

    async def _connect(self) -> ClientConnection:
        token = self._token if isinstance(self._token, str) else await self._token()
        url = self._url if isinstance(self._url, str) else self._url()
        if self.v1:
            return await connect(url, subprotocols=[Subprotocol(SUBPROTOCOL), Subprotocol(BEARER_PREFIX + token)], open_timeout=8)
        return await connect(url, additional_headers={"Authorization": f"Bearer {token}"}, open_timeout=8)

    async def _serve(self, socket: ClientConnection) -> None:
        self._socket = socket
        if self.v1:
            await socket.send(self.session.resume())
        else:
            self._opened()
        try:
            async for text in socket:
                await self._hear(socket, json.loads(text))
        finally:
            code = socket.close_code
            if code in FINAL and code != Close.ABNORMAL:
                self._failure = (
                    AuthError("the server refused the token") if code == Close.UNAUTHORIZED else CarillonError(f"closed with {code}")
                )

    def _opened(self) -> None:
        self.connects += 1
        self._up.set()

    async def _hear(self, socket: ClientConnection, message: Json) -> None:
        replies, news = self.session.receive(message) if self.v1 else ([], True)
        for reply in replies:
            await socket.send(reply)
        if message["type"] == "session.welcome":
            self._opened()
        if news:
            async with self._news:
                self.log.append(message)
                self._news.notify_all()
