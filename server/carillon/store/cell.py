"""One cell as one pod sees it: its scripts, its ledger, its clock.

Guarantees: an operation either happened wholly or not at all; one that is sent again with its id happens once; `StoreUnavailable.sent`
tells whether it may have happened.
"""

import secrets
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from carillon.call import Rules
from carillon.errors import StoreError, StoreFull, StoreUnavailable
from carillon.store.records import FORMAT, pack, read_ledger
from carillon.store.results import Renewed
from carillon.store.scripts import Script, load
from carillon.telemetry import Metrics, Off, Tracer

NAMES = ["commit", "relay", "attach", "detach", "renew", "leave", "attend", "touch", "claim", "replay", "register"]


class Link(Protocol):
    """What is needed of the connection to Redis (carillon.store.link)."""

    @property
    def sharded_pubsub(self) -> bool: ...

    def command(self, *args: bytes | str | int, timeout: float) -> Awaitable[Any]: ...

    def call(
        self, script: Script, keys: Sequence[str], args: Sequence[bytes | str | int], *, timeout: float, first: bool = False
    ) -> Awaitable[Any]: ...


@dataclass(frozen=True, slots=True)
class Keeping:
    """How long and how much is kept. TTLs in milliseconds, inbox in entries and bytes per stream.

    A live call outlives the ledger: an outage that outlasts the one has ended the other, and all is said again.
    """

    live_ttl: int = 7200_000
    ended_ttl: int = 4 * 3600_000
    inbox_entries: int = 256
    inbox_bytes: int = 1_048_576


class LedgerChanged(Exception):
    """Redis lost its data, or was emptied, since this pod last looked."""


class Cell:
    """One cell seen by one pod.

    monotonic: a clock in seconds that never goes back; Redis time is kept as an offset to it, taken at each lease renewal.
    """

    def __init__(
        self,
        link: Link,
        *,
        cell: str,
        pod: str,
        rules: Rules,
        keeping: Keeping,
        monotonic: Callable[[], float],
        timeout: float = 15.0,
        tracer: Tracer | None = None,
        metrics: Metrics | None = None,
    ) -> None:
        self._link, self.pod, self._rules, self._keeping, self._monotonic = link, pod, rules, keeping, monotonic
        self._timeout = timeout
        self._tracer, self._metrics = tracer or Off(), metrics or Metrics()
        self._scripts = {name: load(name) for name in NAMES}
        self._keys = (f"{{carillon:{cell}}}:ledger",)
        self.channel = f"{{carillon:{cell}}}:ch:{pod}"
        self._offset: float | None = None
        self.ledger = ""
        self.hold_until = 0
        self.unsaid_until = 0
        """Redis lost data a moment ago: until then, in its time, what is not found may not have been said again yet."""

    @property
    def ready(self) -> bool:
        """Whether Redis time and the ledger are known."""
        return self._offset is not None

    @property
    def grace(self) -> int:
        """Microseconds."""
        return self._rules.grace

    def now(self) -> int:
        """Redis time in microseconds, as far as this pod can tell."""
        return int(self._monotonic() * 1e6 + (self._offset or 0))

    @property
    def holding(self) -> bool:
        return self.now() < self.hold_until

    async def _run(self, name: str, *arguments: Any, blobs: Sequence[bytes] = (), timeout: float | None = None, first: bool = False) -> Any:
        return await self._raw(name, [pack(arguments), *blobs], timeout, first)

    async def _raw(self, name: str, arguments: Sequence[bytes], timeout: float | None = None, first: bool = False) -> Any:
        timeout = self._timeout if timeout is None else timeout
        began = self._monotonic()
        try:
            with self._tracer.command(name):
                reply = await self._link.call(self._scripts[name], self._keys, arguments, timeout=timeout, first=first)
        except StoreError as error:
            self._metrics.redis_errors.inc(_kind(error))
            raise
        self._metrics.redis.observe(self._monotonic() - began, name)
        if reply[0] == b"ledger":
            raise LedgerChanged
        return reply

    # ---------------------------------------------------------------- pod

    async def renew(self, *, lease: int, connections: int, registering: bool, timeout: float) -> Renewed:
        """Renew this pod's lease; learn Redis time and the ledger. lease: microseconds."""
        fresh_id = secrets.token_hex(8)
        began = self._monotonic()
        reply = await self._run(
            "renew",
            self.ledger,
            self.pod,
            self._link.sharded_pubsub,
            fresh_id,
            self._rules.grace,
            lease,
            connections,
            registering,
            FORMAT,
            self._rules.reattach,
            timeout=timeout,
            first=True,
        )
        now, raw, lowest, pods, fresh, everywhere = reply
        self._offset = now - (began + self._monotonic()) / 2 * 1e6
        ledger = read_ledger(raw)
        assert ledger is not None
        changed = ledger.id != self.ledger
        self.ledger, self.hold_until, self.unsaid_until = ledger.id, ledger.hold_until, ledger.unsaid_until
        return Renewed(ledger.id, ledger.hold_until, bool(fresh) or changed, lowest, pods, everywhere)

    async def leave(self) -> None:
        await self._run("leave", self.pod)


def _kind(error: StoreError) -> str:
    if isinstance(error, StoreUnavailable):
        return "timeout" if error.sent else "disconnected"
    return "full" if isinstance(error, StoreFull) else "error"
