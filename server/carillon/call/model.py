"""A call, and what there is to say of it."""

from enum import StrEnum

from msgspec import Struct

from carillon.protocol import UserInfo

SECOND = 1_000_000


class State(StrEnum):
    RINGING = "ringing"
    ACCEPTED = "accepted"
    ENDED = "ended"


class Cause(StrEnum):
    """Why a call ended. On the wire `reason` keeps the reference's words; the cause goes beside it to v1 clients."""

    HANGUP = "hangup"
    CANCELLED = "cancelled"
    REJECTED = "rejected"
    NO_ANSWER = "no_answer"
    LOST = "lost"
    LEFT = "left"
    SUPERSEDED = "superseded"

    @property
    def reason(self) -> str:
        return _REASONS.get(self, "ended_by_user")

    @property
    def by_person(self) -> bool:
        return self in (Cause.HANGUP, Cause.CANCELLED, Cause.REJECTED)


_REASONS = {
    Cause.NO_ANSWER: "no_answer",
    Cause.LOST: "peer_disconnected",
    Cause.LEFT: "peer_disconnected",
    Cause.SUPERSEDED: "peer_disconnected",
}


class Alert(StrEnum):
    """What is known of the callee's device: nothing yet, its app answered, a push was decided on, neither worked."""

    NONE = ""
    SOCKET = "socket"
    PUSH = "push"
    FAILED = "failed"


class Call(Struct, frozen=True, array_like=True):
    """One call as Redis keeps it. Every transition raises `revision`; `alert` and `rung` change without one."""

    id: str
    revision: int
    state: State
    caller: UserInfo
    callee: UserInfo
    """The profile is known once the callee has answered; before, the id alone."""
    created: int
    ring_until: int
    device_token: str | None = None
    device_os: str | None = None
    media: str | None = None
    data: str | None = None
    alert: Alert = Alert.NONE
    accepted: int = 0
    ended: int = 0
    cause: Cause | None = None
    ended_by: str = ""
    """Whose act or loss ended it."""
    trace: str = ""
    """W3C traceparent of the call's root span."""
    note: str = ""
    """For operators: pod, close code or lease behind the end."""
    rung: bool = False
    """A push may have reached the callee's device."""

    @property
    def live(self) -> bool:
        return self.state is not State.ENDED

    @property
    def delivered(self) -> bool:
        """Whether a provider took a push; before, it is only decided on."""
        return self.alert is Alert.PUSH and self.rung

    @property
    def users(self) -> tuple[str, str]:
        return self.caller.user_id, self.callee.user_id

    def peer_of(self, user_id: str) -> str:
        return self.callee.user_id if user_id == self.caller.user_id else self.caller.user_id

    def info_of(self, user_id: str) -> UserInfo:
        return self.caller if user_id == self.caller.user_id else self.callee
