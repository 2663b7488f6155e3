"""What can be asked of a call, by persons, deadlines and devices."""

from msgspec import Struct

from carillon.call.model import Alert, Call
from carillon.protocol import UserInfo


class Start(Struct, frozen=True):
    call_id: str
    caller: UserInfo
    callee_id: str
    begun: int
    v1: bool = False
    attached: int = 0
    """When the caller's connection attached."""
    named: bool = False
    """Whether this connection has named its current call (reference clients that reconnected may not know of it)."""
    device_token: str | None = None
    device_os: str | None = None
    can_push: bool = False
    media: str | None = None
    data: str | None = None
    trace: str = ""


class Accept(Struct, frozen=True):
    user: UserInfo
    v1: bool = False
    armed: bool = True
    """Whether a lease is armed for the callee by this commit (it was not before)."""


class Reject(Struct, frozen=True):
    user: UserInfo


class End(Struct, frozen=True):
    """A person hangs up or cancels; with `left`, their app closed the socket in order."""

    user: UserInfo
    left: bool = False
    note: str = ""
    given_up: bool = False
    """The caller's app was told that the start failed; as it may have heard of the call since, it is told of the end too."""


class Check(Struct, frozen=True):
    user_id: str


class Expire(Struct, frozen=True):
    """A deadline was claimed: `ring`, `lease` of a user, `confirm` of the ring, or `push` to be tried again."""

    kind: str
    user_id: str = ""
    note: str = ""


class Report(Struct, frozen=True):
    """The callee's device answered the ring, or a push was sent or failed for good."""

    alert: Alert
    may_have_arrived: bool = False
    """Whether a push may have reached the device: an attempt that timed out may have, and the next one be refused."""


class Recall(Struct, frozen=True):
    """Redis lost its data, and a pod remembers how a call ended: an ended call stays ended, whoever says that it lives."""

    call: Call


Command = Start | Accept | Reject | End | Check | Expire | Report | Recall
