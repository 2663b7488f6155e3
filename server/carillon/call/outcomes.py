"""What follows from a command."""

from enum import StrEnum

from msgspec import Struct

from carillon.call.model import Call
from carillon.errors import ErrorCode


class Kind(StrEnum):
    """What a delivery tells its user; the delivering pod renders it for the client at hand."""

    RINGING = "ringing"
    RING = "ring"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    ENDED = "ended"
    ALERTING = "alerting"


class Delivery(Struct, frozen=True):
    user_id: str
    kind: Kind


class Deadline(Struct, frozen=True):
    kind: str
    user_id: str
    at: int


class Decision(Struct, frozen=True):
    """What to commit. `call` None: nothing is written."""

    call: Call | None = None
    basis: int = 0
    """The revision the named call must have now; 0: it must not exist."""
    reserve: bool = False
    release: bool = False
    owed: str = ""
    """The user to whom a reference-protocol `call.ended` is owed at their next attach."""
    online: bool = False
    """The callee must have a place."""
    deadlines: tuple[Deadline, ...] = ()
    drop: tuple[Deadline, ...] = ()
    deliveries: tuple[Delivery, ...] = ()
    push: str = ""
    """`ring` or `cancel`: a push that the committing pod sends once this is committed."""
    again: bool = False
    """This clears the way; decide the same command anew once it is committed."""


class Refusal(Struct, frozen=True):
    code: ErrorCode
    message: str | None = None
    restate: bool = False
    """Tell the refused user of the call that rings for them."""


class Wait(Struct, frozen=True):
    """The callee's socket was lost a moment ago: judge when it is back, at the latest at `until`."""

    until: int


class Found(Struct, frozen=True):
    """The answer to `Check`. None: no such call, or none of theirs."""

    call: Call | None


Outcome = Decision | Refusal | Wait | Found
