"""The pod's one command connection to Redis: pipelined, flushed once per event-loop tick, replies matched in order.

Guarantees: a command is written at most once, on one connection; commands of one link run in the order they were asked for; a failure
says whether the command may have run (`StoreUnavailable.sent`). Nothing is ever repeated here but a script that Redis did not know.
redis-py makes the connection (URL, TLS, AUTH, RESP handshake); its own clients are not used: they retry by themselves and cost three
times the CPU per command (docs/decisions/0003-redis-link.md).
"""

import asyncio
import contextlib
import logging
import random
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

import hiredis
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import RedisError

from carillon.errors import StoreError, StoreFull, StoreUnavailable
from carillon.store.scripts import Script

log = logging.getLogger(__name__)

pack_command: Callable[[tuple[bytes | str | int, ...]], bytes] = cast("Any", hiredis.pack_command)
"""hiredis's own annotation takes one word only."""

Word = bytes | str | int
Connect = Callable[[], Awaitable[AbstractConnection]]

MOVED_ON = ("READONLY", "MOVED", "ASK", "CLUSTERDOWN", "MASTERDOWN", "LOADING", "TRYAGAIN", "NOREPLICAS")
"""Replies after which the command did not run and another server, or the same a little later, must be asked."""


@dataclass(slots=True, eq=False)
class _Command:
    words: tuple[Word, ...]
    future: "asyncio.Future[Any]"
    deadline: float
    first: bool
    script: Script | None = None
    size: int = 0


class RedisLink:
    """connect: makes a connection to the primary of the one slot that is used.

    liveness: seconds after which an unanswered command means that the connection is dead.
    queue_bytes: what may wait while there is no connection; beyond it commands fail as unsent at once.
    """

    def __init__(self, connect: Connect, *, liveness: float = 5.0, queue_bytes: int = 16 * 1024 * 1024, retry_cap: float = 1.0) -> None:
        self._connect, self._liveness, self._queue_bytes, self._retry_cap = connect, liveness, queue_bytes, retry_cap
        self._waiting: deque[_Command] = deque()
        self._waiting_bytes = 0
        self._pending: deque[_Command] = deque()
        self._buffer: list[bytes] = []
        self._writer: asyncio.StreamWriter | None = None
        self._held = False
        self._heard = 0.0
        self._loop: asyncio.AbstractEventLoop
        self._tasks: list[asyncio.Task[None]] = []
        self.sharded_pubsub = False
        self.on_up: Callable[[], None] | None = None
        """Called when a connection is made; until a command asked for with `first` is answered, all others wait."""
        self.on_down: Callable[[], None] | None = None

    @property
    def connected(self) -> bool:
        return self._writer is not None

    def start(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._tasks = [self._loop.create_task(self._run()), self._loop.create_task(self._watch())]

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._drop("the link is closed")
        self._fail_waiting(float("inf"), "the link is closed")

    # ---------------------------------------------------------------- asking

    def command(self, *words: Word, timeout: float) -> "asyncio.Future[Any]":
        """Send one command; the future holds its reply. timeout: seconds. Raises (through the future) StoreError and its kin."""
        return self._ask(_Command(words, self._loop.create_future(), self._loop.time() + timeout, False))

    def call(
        self, script: Script, keys: Sequence[str], args: Sequence[Word], *, timeout: float, first: bool = False
    ) -> "asyncio.Future[Any]":
        """Run a script by its hash. first: goes out before all that waits for a fresh connection."""
        words = ("EVALSHA", script.sha1, len(keys), *keys, *args)
        return self._ask(_Command(words, self._loop.create_future(), self._loop.time() + timeout, first, script))

    def _ask(self, command: _Command) -> "asyncio.Future[Any]":
        if self._writer is not None and (not self._held or command.first):
            self._write(command)
            return command.future
        command.size = sum(len(word) if isinstance(word, bytes | str) else 8 for word in command.words)
        if self._waiting_bytes + command.size > self._queue_bytes:
            command.future.set_exception(StoreUnavailable("too much waits for Redis already", sent=False))
        elif command.first:
            self._waiting.appendleft(command)
            self._waiting_bytes += command.size
        else:
            self._waiting.append(command)
            self._waiting_bytes += command.size
        return command.future

    def _write(self, command: _Command) -> None:
        if not self._buffer:
            self._loop.call_soon(self._flush)
        if not self._pending:
            self._heard = self._loop.time()
        self._pending.append(command)
        self._buffer.append(pack_command(command.words))

    def _flush(self) -> None:
        buffer, self._buffer = self._buffer, []
        if self._writer is not None and buffer:
            self._writer.write(b"".join(buffer))

    # ---------------------------------------------------------------- the connection

    async def _run(self) -> None:
        delay = 0.02
        while True:
            connection = None
            try:
                connection = await asyncio.wait_for(self._connect(), 3.0)
                delay = 0.02
                await self._serve(connection)
            except (OSError, RedisError, TimeoutError, StoreError, EOFError) as error:
                log.warning("no connection to Redis", extra={"why": f"{type(error).__name__}"})
            finally:
                was_up = self._writer is not None
                self._drop("the connection to Redis was lost")
                if was_up and self.on_down:
                    self.on_down()
                if connection is not None:
                    with contextlib.suppress(OSError, RedisError, RuntimeError):
                        await connection.disconnect(nowait=True)
            await asyncio.sleep(delay * random.uniform(0.5, 1.0))  # noqa: S311 - jitter, not a secret
            delay = min(delay * 2, self._retry_cap)

    async def _serve(self, connection: AbstractConnection) -> None:
        reader, writer = connection._reader, connection._writer
        assert reader is not None
        assert writer is not None
        self._held = self.on_up is not None
        self._heard = self._loop.time()
        self._writer = writer
        if self.on_up:
            self.on_up()
        self._release()
        parser = hiredis.Reader()
        while True:
            data = await reader.read(65536)
            if not data:
                raise EOFError
            self._heard = self._loop.time()
            parser.feed(data)
            while (reply := parser.gets()) is not False:
                self._answer(reply)

    def _release(self) -> None:
        """Write what waited, as far as it may go."""
        held, self._waiting = self._waiting, deque()
        self._waiting_bytes = 0
        for command in held:
            if not command.future.done():
                self._ask(command)

    def _answer(self, reply: Any) -> None:
        command = self._pending.popleft()
        if isinstance(reply, hiredis.ReplyError):
            self._refused(command, str(reply))
            return
        if command.first and self._held:
            self._held = False
            self._release()
        if not command.future.done():
            command.future.set_result(reply)

    def _refused(self, command: _Command, text: str) -> None:
        word = text.split(" ", 1)[0].removeprefix("-")
        if word == "NOSCRIPT" and command.script is not None and not command.future.done():
            keys_and_args = command.words[2:]
            again = _Command(("EVAL", command.script.source, *keys_and_args), command.future, command.deadline, command.first)
            self._ask(again)
            return
        if command.future.done():
            return
        if word == "OOM" or "OOM command not allowed" in text:
            command.future.set_exception(StoreFull("Redis has reached its memory limit"))
        elif word in MOVED_ON or "READONLY You can't write" in text:
            command.future.set_exception(StoreUnavailable(f"Redis answered {word}", sent=False))
            if self._writer is not None:
                self._writer.close()
        else:
            command.future.set_exception(StoreError(f"Redis answered: {text[:200]}"))

    def _drop(self, why: str) -> None:
        """The connection is gone: what was written may have run, what was not has not."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None
        self._buffer.clear()
        pending, self._pending = self._pending, deque()
        for command in pending:
            if not command.future.done():
                command.future.set_exception(StoreUnavailable(why, sent=True))

    async def _watch(self) -> None:
        """Fail what is overdue; take a connection that answers nothing for dead."""
        while True:
            await asyncio.sleep(0.1)
            now = self._loop.time()
            self._fail_waiting(now, "no connection to Redis")
            for command in self._pending:
                if command.deadline < now and not command.future.done():
                    command.future.set_exception(StoreUnavailable("Redis did not answer in time", sent=True))
            if self._pending and self._writer is not None and now - self._heard > self._liveness:
                self._writer.transport.abort()

    def _fail_waiting(self, now: float, why: str) -> None:
        overdue = [command for command in self._waiting if command.deadline < now or command.future.done()]
        for command in overdue:
            self._waiting.remove(command)
            self._waiting_bytes -= command.size
            if not command.future.done():
                command.future.set_exception(StoreUnavailable(why, sent=False))
