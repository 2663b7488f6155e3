"""Users: their place, their inbox, how they stand, and their registration after Redis lost its data."""

import secrets
from collections.abc import Sequence
from typing import Any

from carillon.call import Alert, Call, Deadline, State
from carillon.store.cell import Cell
from carillon.store.commit import member_of
from carillon.store.records import (
    Event,
    Place,
    call_record,
    encode_user,
    read_call,
    read_event,
    read_place,
    read_presence,
    read_reservation,
    read_session,
)
from carillon.store.results import AttachResult, Registered, Standing, Superseded

NEVER_CAME = -1
"""In place of the revision told on a connection."""


class Users(Cell):
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
        again: int = 0,
        timeout: float | None = None,
    ) -> AttachResult | Superseded | None:
        """Give the user's place to a new connection, or back to that of generation `again`, unless a later one has it by now.

        None: what they come back to may yet be registered; try again.
        """
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
            self._rules.lease,
            patient,
            again,
            timeout=timeout,
        )
        if reply[0] == b"wait":
            return None
        if reply[0] == b"stale":
            return Superseded(elsewhere=True)
        _, generation, at, pod, before, reservation, call, peer, has_place, owed = reply[:10]
        new_epoch, new_session, seq, counted, recovered, missed, told = reply[10:]
        return AttachResult(
            generation=generation,
            at=at,
            previous=Place(pod.decode(), before, ""),
            reservation=read_reservation(reservation),
            call=read_call(call),
            peer=read_place(peer, bool(has_place)),
            owed=read_call(owed),
            epoch=new_epoch.decode(),
            session=new_session.decode(),
            seq=seq,
            n=counted,
            recovered=bool(recovered),
            missed=tuple(_entries(missed)),
            told=told,
        )

    async def detach(self, user_id: str, generation: int, *, lost: bool, told: int = 0, timeout: float | None = None) -> bool:
        """The connection is gone. False: it was not the user's current one any more."""
        return await self._detach(user_id, generation, lost, "", told, timeout)

    async def undo(self, user_id: str, *, generation: int = 0, attach_id: str = "", timeout: float | None = None) -> bool:
        """A connection that has the place, by either name, is not there: who had it before takes it back. False: it has it no more."""
        return await self._detach(user_id, generation, True, attach_id, NEVER_CAME, timeout)

    async def _detach(self, user_id: str, generation: int, lost: bool, attach_id: str, told: int, timeout: float | None) -> bool:
        reply = await self._run(
            "detach",
            self.ledger,
            self.pod,
            self._link.sharded_pubsub,
            encode_user(user_id),
            generation,
            lost,
            self._rules.grace,
            attach_id,
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
        call_raw, presence_raw, placed, peer, has_place, reservation_raw, session_raw = entry
        found, presence = read_call(call_raw), read_presence(presence_raw)
        call = found if found and found.live else None
        session, reservation = read_session(session_raw), read_reservation(reservation_raw)
        return Standing(
            call=call,
            generation=presence.generation if presence else 0,
            here=presence is not None and presence.ledger == self.ledger and presence.pod == self.pod,
            placed=bool(placed),
            peer=read_place(peer, bool(has_place)),
            revision=call.revision if call else reservation.revision,
            holds=reservation.call_id,
            epoch=session.epoch if session else "",
            seq=session.seq if session else 0,
        )

    async def touch(self, users: Sequence[str]) -> None:
        """Renew the TTL of idle users' keys."""
        await self._run("touch", [encode_user(user) for user in users])

    async def replay(self, user_id: str, epoch: str, last_seq: int) -> tuple[int, list[tuple[int, Event]]] | None:
        """The inbox's last seq and what is kept of it above last_seq, in order; None when the inbox is another one by now."""
        reply = await self._run("replay", encode_user(user_id), epoch, last_seq)
        if reply[0] == -1:
            return None
        return reply[0], _entries(reply[1])

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
    ) -> Registered | Superseded:
        """Say again what this pod holds of a user after Redis lost it."""
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
            self._link.sharded_pubsub,
            self._push_deadline(call) if call else (),
            blobs=(call_record(call) if call else b"",),
        )
        if reply[0] == b"stale":
            return Superseded(bool(reply[1]))
        found, clash = read_call(reply[1]), read_call(reply[5])
        return Registered(found, reply[2].decode(), read_place(reply[3], bool(reply[4])), clash)

    def _push_deadline(self, call: Call) -> tuple[str, int] | tuple[()]:
        """A ring that no device has answered yet is confirmed, or pushed again."""
        if call.state is not State.RINGING or not call.device_token or call.alert not in (Alert.NONE, Alert.PUSH):
            return ()
        kind, after = ("push", self._rules.push_retry) if call.alert is Alert.PUSH else ("confirm", self._rules.confirm)
        return member_of(call.id, Deadline(kind, "", 0)), self.now() + after


def _entries(raw: Sequence[Any]) -> list[tuple[int, Event]]:
    """Inbox entries of both streams in the order of their seq."""
    return sorted(((int(entry.partition(b"-")[0]), read_event(fields[1])) for entry, fields in raw), key=lambda pair: pair[0])
