"""The pod's one command connection to Redis: pipelined, flushed once per event-loop tick, replies matched in order.

Guarantees: a command is written at most once, unless Redis answered that it did not run it; commands of one link run in the order they
were asked for, but for a script that Redis had to be given first; a failure says whether the command may have run
(`StoreUnavailable.sent`). redis-py makes the connection (TLS, AUTH, discovery); its own clients are not used: they repeat by themselves
and cost ten times the CPU per command (docs/decisions/0004-redis-link.md).
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

import hiredis

from carillon.store.endpoints import Endpoint
from carillon.store.queue import Command, CommandQueue
from carillon.store.reconnect import keep_connected
from carillon.store.refusals import Fate, error, fate
from carillon.store.scripts import Script
from carillon.store.wire import Wire, Word

log = logging.getLogger(__name__)

CHUNK = 64 * 1024
"""Bytes handed to the transport at once; between two of them it may say that the server does not keep up."""
TICK = 0.1
"""Seconds between two looks for what is overdue."""
STANDSTILL = 0.5
"""Seconds by which such a look is late when this process itself stood still: what came meanwhile has yet to be read."""


class RedisLink:
    """endpoint: makes a connection to the primary of the one slot that is used.

    liveness: seconds without any answer to what was sent, after which the connection is taken for dead.
    queue_bytes, queue_commands: what may wait while nothing can be written; beyond either, commands fail as unsent at once.
    retry_cap: most seconds between two attempts to connect.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        liveness: float = 5.0,
        queue_bytes: int = 16 * 1024 * 1024,
        queue_commands: int = 20_000,
        retry_cap: float = 1.0,
    ) -> None:
        self._endpoint, self._liveness, self._retry_cap = endpoint, liveness, retry_cap
        self._queue = CommandQueue(queue_bytes, queue_commands)
        self._pending: deque[Command] = deque()
        self._returned: list[Command] = []
        self._given: set[str] = set()
        self._wire: Wire | None = None
        self._lost_at = 0.0
        """When the last connection was lost, by the loop's clock; 0: there was none."""
        self._scheduled = self._leaving = self._answered = self._closed = False
        self._loop: asyncio.AbstractEventLoop
        self._tasks: list[asyncio.Task[None]] = []
        self.sharded_pubsub = False
        """Whether channels are those of a slot (SPUBLISH): on Cluster from Redis 7.0. Known once connected; before that the word that every
        Redis knows."""
        self.on_up: Callable[[], None] | None = None
        """Called when a connection is made; until a command asked for with `first` is answered, all others wait."""
        self.on_down: Callable[[], None] | None = None
        """Called when it is lost, after what was sent has failed."""

    @property
    def connected(self) -> bool:
        return self._wire is not None

    @property
    def counts_receivers(self) -> bool:
        """Whether PUBLISH tells of all who listen. Without sharded channels a node of a Cluster counts its own only."""
        return self.sharded_pubsub or not self._endpoint.clustered

    def start(self) -> None:
        self._loop = asyncio.get_running_loop()
        connecting = keep_connected(self._endpoint, self._serve, self._unreachable, self._retry_cap)
        self._tasks = [self._loop.create_task(connecting), self._loop.create_task(self._watch())]

    async def close(self) -> None:
        """Write nothing more, and fail what is unanswered."""
        self._leaving = self._closed = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._queue.expire(float("inf"), "the link is closed")

    # ---------------------------------------------------------------- asking

    def command(self, *words: Word, timeout: float) -> "asyncio.Future[Any]":
        """Send one command; the future holds its reply, strings as bytes.

        timeout: seconds, within 0.1. Raises, through the future, StoreUnavailable, StoreFull or StoreError. Cancelled before it was
        sent, it never is.
        """
        return self._ask(Command(words, self._loop.create_future(), self._loop.time() + timeout))

    def call(
        self, script: Script, keys: Sequence[str | bytes], args: Sequence[Word], *, timeout: float, first: bool = False
    ) -> "asyncio.Future[Any]":
        """Run a script by its hash; where Redis does not know it, by its source, after what was asked for meanwhile.

        first: goes out before all that waits.
        """
        words = ("EVALSHA", script.sha1, len(keys), *keys, *args)
        return self._ask(Command(words, self._loop.create_future(), self._loop.time() + timeout, script=script, first=first))

    def _ask(self, command: Command) -> "asyncio.Future[Any]":
        if self._queue.full(command):
            self._flush()
        if self._closed or self._queue.full(command):
            command.fail("the link is closed" if self._closed else "too much waits for Redis already", sent=False)
            return command.future
        self._queue.append(command)
        if not self._scheduled:
            self._scheduled = True
            self._loop.call_soon(self._flush)
        return command.future

    def _flush(self) -> None:
        """Write what waits, as far as it may go."""
        self._scheduled = False
        while self._queue and self._wire is not None and not self._wire.paused and not self._leaving:
            if not self._pending:
                self._wire.heard = self._loop.time()
            chunk = list(self._queue.take(CHUNK))
            self._pending.extend(chunk)
            self._wire.write(b"".join([command.packed for command in chunk]))

    # ---------------------------------------------------------------- answers

    def _reply(self, reply: Any) -> None:
        if not self._pending:
            log.error("Redis answered what nobody asked")
            assert self._wire is not None
            self._wire.abort()
            return
        command = self._pending.popleft()
        if self._given and command.words[0] == "EVAL" and command.script is not None:
            self._given.discard(command.script.sha1)
        if isinstance(reply, hiredis.ReplyError):
            self._refused(command, str(reply))
        else:
            self._answered = True
            if not command.future.done():
                command.future.set_result(reply)
            if command.first and self._queue.held:
                self._queue.held = False
                self._flush()
        if self._leaving and not self._pending and self._wire is not None:
            self._wire.abort()

    def _refused(self, command: Command, text: str) -> None:
        match fate(text):
            case Fate.UNKNOWN_SCRIPT if command.script is not None:
                self._give(command, command.script)
                return
            case Fate.NOT_RUN:
                self._leave(text)
                self._returned.append(command)
                return
            case Fate.PERHAPS_RUN:
                self._leave(text)
        if not command.future.done():
            command.future.set_exception(error(text))

    def _give(self, command: Command, script: Script) -> None:
        """Ask again, by the source; of several in flight only the first, for it runs before the others.

        The first may be given up before it is written: who comes a second time brings the source whatever others do.
        """
        if command.future.done():
            return
        words = command.words
        if command.again or command.first or script.sha1 not in self._given:
            words = ("EVAL", script.source, *words[2:])
        self._given.add(script.sha1)
        once_more = Command(words, command.future, command.deadline, script=script, first=command.first)
        once_more.again = True
        self._ask(once_more)

    def _leave(self, text: str) -> None:
        """This server will not do: send it no more, hear what it answers to the rest, then look for the primary again."""
        if not self._leaving:
            self._leaving = True
            log.warning("Redis refuses", extra={"why": text[:200]})
        self._endpoint.moved(text)

    # ---------------------------------------------------------------- the connection

    @staticmethod
    def _unreachable(why: str) -> None:
        log.warning("no connection to Redis", extra={"why": why})

    async def _serve(self, wire: Wire) -> bool:
        """Use a connection until it is lost; whether anything was answered on it."""
        self._answered = False
        about: dict[str, object] = {"address": wire.address, "version": ".".join(map(str, wire.server.version))}
        if self._lost_at:
            about["away"] = round(self._loop.time() - self._lost_at, 1)
        log.info("connected to Redis", extra=about)
        self.sharded_pubsub = self._endpoint.clustered and wire.server.version >= (7, 0)
        self._queue.held, self._leaving = self.on_up is not None, False
        self._wire = wire
        wire.on_reply, wire.on_writable = self._reply, self._flush
        try:
            if self.on_up:
                self.on_up()
            self._flush()
            await wire.lost
            return self._answered
        finally:
            self._wire, self._lost_at = None, self._loop.time()
            self._abandon()
            await wire.close()
            if not self._closed:
                log.warning("the connection to Redis was lost", extra={"address": wire.address})
            if self.on_down:
                self.on_down()

    def _abandon(self) -> None:
        """What was written and is unanswered may have run; what Redis refused to run waits for the next connection, first of all."""
        pending, self._pending = self._pending, deque()
        for command in pending:
            command.fail("the connection to Redis was lost", sent=True)
        self._queue.put_back(self._returned)
        self._returned.clear()
        self._given.clear()

    async def _watch(self) -> None:
        """Fail what is overdue; take a connection that answers nothing for dead."""
        while True:
            slept = self._loop.time()
            await asyncio.sleep(TICK)
            now = self._loop.time()
            if now - slept > TICK + STANDSTILL:
                if self._wire is not None:
                    self._wire.heard = now
                continue
            self._queue.expire(now, "Redis cannot be reached")
            for command in self._pending:
                if command.deadline < now:
                    command.fail("Redis did not answer in time", sent=True)
            if self._wire is not None and self._pending and now - self._wire.heard > self._liveness:
                log.warning("Redis answers nothing", extra={"address": self._wire.address})
                self._wire.abort()
