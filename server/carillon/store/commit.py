"""One decision as the commit script takes it."""

from dataclasses import dataclass, field

from carillon.call import Deadline, Decision
from carillon.store.records import Event, decode_user, encode_user, pack

ANY = -1
FREE = -2
HELD_KINDS = ("ring", "lease")
CALLER, CALLEE, SWEEPER = 1, 2, 3


@dataclass(frozen=True, slots=True)
class Subject:
    """A user of a commit. generation: checked where above 0. revision: the one they must have, or ANY, or FREE."""

    user_id: str
    generation: int = 0
    revision: int = ANY


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A delivery. direct: the generation of a connection of this pod that may be told without the channel; 0: none."""

    subject: int
    event: Event
    revision: int
    direct: int = 0


@dataclass(slots=True)
class Commit:
    id: str
    """Random; sent again unchanged when no answer comes."""
    subjects: tuple[Subject, ...]
    call_id: str = ""
    basis: int = ANY
    """Revision the call must have; 0: it must not exist."""
    actor: int = 0
    """CALLER, CALLEE or SWEEPER: whose last commit id the call keeps."""
    decision: Decision = field(default_factory=Decision)
    number: tuple[int, str, int] | None = None
    """(subject, client session, n) of the v1 message that this answers."""
    claim: tuple[str, str, int] | None = None
    outgoing: tuple[Outgoing, ...] = ()
    gently: bool = False

    def arguments(
        self, *, ledger: str, pod: str, now: int, sharded: bool, caps: tuple[int, int], live_ttl: int, ended_ttl: int
    ) -> list[bytes]:
        """The script's ARGV; TTLs in milliseconds."""
        decision, call = self.decision, self.decision.call
        order = {subject.user_id: place for place, subject in enumerate(self.subjects, 1)}
        header: tuple[int | str, ...] = ()
        reservations = []
        if call:
            caller, callee = call.users
            header = (call.revision, call.state.value, encode_user(caller), encode_user(callee))
            if decision.reserve:
                reservations = [(order[user], call.id, call.revision, "") for user in call.users]
            elif decision.release:
                for user in call.users:
                    owed = call.id if decision.owed in ("*", user) else ""
                    reservations.append((order[user], "", call.revision, owed))
        packed = pack(
            (
                ledger,
                pod,
                self.id,
                self.actor,
                now,
                sharded,
                caps,
                [(encode_user(subject.user_id), subject.generation, subject.revision) for subject in self.subjects],
                self.call_id,
                self.basis,
                order[call.callee.user_id] if call and decision.online else 0,
                self.number or (),
                self.claim or (),
                header,
                live_ttl if call and call.live else ended_ttl,
                reservations,
                [(zset(deadline), member_of(self.call_id, deadline), deadline.at) for deadline in decision.deadlines],
                [(zset(deadline), member_of(self.call_id, deadline)) for deadline in decision.drop],
                [(out.subject, out.direct, out.revision) for out in self.outgoing],
                self.gently,
                call.revision if call else 0,
            )
        )
        return [packed, pack(call) if call else b"", *(pack(out.event) for out in self.outgoing)]


def zset(deadline: Deadline) -> str:
    """The set a deadline stands in: `d` stops while a hold lasts, `h` does not."""
    return "d" if deadline.kind in HELD_KINDS else "h"


def member_of(call_id: str, deadline: Deadline) -> str:
    """A deadline's name in Redis."""
    return f"{deadline.kind[0]}:{call_id}:{encode_user(deadline.user_id)}"


def parse_member(member: str) -> tuple[str, str, str]:
    """(kind, call id, user id) of a deadline's name in Redis. Raises ValueError or KeyError for anything else."""
    letter, call_id, user = member.split(":", 2)
    return {"r": "ring", "l": "lease", "c": "confirm", "p": "push"}[letter], call_id, decode_user(user)
