"""What a decision rests on: beliefs of two users and a call, and the rules."""

from msgspec import Struct

from carillon.call.model import SECOND, Call


class Party(Struct, frozen=True):
    """What is believed of a user. Defaults: a free user who has a place."""

    id: str
    revision: int = 0
    call: Call | None = None
    """The live call that holds their reservation."""
    online: bool = True
    lost_at: int = 0
    """When the last connection was lost (not left); 0 while there is one, or none was lost."""


class World(Struct, frozen=True):
    """What a decision rests on."""

    actor: Party
    peer: Party
    call: Call | None = None
    """The call that the command names."""


class Rules(Struct, frozen=True):
    """Durations in microseconds and choices that decisions depend on."""

    ring: int = 60 * SECOND
    grace: int = 30 * SECOND
    lease: int = 40 * SECOND
    confirm: int = 1_500_000
    merge: int = 5 * SECOND
    reattach: int = 5 * SECOND
    push_retry: int = 10 * SECOND
    hide_offline: bool = False
