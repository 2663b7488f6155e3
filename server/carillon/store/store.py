"""Carillon's operations on Redis, each one script, all in one slot.

Guarantees: an operation either happened wholly or not at all; one that is sent again with its id happens once; `StoreUnavailable.sent`
tells whether it may have happened. Nothing here decides about calls: see carillon.call.
"""

import secrets
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from carillon.call import Call, Party, Rules
from carillon.errors import StoreError, StoreFull, StoreUnavailable
from carillon.store.commit import Commit
from carillon.store.records import (
    FORMAT,
    NOWHERE,
    Event,
    Place,
    Relayed,
    call_record,
    encode_user,
    pack,
    read_call,
    read_event,
    read_ledger,
    read_presence,
    read_reservation,
    read_session,
)
from carillon.store.results import (
    Again,
    AttachResult,
    Claimed,
    Committed,
    Conflict,
    Duplicate,
    Gap,
    Raced,
    Registered,
    RelayRefused,
    RelaySent,
    Renewed,
    Sent,
    Stale,
    Standing,
    Unregistered,
)
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
    """How long and how much is kept. TTLs in milliseconds, inbox in entries and bytes per stream."""

    live_ttl: int = 900_000
    ended_ttl: int = 4 * 3600_000
    inbox_entries: int = 256
    inbox_bytes: int = 1_048_576


class LedgerChanged(Exception):
    """Redis lost its data, or was emptied, since this pod last looked."""


class Store:
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

    @property
    def ready(self) -> bool:
        """Whether Redis time and the ledger are known."""
        return self._offset is not None

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
            timeout=timeout,
            first=True,
        )
        now, raw, lowest, pods, fresh = reply
        self._offset = now - (began + self._monotonic()) / 2 * 1e6
        ledger = read_ledger(raw)
        assert ledger is not None
        changed = ledger.id != self.ledger
        self.ledger, self.hold_until = ledger.id, ledger.hold_until
        return Renewed(ledger.id, ledger.hold_until, bool(fresh) or changed, lowest, pods)

    async def leave(self) -> None:
        await self._run("leave", self.pod)

    # ---------------------------------------------------------------- users

    async def attach(
        self,
        user_id: str,
        *,
        v1: bool,
        attach_id: str,
        session: str | None = None,
        epoch: str | None = None,
        last_seq: int | None = None,
        n: int | None = None,
        patient: bool = False,
        timeout: float | None = None,
    ) -> AttachResult | None:
        """Give the user's place to a new connection. None: what they come back to may yet be registered; try again."""
        reply = await self._run(
            "attach",
            self.ledger,
            self.pod,
            self._link.sharded_pubsub,
            encode_user(user_id),
            "v" if v1 else "r",
            attach_id,
            session or "",
            epoch or "",
            last_seq or 0,
            n or 0,
            f"{self.ledger}-{secrets.token_hex(6)}",
            secrets.token_hex(8),
            self._rules.lease,
            patient,
            timeout=timeout,
        )
        if reply[0] == b"wait":
            return None
        _, generation, at, pod, before, reservation, call, peer, has_place, owed = reply[:10]
        new_epoch, new_session, seq, counted, recovered, missed, told = reply[10:]
        return AttachResult(
            generation=generation,
            at=at,
            previous=Place(pod.decode(), before, ""),
            reservation=read_reservation(reservation),
            call=read_call(call),
            peer=_place(peer, bool(has_place)),
            owed=read_call(owed),
            epoch=new_epoch.decode(),
            session=new_session.decode(),
            seq=seq,
            n=counted,
            recovered=bool(recovered),
            missed=tuple(_entries(missed)),
            told=told,
        )

    async def detach(
        self, user_id: str, generation: int, *, lost: bool, told: int = 0, undo: Place = NOWHERE, timeout: float | None = None
    ) -> bool:
        """The connection is gone. False: it was not the user's current one any more."""
        back = (undo.pod, undo.generation) if undo.pod else ()
        reply = await self._run(
            "detach",
            self.ledger,
            self.pod,
            self._link.sharded_pubsub,
            encode_user(user_id),
            generation,
            lost,
            self._rules.grace,
            back,
            told,
            timeout=timeout,
        )
        return bool(reply[0] == b"ok")

    async def attend(self, users: Sequence[tuple[str, int, str, bool]]) -> list[Standing]:
        """How users stand: (user id, generation, call id, renew their lease in that call)."""
        reply = await self._run(
            "attend",
            self.ledger,
            self.pod,
            self._rules.lease,
            [(encode_user(user), generation, call_id, renew) for user, generation, call_id, renew in users],
            self._keeping.live_ttl,
        )
        return [self._standing(entry) for entry in reply[1:]]

    def _standing(self, entry: Sequence[Any]) -> Standing:
        call_raw, presence_raw, peer, has_place, reservation_raw, session_raw = entry
        found, presence = read_call(call_raw), read_presence(presence_raw)
        call = found if found and found.live else None
        session = read_session(session_raw)
        return Standing(
            call=call,
            generation=presence.generation if presence else 0,
            here=presence is not None and presence.ledger == self.ledger and presence.pod == self.pod,
            peer=_place(peer, bool(has_place)),
            revision=call.revision if call else read_reservation(reservation_raw).revision,
            epoch=session.epoch if session else "",
            seq=session.seq if session else 0,
        )

    async def touch(self, users: Sequence[str]) -> None:
        """Renew the TTL of idle users' keys."""
        await self._run("touch", [encode_user(user) for user in users])

    async def replay(self, user_id: str, epoch: str, last_seq: int) -> list[tuple[int, Event]] | None:
        """Inbox events above last_seq, in order; None when the inbox is another one by now."""
        reply = await self._run("replay", encode_user(user_id), epoch, last_seq)
        if reply[0] == -1:
            return None
        return _entries(reply[1])

    async def register(
        self,
        user_id: str,
        *,
        generation: int,
        v1: bool,
        attach_id: str,
        session: str,
        n: int,
        revision: int,
        call: Call | None,
    ) -> Registered | None:
        """Say again what this pod holds of a user after Redis lost it. None: they are elsewhere by now."""
        other = encode_user(call.peer_of(user_id)) if call else ""
        reply = await self._run(
            "register",
            self.ledger,
            self.pod,
            encode_user(user_id),
            generation,
            "v" if v1 else "r",
            attach_id,
            session,
            n,
            f"{self.ledger}-{secrets.token_hex(6)}",
            other,
            call.id if call else "",
            self._keeping.live_ttl if call and call.live else self._keeping.ended_ttl,
            self._rules.lease,
            self._rules.grace,
            call.ring_until if call else 0,
            revision,
            blobs=(call_record(call) if call else b"",),
        )
        if reply[0] == b"stale":
            return None
        found, clash = read_call(reply[1]), read_call(reply[5])
        return Registered(found, reply[2].decode(), _place(reply[3], bool(reply[4])), clash)

    # ---------------------------------------------------------------- calls

    async def commit(
        self, commit: Commit, *, timeout: float | None = None
    ) -> Committed | Conflict | Again | Duplicate | Gap | Stale | Unregistered | Raced:
        packed = commit.arguments(
            ledger=self.ledger,
            pod=self.pod,
            now=self.now(),
            sharded=self._link.sharded_pubsub,
            caps=(self._keeping.inbox_entries, self._keeping.inbox_bytes),
            live_ttl=self._keeping.live_ttl,
            ended_ttl=self._keeping.ended_ttl,
        )
        reply = await self._raw("commit", packed, timeout)
        match reply[0]:
            case b"ok":
                count = len(commit.outgoing)
                sent = tuple(Sent(seq, how.decode()) for seq, how in reply[2 : 2 + count])
                places = tuple(Place(pod.decode(), generation, kind.decode()) for pod, generation, kind in reply[2 + count :])
                return Committed(sent, places)
            case b"conflict":
                return self._conflict(commit, reply)
            case b"again":
                found = read_call(reply[1])
                assert found is not None
                return Again(found)
            case b"dup":
                return Duplicate(reply[1])
            case b"gap":
                return Gap(reply[1])
            case b"unregistered":
                return Unregistered()
            case b"raced":
                return Raced()
        return Stale()

    def _conflict(self, commit: Commit, reply: Sequence[Any]) -> Conflict:
        self.hold_until = max(self.hold_until, reply[1])
        named = read_call(reply[2])
        parties, places = [], []
        for subject, (presence_raw, has_place, reservation_raw, call_raw, _) in zip(commit.subjects, reply[3:], strict=True):
            presence, held = read_presence(presence_raw), read_call(call_raw)
            reservation = read_reservation(reservation_raw)
            parties.append(
                Party(
                    id=subject.user_id,
                    revision=held.revision if held else reservation.revision,
                    call=held,
                    online=bool(has_place),
                    lost_at=presence.lost_at if presence and presence.ledger == self.ledger else 0,
                )
            )
            places.append(_place(presence_raw, bool(has_place)))
        return Conflict(reply[1], named, tuple(parties), tuple(places))

    async def look(self, call_id: str) -> Call | None:
        """A call by its id, live or ended, as long as its record is kept."""
        return read_call(await self._link.command("GET", self._keys[0].removesuffix("ledger") + "c:" + call_id, timeout=self._timeout))

    async def relay(
        self,
        *,
        sender: str,
        generation: int,
        session: str,
        n: int,
        recipient: str,
        call_id: str,
        event: Relayed,
        repeated: bool,
        direct: int,
        timeout: float | None = None,
    ) -> RelaySent | Duplicate | Gap | Stale | Unregistered | RelayRefused:
        """Pass a WebRTC message on through the recipient's inbox. repeated: an earlier attempt went unanswered."""
        reply = await self._run(
            "relay",
            self.ledger,
            self.pod,
            self._link.sharded_pubsub,
            (self._keeping.inbox_entries, self._keeping.inbox_bytes),
            encode_user(sender),
            generation,
            session,
            n,
            encode_user(recipient),
            call_id,
            event.id if repeated else "",
            direct,
            blobs=(pack(event),),
            timeout=timeout,
        )
        match reply[0]:
            case b"ok":
                return RelaySent(Sent(reply[1], reply[2].decode()), Place(reply[3].decode(), reply[4], reply[5].decode()))
            case b"dup":
                return Duplicate(reply[1])
            case b"gap":
                return Gap(reply[1])
            case b"unregistered":
                return Unregistered()
            case b"refused":
                return RelayRefused(read_call(reply[1]))
        return Stale()

    async def claim(self, *, most: int, oldest_tick: int, timeout: float) -> list[Claimed]:
        """Deadlines that are due, claimed for two seconds. oldest_tick: microseconds of silence after which a hold begins."""
        reply = await self._run("claim", self.ledger, most, 2_000_000, self._rules.grace, oldest_tick, timeout=timeout)
        claimed = []
        for zset, member, score, raw in reply[1:]:
            found = read_call(raw)
            assert found is not None
            claimed.append(Claimed(zset.decode(), member.decode(), score, found))
        return claimed


def _kind(error: StoreError) -> str:
    if isinstance(error, StoreUnavailable):
        return "timeout" if error.sent else "disconnected"
    return "full" if isinstance(error, StoreFull) else "error"


def _place(raw: bytes | None, alive: bool) -> Place:
    presence = read_presence(raw)
    return Place(presence.pod, presence.generation, presence.kind) if presence and alive else NOWHERE


def _entries(raw: Sequence[Any]) -> list[tuple[int, Event]]:
    """Inbox entries of both streams in the order of their seq."""
    return sorted(((int(entry.partition(b"-")[0]), read_event(fields[1])) for entry, fields in raw), key=lambda pair: pair[0])
