"""Calls: what is decided of them, what passes within them, and their deadlines."""

import logging
from collections.abc import Sequence
from typing import Any

import msgspec

from carillon.call import Call, Party
from carillon.store.cell import Cell
from carillon.store.commit import Commit, parse_member
from carillon.store.records import Place, Relayed, encode_user, pack, read_call, read_place, read_presence, read_reservation
from carillon.store.results import (
    Again,
    Claimed,
    Committed,
    Conflict,
    Duplicate,
    Gap,
    Raced,
    RelayRefused,
    RelaySent,
    Sent,
    Stale,
    Unregistered,
)

log = logging.getLogger(__name__)


class Calls(Cell):
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
        self.hold_until, self.unsaid_until = max(self.hold_until, reply[1]), max(self.unsaid_until, reply[2])
        named = read_call(reply[3])
        parties, places = [], []
        for subject, (presence_raw, has_place, reservation_raw, call_raw, _) in zip(commit.subjects, reply[4:], strict=True):
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
            places.append(read_place(presence_raw, bool(has_place)))
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
        number: tuple[int, int] | None,
        repeated: bool,
        direct: int,
        timeout: float | None = None,
    ) -> RelaySent | Duplicate | Gap | Stale | Unregistered | RelayRefused:
        """Pass a WebRTC message on through the recipient's inbox.

        number: (when the sender's connection attached, count of its relays), by which repetitions are known that bear no `n`; None for v1.
        repeated: an earlier attempt went unanswered.
        """
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
            number or (),
            repeated,
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
        for zset, member, score, raw, due in reply[1:]:
            try:
                kind, _, user_id = parse_member(member.decode())
                found = read_call(raw)
            except (ValueError, KeyError, msgspec.DecodeError):
                log.warning("a deadline is left to a newer release", extra={"member": member.decode(errors="replace")[:1]})
                continue
            assert found is not None
            held = self.hold_until if zset == b"d" else 0
            claimed.append(Claimed(kind, found, user_id, zset.decode(), member.decode(), score, max(int(float(due)), held)))
        return claimed
