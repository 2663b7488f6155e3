"""What the scripts answer, as types."""

from dataclasses import dataclass

from carillon.call import Call, Party
from carillon.store.records import Event, Place, Reservation


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of one delivery. seq: its place in a v1 inbox, else 0. how: `direct` (this pod delivers), `sent`, `none`."""

    seq: int
    how: str


@dataclass(frozen=True, slots=True)
class Committed:
    deliveries: tuple[Sent, ...]
    places: tuple[Place, ...]
    """Where the users of the commit are, in its order."""


@dataclass(frozen=True, slots=True)
class Conflict:
    """The belief was wrong; this is the truth. Parties in the order of the commit's users."""

    hold_until: int
    call: Call | None
    parties: tuple[Party, ...]
    places: tuple[Place, ...]


@dataclass(frozen=True, slots=True)
class Again:
    """This very commit was made before; its answer was lost."""

    call: Call


@dataclass(frozen=True, slots=True)
class Duplicate:
    n: int


@dataclass(frozen=True, slots=True)
class Gap:
    n: int


class Stale:
    """The connection is no longer its user's current one."""


class Unregistered:
    """Redis does not know this connection (yet): register, then send again."""


class Raced:
    """The claimed deadline was renewed, or done by another pod."""


@dataclass(frozen=True, slots=True)
class RelaySent:
    sent: Sent
    place: Place


@dataclass(frozen=True, slots=True)
class RelayRefused:
    call: Call | None


@dataclass(frozen=True, slots=True)
class AttachResult:
    """generation, and what stands: the previous place to be kicked, the call, for v1 what was missed (in order, with its seq)."""

    generation: int
    at: int
    previous: Place
    reservation: Reservation
    call: Call | None
    peer: Place
    owed: Call | None
    epoch: str
    session: str
    seq: int
    n: int
    recovered: bool
    missed: tuple[tuple[int, Event], ...]
    told: int
    """Revision of the accept that the client is known to have been told of; -1: its pod died with it, or it still stands: younger than a
    grace it may not have come."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How one user's affairs stand in Redis. revision: of their call, or that they were freed at."""

    call: Call | None
    generation: int
    here: bool
    placed: bool
    """Whether their latest connection is on a pod that lives, this one or another."""
    peer: Place
    revision: int
    holds: str
    """Id of the call that their reservation names; its record may be gone."""
    epoch: str
    seq: int


@dataclass(frozen=True, slots=True)
class Claimed:
    """A deadline: what it is of whom, and by what it is known in Redis."""

    kind: str
    call: Call
    user_id: str
    zset: str
    member: str
    score: int
    """That of the claim."""
    due: int
    """When it was to fire, the hold of leases ended, or the claim before this one did; microseconds."""


@dataclass(frozen=True, slots=True)
class Renewed:
    """A pod lease renewal: the ledger as it is now, and the oldest record format a live pod writes."""

    ledger: str
    hold_until: int
    fresh: bool
    """This renewal began the ledger or learned of a new one."""
    format: int
    pods: int
    connections: int
    """Of all live pods."""


@dataclass(frozen=True, slots=True)
class Registered:
    call: Call | None
    epoch: str
    peer: Place
    clash: Call | None


@dataclass(frozen=True, slots=True)
class Superseded:
    """A later connection of the user has taken the place."""

    elsewhere: bool
    """Whether that one still has it; else it is empty."""
