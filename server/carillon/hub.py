"""The connections of this pod and what is held of their users. No I/O."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol

from carillon.call import Call, State
from carillon.errors import CloseCode
from carillon.protocol import UserInfo
from carillon.store.records import NOWHERE, Event, Head, Place


class Connection(Protocol):
    """One WebSocket of one user, as `ws` provides it. Nothing here waits."""

    expires_at: float
    """When the token expires, in Unix seconds."""

    @property
    def closed(self) -> bool: ...

    def send(self, data: bytes) -> None:
        """Queue one message; a reader too slow for it is aborted."""

    def close(self, code: CloseCode) -> None:
        """Close behind everything sent so far."""

    def probe(self) -> None:
        """Send a WebSocket ping; `answered` of the service hears of the pong."""


@dataclass(slots=True, eq=False)
class Attached:
    """A user attached to this pod: their connection and the last that was told to it.

    `revision` is that of the last message delivered, not of the last one heard of: see carillon.router.
    """

    user: UserInfo
    connection: Connection
    generation: int
    at: int
    attach_id: str
    v1: bool
    revision: int = 0
    call: Call | None = None
    peer: Place = NOWHERE
    named: bool = False
    """Whether this connection has shown that it knows of the call; only then is its attendance renewed."""
    session: str = ""
    epoch: str = ""
    seq: int = 0
    n: int = 0
    registered: str = ""
    """The ledger that knows of this connection."""
    held: list[tuple[int, int, Event, Place]] | None = None
    """(seq, revision, event, peer) that wait until what is missing before them is fetched; None: nothing is missing."""
    probed: int = 0
    """Of a reference client: revision of the accept that was told before the last probe, and of that which a pong has confirmed."""
    confirmed: int = 0
    recovered: bool = False
    """Whether a resume found all that was missed."""
    replayed: int = 0
    """How many messages that was."""
    ring_seq: int = 0
    """seq of the ring whose receipt is awaited from script."""
    relays: int = 0
    """Relays of this connection that went through Redis."""
    leased: str = ""
    """The call in which this user's attendance is known to be armed."""

    @property
    def user_id(self) -> str:
        return self.user.user_id

    @property
    def live_call(self) -> Call | None:
        return self.call if self.call is not None and self.call.live else None

    @property
    def renews(self) -> bool:
        """Whether attendance in the current call is renewed for this connection; a ringing caller's is in any case, the ring ends it."""
        call = self.live_call
        if call is None:
            return False
        return self.v1 or self.named or (call.state is State.RINGING and call.caller.user_id == self.user_id)


@dataclass(slots=True)
class Hub:
    """Who is attached here, by user id. While an attach is unanswered, frames for its user are parked."""

    pod: str
    users: dict[str, Attached] = field(default_factory=dict)
    parked: dict[str, list[tuple[Head, bytes]]] = field(default_factory=dict)
    attaching: dict[str, int] = field(default_factory=dict)
    tombstones: dict[str, Call] = field(default_factory=dict)
    """Calls that ended lately, by id: should Redis forget them, nobody may bring them back to life."""

    def __len__(self) -> int:
        return len(self.users)

    def __iter__(self) -> Iterator[Attached]:
        return iter(list(self.users.values()))

    def get(self, user_id: str) -> Attached | None:
        return self.users.get(user_id)

    def current(self, attached: Attached) -> bool:
        return self.users.get(attached.user_id) is attached

    def expect(self, user_id: str) -> None:
        """An attach of this user was asked for: park what arrives for them."""
        self.attaching[user_id] = self.attaching.get(user_id, 0) + 1

    def settle(self, user_id: str) -> list[tuple[Head, bytes]]:
        """The attach was answered, or given up: what was parked, once no other attach of the user is under way."""
        left = self.attaching.get(user_id, 1) - 1
        if left:
            self.attaching[user_id] = left
            return []
        self.attaching.pop(user_id, None)
        return self.parked.pop(user_id, [])

    def park(self, head: Head, body: bytes) -> bool:
        """Keep a frame for later; False when no attach of its user is under way."""
        if head.user_id not in self.attaching:
            return False
        self.parked.setdefault(head.user_id, []).append((head, body))
        return True

    def put(self, attached: Attached) -> Attached | None:
        """Make this the user's connection; returns the one it replaces."""
        previous = self.users.get(attached.user_id)
        self.users[attached.user_id] = attached
        return previous

    def remove(self, attached: Attached) -> bool:
        """False: another connection of this user has taken its place already."""
        if not self.current(attached):
            return False
        del self.users[attached.user_id]
        return True

    def forget_pod(self, pod: str) -> None:
        """Nobody listens on that pod's channel: nothing more is left there until a new place is heard of."""
        for attached in self.users.values():
            if attached.peer.pod == pod:
                attached.peer = NOWHERE

    def forget_calls(self, before: int) -> None:
        """Drop tombstones of calls that ended before this moment, in microseconds."""
        self.tombstones = {call.id: call for call in self.tombstones.values() if call.ended >= before}
