"""Commands on their way to Redis: those that wait to be written, within bounds, and in which order they go."""

import asyncio
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any

from carillon.errors import StoreUnavailable
from carillon.store.scripts import Script
from carillon.store.wire import Word, pack_command


class Command:
    """One command, packed, and the future of its reply.

    deadline: loop time. first: before all others, whatever they wait for. again: Redis did not know its script once already.
    """

    __slots__ = ("again", "deadline", "first", "future", "packed", "script", "words")

    def __init__(
        self, words: tuple[Word, ...], future: "asyncio.Future[Any]", deadline: float, *, script: Script | None = None, first: bool = False
    ) -> None:
        self.words = words
        self.future = future
        self.deadline = deadline
        self.script = script
        self.first = first
        self.again = False
        self.packed = pack_command(words)

    def fail(self, why: str, *, sent: bool) -> None:
        if not self.future.done():
            self.future.set_exception(StoreUnavailable(why, sent=sent))


class CommandQueue:
    """Two queues in one: `first` commands, unbounded, for there are few; all others, bounded in bytes and count.

    held: only `first` commands may go.
    """

    def __init__(self, most_bytes: int, most_commands: int) -> None:
        self._most_bytes, self._most_commands = most_bytes, most_commands
        self._first: deque[Command] = deque()
        self._others: deque[Command] = deque()
        self._bytes = 0
        self.held = False

    def __bool__(self) -> bool:
        """Whether something may go now."""
        return bool(self._first) or (bool(self._others) and not self.held)

    def full(self, command: Command) -> bool:
        if command.first:
            return False
        return self._bytes + len(command.packed) > self._most_bytes or len(self._others) >= self._most_commands

    def append(self, command: Command) -> None:
        if command.first:
            self._first.append(command)
        else:
            self._others.append(command)
            self._bytes += len(command.packed)

    def put_back(self, commands: Iterable[Command]) -> None:
        """Commands that were taken and did not run go again before all others, in their order; bounds do not count for them."""
        for command in reversed(list(commands)):
            if command.first:
                self._first.appendleft(command)
            else:
                self._others.appendleft(command)
                self._bytes += len(command.packed)

    def take(self, room: int) -> Iterator[Command]:
        """The next commands that may go, until there are `room` bytes of them. What was answered or cancelled meanwhile is left out."""
        queue = self._first or self._others
        while queue and room > 0:
            command = queue.popleft()
            room -= len(command.packed)
            if queue is self._others:
                self._bytes -= len(command.packed)
            if not command.future.done():
                yield command

    def expire(self, now: float, why: str) -> None:
        """Fail what is overdue, as unsent; forget what was cancelled."""
        self._first = self._alive(self._first, now, why)
        self._others = self._alive(self._others, now, why)
        self._bytes = sum(len(command.packed) for command in self._others)

    @staticmethod
    def _alive(queue: deque[Command], now: float, why: str) -> deque[Command]:
        alive: deque[Command] = deque()
        for command in queue:
            if command.deadline < now:
                command.fail(why, sent=False)
            if not command.future.done():
                alive.append(command)
        return alive
