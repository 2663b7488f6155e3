"""The socket of a client, for as long as somebody wants one: opened, moved, found dead, opened anew; the unanswered is sent again."""

import asyncio
import contextlib
import json
import random
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any, Self

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed, InvalidStatus

from carillon.client.dial import OPEN_TIMEOUT, UNREACHABLE, dial, retry_after
from carillon.client.session import Json, Session
from carillon.errors import AuthError, CarillonError, Close

FIRST_DELAY, LONGEST_DELAY = 0.1, 5.0
"""Seconds between two attempts to connect; doubled each time, jittered."""
LONGEST_MOVE = 60.0
"""Seconds in which a client that was asked to move does so, whatever the server says."""
FINAL = {int(code) for code in Close.all() if not code.retryable}


class Connection:
    """One user's way to the servers, on one socket after the other.

    url: of `/ws`, or what names one each time a connection is made. token: a JWT, or what fetches a fresh one likewise.
    v1: else it speaks the reference's protocol.
    """

    def __init__(self, url: str | Callable[[], str], token: str | Callable[[], Awaitable[str]], *, v1: bool = True) -> None:
        self._url, self._token, self.v1 = url, token, v1
        self.session = Session()
        self.log: list[Json] = []
        """Every message that was news, in order."""
        self.gaps: list[str] = []
        """What was missing or unreadable on a socket, each time: it is dropped, and the rest asked for on another."""
        self.connects = 0
        """Sockets that a server has welcomed."""
        self.problem = ""
        """Why the last attempt to connect failed, or the last connection ended; it is tried again all the same."""
        self._news = asyncio.Condition()
        self._socket: ClientConnection | None = None
        self._welcomed: ClientConnection | None = None
        self._up = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._leave: asyncio.TimerHandle | None = None
        self._move: asyncio.Task[ClientConnection | None] | None = None
        self._failure: Exception | None = None
        self._hint = 0.0
        """Seconds the server asked to wait before the next attempt."""
        self._repeats: set[asyncio.Task[None]] = set()
        self._repeating = 0
        """The connection, as `connects` counts them, on which what is unanswered is to be sent again."""

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._run())
        try:
            await self._up.wait()
            if self._failure:
                raise self._failure
        except BaseException:
            # Whoever gave up must not be connected later, and take the place of who came instead.
            await self.close()
            raise
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.close()

    async def close(self) -> None:
        """Leave in order: a call that is still on ends."""
        self._stay()
        await _cancel(self._move)
        # Without a socket no other move begins while this one closes.
        socket, self._socket = self._socket, None
        if socket is not None:
            await socket.close(Close.NORMAL)
        await _cancel(self._task, self._move, *self._repeats)
        self._failed(CarillonError("this client has left"))

    async def send(self, kind: str, **payload: Any) -> None:
        """Send any message. A numbered one is sent again after a reconnect until it is answered.

        Raises CarillonError once the connection has ended for good, TypeError for what JSON cannot carry.
        """
        numbered = self.v1 and kind.startswith(("call.", "webrtc.")) and kind != "call.check"
        if not numbered:
            await self._up.wait()
        if self._failure:
            raise self._failure
        text = self.session.number(kind, payload) if numbered else json.dumps({"type": kind, "payload": payload})
        if self._up.is_set() and self._socket is not None:
            with contextlib.suppress(ConnectionClosed):
                await self._socket.send(text)

    # ---------------------------------------------------------------- one socket after the other

    async def _run(self) -> None:
        try:
            await self._keep_connected()
        except Exception as problem:
            # Such as a URL that is none: whoever waits for something hears of it.
            self._failed(CarillonError(f"the connection cannot be kept: {type(problem).__name__}: {problem}"))
        async with self._news:
            self._news.notify_all()

    def _failed(self, failure: Exception) -> None:
        """Ended for good: who waits to send goes on, and is told."""
        self._failure = self._failure or failure
        self._up.set()

    async def _keep_connected(self) -> None:
        delay = FIRST_DELAY
        while self._failure is None:
            connects = self.connects
            try:
                socket: ClientConnection | None = await self._connect()
                while socket is not None:
                    socket = await self._listen(socket)
            except InvalidStatus as refused:
                status, said = refused.response.status_code, (refused.response.body or b"").decode(errors="replace")[:200]
                self.problem = f"HTTP {status} {said}".rstrip()
                if status in (401, 403):
                    self._failed(AuthError(f"the server refused the connection: {self.problem}"))
                seconds = refused.response.headers.get("Retry-After", "")
                self._hint = float(seconds) if seconds.isdecimal() else 0.0  # proxies may send a date
            except UNREACHABLE as problem:
                self.problem = str(problem) or type(problem).__name__
                if isinstance(problem, TimeoutError):
                    # Nobody answered, as on the way to a dead node, which half of all attempts may take: this was wait enough.
                    delay = FIRST_DELAY
            if self.connects > connects:
                delay = FIRST_DELAY
            await asyncio.sleep(self._hint + delay * random.uniform(0.5, 1.0))  # noqa: S311 - jitter, not a secret
            self._hint = 0.0
            delay = min(delay * 2, LONGEST_DELAY)

    async def _connect(self) -> ClientConnection:
        token = self._token if isinstance(self._token, str) else await self._fresh(self._token)
        return await dial(self._url if isinstance(self._url, str) else self._url(), token, v1=self.v1)

    @staticmethod
    async def _fresh(fetch: Callable[[], Awaitable[str]]) -> str:
        """Raises OSError whatever it failed with: it is tried again, as a server is that cannot be reached."""
        try:
            return await fetch()
        except Exception as failure:
            raise OSError(f"no token could be fetched: {type(failure).__name__}") from failure

    async def _listen(self, socket: ClientConnection) -> ClientConnection | None:
        """Until this socket is lost; returns the one that a move has led to meanwhile."""
        async with socket:
            try:
                if socket is not self._socket:
                    await self._enter(socket)
                async for text in socket:
                    await self._hear(socket, json.loads(text))
            except ConnectionClosed:
                pass
            except ValueError as gap:
                self.gaps.append(str(gap))
                await socket.close(Close.GOING_AWAY)  # without a code the call would end
        moving = self._move is not None and not self._move.done()
        successor = await self._move if self._move is not None else None
        self._move = None
        if successor is None:
            self._up.clear()
            self._socket = None
            if not moving:  # else it may be this client's own other socket that the server closed it for
                self._closed(socket.close_code, socket.close_reason or "")
        return successor

    async def _enter(self, socket: ClientConnection) -> None:
        self._socket = socket
        if self.v1:
            await socket.send(self.session.resume())
        else:
            self._opened(socket)

    def _start_move(self) -> None:
        if self._socket is not None and self._up.is_set() and self._move is None:
            self._move = asyncio.create_task(self._elsewhere(self._socket))

    async def _elsewhere(self, old: ClientConnection) -> ClientConnection | None:
        """Another socket, welcomed, and the old one closed; None, and the old one stays, where nobody takes us."""
        with contextlib.suppress(*UNREACHABLE):
            socket = await self._connect()
            try:
                await socket.send(self.session.resume())
                async with asyncio.timeout(OPEN_TIMEOUT):
                    welcome = json.loads(await socket.recv())
                self._socket = socket
                await self._hear(socket, welcome)
            except BaseException as problem:
                self._socket = old
                # Whoever leaves meanwhile hangs up with this one: the server may know it as theirs already.
                await socket.close(Close.NORMAL if isinstance(problem, asyncio.CancelledError) else Close.GOING_AWAY)
                raise
            await old.close(Close.GOING_AWAY)
            return socket
        self._move = None
        return None

    def _closed(self, code: int | None, reason: str) -> None:
        self._hint, self.problem = retry_after(reason), f"closed with {code} {reason}".rstrip()
        if code == Close.UNAUTHORIZED or (code == Close.TOKEN_EXPIRED and isinstance(self._token, str)):
            self._failed(AuthError(f"the server refused the connection: {self.problem}"))
        elif code in FINAL and code != Close.ABNORMAL:
            self._failed(CarillonError(self.problem))

    def _opened(self, socket: ClientConnection) -> None:
        """A socket may be welcomed again, by a server whose Redis lost its data."""
        if socket is not self._welcomed:
            self._welcomed = socket
            self.connects += 1
            self._stay()
        self._up.set()

    def _stay(self) -> None:
        """Forget that a move was asked for: another socket was meant, or this client leaves."""
        if self._leave is not None:
            self._leave.cancel()

    async def _hear(self, socket: ClientConnection, message: Json) -> None:
        replies, news = self.session.receive(message) if self.v1 else ([], True)
        try:
            await self._answer(socket, message, replies)
        finally:
            # What was heard counts, even if the socket died before that could be said: it does not come again.
            if news:
                async with self._news:
                    self.log.append(message)
                    self._news.notify_all()

    async def _answer(self, socket: ClientConnection, message: Json, replies: list[str]) -> None:
        numbered = self.session.last
        for reply in replies:
            await socket.send(reply)
        if message["type"] == "session.welcome":
            # What was said while that went out was not sent by who said it: this client was not up yet.
            while rest := self.session.since(numbered):
                numbered = self.session.last
                for text in rest:
                    await socket.send(text)
            self._opened(socket)
        if message["type"] == "server.going_away" and socket is self._socket:
            within = min(message["payload"].get("within", 0.0), LONGEST_MOVE)
            self._stay()
            self._leave = asyncio.get_running_loop().call_later(within * random.random(), self._start_move)  # noqa: S311 - jitter
        if self.session.again is not None:
            self._repeat(self.session.again)
            self.session.again = None

    def _repeat(self, delay: float) -> None:
        """Send what is unanswered again after a while, once however many refusals ask for it, unless a reconnect has done so."""
        if self._repeating == self.connects:
            return
        self._repeating = self.connects

        async def later(connects: int) -> None:
            # The server names the time until the next single message; all at once by then would be a flood.
            await asyncio.sleep(max(1.0, delay))
            socket = self._socket
            if socket is not None and self._repeating == self.connects == connects:
                self._repeating = 0
                for message in list(self.session.outbox):
                    with contextlib.suppress(ConnectionClosed):
                        await socket.send(json.dumps(message))

        task = asyncio.create_task(later(self.connects))
        self._repeats.add(task)
        task.add_done_callback(self._repeats.discard)


async def _cancel(*tasks: asyncio.Task[Any] | None) -> None:
    begun = [task for task in tasks if task is not None]
    for task in begun:
        task.cancel()
    await asyncio.gather(*begun, return_exceptions=True)
