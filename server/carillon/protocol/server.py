"""Messages to clients."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from carillon.protocol.client import Ping, Pong
from carillon.protocol.values import DATA_BYTES, By, Media, Role, UserInfo

# ---------------------------------------------------------------- payloads, server to client


class RingingPayload(Struct, frozen=True):
    session_id: str
    callee_id: str


class RingPayload(Struct, frozen=True, omit_defaults=True):
    session_id: str
    caller_id: str
    caller_info: UserInfo | None = None
    media: Media | None = None
    data: str | None = None
    expires_at: Annotated[float, Meta(description="Unix time in seconds at which the ring ends (v1).")] | None = None


class AcceptedPayload(Struct, frozen=True, omit_defaults=True):
    session_id: str
    callee_info: UserInfo | None = None
    role: Annotated[Role, Meta(description="v1: whether you make the first offer or wait for it.")] | None = None


class RejectedPayload(Struct, frozen=True, omit_defaults=True):
    session_id: str
    callee_info: UserInfo | None = None


class EndedPayload(Struct, frozen=True, omit_defaults=True):
    session_id: str
    reason: Annotated[str, Meta(description="`ended_by_user`, `peer_disconnected` or `no_answer`.")]
    peer_info: Annotated[UserInfo | None, Meta(description="The other side, where they ended it in person.")] = None
    cause: Annotated[str, Meta(description="v1: the finer cause, see below.")] | None = None


class MissedPayload(Struct, frozen=True, omit_defaults=True):
    session_id: str
    caller_id: str
    caller_info: UserInfo | None = None
    cause: Annotated[str, Meta(description="As in `call.ended`.")] | None = None


class AlertingPayload(Struct, frozen=True):
    session_id: str
    by: Annotated[
        By,
        Meta(description="`socket`: the callee's app answered; `push`: a push was sent; `failed`: neither worked."),
    ]


class CheckResultPayload(Struct, frozen=True, omit_defaults=True):
    session_id: str
    exists: Annotated[bool, Meta(description="Whether it still stands and you take part in it.")]
    state: Annotated[str, Meta(description="`ringing` or `accepted`.")] | None = None
    caller_id: str | None = None


class ErrorPayload(Struct, frozen=True, omit_defaults=True):
    code: Annotated[str, Meta(description="One of the error codes below.")]
    message: Annotated[str, Meta(description="For people; it may change.")]
    n: Annotated[int, Meta(description="The client message this answers (v1).")] | None = None
    expected: Annotated[int, Meta(description="The next `n` the server takes (v1, `out_of_sequence`).")] | None = None
    retry_after: Annotated[float, Meta(description="Seconds after which trying again makes sense (v1).")] | None = None
    session_id: (
        Annotated[str, Meta(description="The call it is about (v1); of a refused `call.start`: the one there would have been.")] | None
    ) = None


class AckPayload(Struct, frozen=True):
    n: int


class IceServer(Struct, frozen=True, omit_defaults=True):
    """As `RTCIceServer` of WebRTC takes it."""

    urls: list[str]
    username: str | None = None
    credential: str | None = None


class CurrentCall(Struct, frozen=True, omit_defaults=True):
    """The call this user is in, as far as a client needs it to carry on."""

    session_id: str
    state: Literal["ringing", "accepted"]
    caller_id: str
    callee_id: str
    peer_info: Annotated[UserInfo | None, Meta(description="The other side; of a callee who has not answered only the id.")] = None
    media: Media | None = None
    data: str | None = None
    expires_at: Annotated[float, Meta(description="While it rings: Unix time in seconds at which the ring ends.")] | None = None


class Bounds(Struct, frozen=True):
    """What this server takes, so that a client need not find out by being refused."""

    message_bytes: Annotated[int, Meta(description="The largest message (`MAX_FRAME_BYTES`).")]
    messages_per_second: Annotated[
        float, Meta(description="What may be sent all the time, with larger bursts (`LIMIT_MESSAGES`); 0: no limit.")
    ]
    data_bytes: Annotated[int, Meta(description="The largest `data` of a `call.start`.")] = DATA_BYTES


class WelcomePayload(Struct, frozen=True, omit_defaults=True):
    session: Annotated[str, Meta(description="The client session in which `n` counts; another one: unanswered messages are void.")]
    epoch: Annotated[str, Meta(description="Names the inbox in which `seq` counts.")]
    seq: Annotated[int, Meta(description="The last `seq` before live messages begin.")]
    n: Annotated[int, Meta(description="The highest `n` the server has answered.")]
    recovered: Annotated[bool, Meta(description="True: nothing is missing. False: `call` states where things stand.")]
    user: Annotated[UserInfo, Meta(description="You, as others see you.")]
    grace: Annotated[float, Meta(description="Seconds a call waits for a lost participant.")]
    ring_timeout: Annotated[float, Meta(description="Seconds a call rings.")]
    limits: Annotated[Bounds, Meta(description="What this server takes.")]
    server_time: Annotated[float, Meta(description="Unix time of the server in seconds.")]
    call: Annotated[CurrentCall | None, Meta(description="The call you are in.")] = None
    ice_servers: Annotated[list[IceServer], Meta(description="Where `TURN_URLS` is set.")] | None = None
    expires_at: Annotated[float, Meta(description="Unix time in seconds at which the token expires.")] | None = None


class GoingAwayPayload(Struct, frozen=True, omit_defaults=True):
    reason: Annotated[str, Meta(description="`shutdown`, `outage` (this server cannot reach Redis) or `rebalance`.")]
    optional: Annotated[bool, Meta(description="True: move if another server takes you, else stay.")] = False
    within: Annotated[float, Meta(description="Move at a random moment within so many seconds.")] = 0.0


class RefreshedPayload(Struct, frozen=True):
    expires_at: Annotated[float, Meta(description="Unix time in seconds at which the newer token expires.")]


# ---------------------------------------------------------------- server to client


class Ringing(Struct, frozen=True, omit_defaults=True, tag="call.ringing"):
    """To the caller: the call exists and rings."""

    payload: RingingPayload
    seq: int | UnsetType = UNSET


class Ring(Struct, frozen=True, omit_defaults=True, tag="call.ring"):
    """To the callee: somebody calls."""

    payload: RingPayload
    seq: int | UnsetType = UNSET


class Accepted(Struct, frozen=True, omit_defaults=True, tag="call.accepted"):
    """To the caller, after a glare to both: media may be negotiated. `callee_info` is the other side's."""

    payload: AcceptedPayload
    seq: int | UnsetType = UNSET


class Rejected(Struct, frozen=True, omit_defaults=True, tag="call.rejected"):
    """To the caller: declined."""

    payload: RejectedPayload
    seq: int | UnsetType = UNSET


class Ended(Struct, frozen=True, omit_defaults=True, tag="call.ended"):
    """The call is over."""

    payload: EndedPayload
    seq: int | UnsetType = UNSET


class Missed(Struct, frozen=True, omit_defaults=True, tag="call.missed"):
    """To a v1 callee: a call rang unanswered."""

    payload: MissedPayload
    seq: int | UnsetType = UNSET


class Alerting(Struct, frozen=True, omit_defaults=True, tag="call.alerting"):
    """To a v1 caller: the callee's device really knows of the call, or cannot be reached. Never with `OFFLINE_POLICY=ring`."""

    payload: AlertingPayload
    seq: int | UnsetType = UNSET


class CheckResult(Struct, frozen=True, omit_defaults=True, tag="call.check_result"):
    """The answer to `call.check`; participants only learn that a call exists."""

    payload: CheckResultPayload
    seq: int | UnsetType = UNSET


class Error(Struct, frozen=True, omit_defaults=True, tag="error"):
    """A message was refused; the connection stays."""

    payload: ErrorPayload
    seq: int | UnsetType = UNSET


class Ack(Struct, frozen=True, tag="ack"):
    """Client message `n` is committed."""

    payload: AckPayload


class Welcome(Struct, frozen=True, tag="session.welcome"):
    """The first message to a v1 client, and again after the server's own state was lost."""

    payload: WelcomePayload


class GoingAway(Struct, frozen=True, tag="server.going_away"):
    """This server leaves, or would rather not be the one: open a socket elsewhere, resume there, then close this one."""

    payload: GoingAwayPayload


class TokenRefreshed(Struct, frozen=True, tag="token.refreshed"):
    """The newer token is taken."""

    payload: RefreshedPayload


ServerMessage = (
    Ringing
    | Ring
    | Accepted
    | Rejected
    | Ended
    | Missed
    | Alerting
    | CheckResult
    | Error
    | Ack
    | Welcome
    | GoingAway
    | TokenRefreshed
    | Ping
    | Pong
)
