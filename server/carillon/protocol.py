"""The wire protocol: every message as a type, one decoder, one encoder.

The envelope is `{type, payload, seq?, n?}` (`seq` and `n` for clients of `carillon.v1` only). WebRTC payloads are kept as the
bytes that came and leave as the same bytes, unknown fields included. `docs/protocol.md` and `docs/asyncapi.yaml` are generated
from this module: docstrings and annotations here are the documentation.
"""

from typing import Annotated, Any, ClassVar, Literal

import msgspec
from msgspec import UNSET, Meta, Raw, Struct, UnsetType

from carillon.errors import ProtocolError

SUBPROTOCOL = "carillon.v1"
BEARER_PREFIX = "bearer."
DATA_BYTES = 1024
"""Largest `data` of `call.start`, in bytes of UTF-8; it must fit a push beside everything else."""

UserId = Annotated[str, Meta(min_length=1, max_length=256, description="User id: the token's `hash` claim.")]
SessionId = Annotated[str, Meta(min_length=1, max_length=64, description="Id of the call, given by the server.")]
DeviceToken = Annotated[str, Meta(max_length=4096, description="FCM registration token or APNs VoIP token of the callee's device.")]
Sdp = Annotated[str, Meta(min_length=1, description="Session description.")]
Number = Annotated[int, Meta(ge=0, le=2**53 - 1)]
Media = Literal["audio", "video"]
Role = Literal["offer", "answer"]
By = Literal["socket", "push", "failed"]


class UserInfo(Struct, frozen=True, omit_defaults=True):
    """A user as others see them: claims of their token. Nothing here is ever fetched."""

    user_id: str
    name: str = ""
    username: str = ""
    image_profile: str = ""


# ---------------------------------------------------------------- payloads, client to server


class StartPayload(Struct, frozen=True):
    callee_id: UserId
    callee_device_token: DeviceToken | None = None
    callee_os: str | None = None
    media: Media | None = None
    data: Annotated[str, Meta(max_length=DATA_BYTES, description="Opaque to the server; given to the callee in ring and push.")] | None = (
        None
    )


class SessionPayload(Struct, frozen=True):
    session_id: SessionId


class SdpPayload(Struct, frozen=True):
    session_id: SessionId
    sdp: Sdp


class IcePayload(Struct, frozen=True):
    session_id: SessionId
    candidate: str | dict[str, Any] | None = None


class ResumePayload(Struct, frozen=True):
    session: Annotated[str, Meta(max_length=64)] | None = None
    epoch: Annotated[str, Meta(max_length=64)] | None = None
    last_seq: Number | None = None
    n: Number | None = None


class TokenPayload(Struct, frozen=True):
    token: str


class SeqPayload(Struct, frozen=True):
    seq: Number


class PingPayload(Struct, frozen=True):
    id: Annotated[str, Meta(max_length=64)] | None = None


# ---------------------------------------------------------------- client to server


class Start(Struct, frozen=True, tag="call.start"):
    """Call somebody. With a device token the callee is woken by push when no app of theirs answers."""

    payload: StartPayload
    n: Number | None = None


class Accept(Struct, frozen=True, tag="call.accept"):
    """Accept the call that rings."""

    payload: SessionPayload
    n: Number | None = None


class Reject(Struct, frozen=True, tag="call.reject"):
    """Decline the call that rings."""

    payload: SessionPayload
    n: Number | None = None


class End(Struct, frozen=True, tag="call.end"):
    """Hang up, or cancel a call that still rings."""

    payload: SessionPayload
    n: Number | None = None


class Check(Struct, frozen=True, tag="call.check"):
    """Ask whether a call still stands: what an app woken by a push does before it rings."""

    payload: SessionPayload
    n: Number | None = None


class Offer(Struct, frozen=True, tag="webrtc.offer"):
    """A session description for the peer, relayed verbatim; both ways once accepted (renegotiation, ICE restart)."""

    payload: Raw
    n: Number | None = None
    checked: ClassVar[type[Struct]] = SdpPayload


class Answer(Struct, frozen=True, tag="webrtc.answer"):
    """The answer to an offer, relayed verbatim."""

    payload: Raw
    n: Number | None = None
    checked: ClassVar[type[Struct]] = SdpPayload


class Ice(Struct, frozen=True, tag="webrtc.ice"):
    """An ICE candidate for the peer, relayed verbatim."""

    payload: Raw
    n: Number | None = None
    checked: ClassVar[type[Struct]] = IcePayload


class Resume(Struct, frozen=True, tag="session.resume"):
    """First message of a v1 client: carry on where the last socket ended. Nulls ask for a fresh session."""

    payload: ResumePayload


class Received(Struct, frozen=True, tag="received"):
    """From script, never from the WebSocket layer: this `call.ring` reached the app."""

    payload: SeqPayload


class RefreshToken(Struct, frozen=True, tag="token.refresh"):
    """A newer token of the same user."""

    payload: TokenPayload


class Ping(Struct, frozen=True, tag="session.ping"):
    """An echo request, either way; the client's probes a socket it doubts."""

    payload: PingPayload = PingPayload()


class Pong(Struct, frozen=True, tag="session.pong"):
    """The answer to `session.ping`, with its id."""

    payload: PingPayload = PingPayload()


Relay = Offer | Answer | Ice
ClientMessage = Start | Accept | Reject | End | Check | Offer | Answer | Ice | Resume | Received | RefreshToken | Ping | Pong


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
    role: Annotated[Role, Meta(description="v1, after a glare: who makes the offer.")] | None = None


class RejectedPayload(Struct, frozen=True, omit_defaults=True):
    session_id: str
    callee_info: UserInfo | None = None


class EndedPayload(Struct, frozen=True, omit_defaults=True):
    session_id: str
    reason: Annotated[str, Meta(description="`ended_by_user`, `peer_disconnected` or `no_answer`.")]
    peer_info: UserInfo | None = None
    cause: Annotated[str, Meta(description="The finer cause (v1).")] | None = None


class MissedPayload(Struct, frozen=True, omit_defaults=True):
    session_id: str
    caller_id: str
    caller_info: UserInfo | None = None
    cause: str | None = None


class AlertingPayload(Struct, frozen=True):
    session_id: str
    by: Annotated[
        By,
        Meta(description="`socket`: the callee's app answered; `push`: a push was sent; `failed`: neither worked."),
    ]


class CheckResultPayload(Struct, frozen=True, omit_defaults=True):
    session_id: str
    exists: bool
    state: str | None = None
    caller_id: str | None = None


class ErrorPayload(Struct, frozen=True, omit_defaults=True):
    code: str
    message: str
    n: Annotated[int, Meta(description="The client message this answers (v1).")] | None = None
    expected: Annotated[int, Meta(description="The next `n` the server takes (v1, `out_of_sequence`).")] | None = None
    retry_after: Annotated[float, Meta(description="Seconds after which trying again makes sense (v1).")] | None = None
    session_id: str | None = None


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
    peer_info: UserInfo | None = None
    media: Media | None = None
    data: str | None = None
    expires_at: float | None = None


class Bounds(Struct, frozen=True):
    """What this server takes, so that a client need not find out by being refused."""

    message_bytes: int
    messages_per_second: float
    data_bytes: int = DATA_BYTES


class WelcomePayload(Struct, frozen=True, omit_defaults=True):
    session: Annotated[str, Meta(description="The client session in which `n` counts; another one: unanswered messages are void.")]
    epoch: Annotated[str, Meta(description="Names the inbox in which `seq` counts.")]
    seq: Annotated[int, Meta(description="The last `seq` before live messages begin.")]
    n: Annotated[int, Meta(description="The highest `n` the server has answered.")]
    recovered: Annotated[bool, Meta(description="True: nothing is missing. False: `call` states where things stand.")]
    user: UserInfo
    grace: Annotated[float, Meta(description="Seconds a call waits for a lost participant.")]
    ring_timeout: Annotated[float, Meta(description="Seconds a call rings.")]
    limits: Bounds
    server_time: Annotated[float, Meta(description="Unix time of the server in seconds.")]
    call: CurrentCall | None = None
    ice_servers: list[IceServer] | None = None
    expires_at: Annotated[float, Meta(description="Unix time in seconds at which the token expires.")] | None = None


class GoingAwayPayload(Struct, frozen=True, omit_defaults=True):
    reason: str
    optional: Annotated[bool, Meta(description="True: move if another server takes you, else stay.")] = False
    within: Annotated[float, Meta(description="Move at a random moment within so many seconds.")] = 0.0


class RefreshedPayload(Struct, frozen=True):
    expires_at: float


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
    """To the caller (after a glare to both): media may be negotiated."""

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
    """To a v1 caller: the callee's device really knows of the call, or cannot be reached."""

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


_decoder = msgspec.json.Decoder(ClientMessage)
_checks = {message: msgspec.json.Decoder(message.checked) for message in (Offer, Answer, Ice)}
_encoder = msgspec.json.Encoder()
encode = _encoder.encode


def decode(data: bytes | str) -> ClientMessage:
    """One client message. Raises ProtocolError, whose text quotes nothing of what came."""
    try:
        message: ClientMessage = _decoder.decode(data)
        match message:
            case Start(payload=StartPayload(data=str(text))) if len(text.encode()) > DATA_BYTES:
                raise ProtocolError(f"data is longer than {DATA_BYTES} bytes")
    except ProtocolError:
        raise
    except msgspec.ValidationError as error:
        text = str(error)
        raise ProtocolError("Unknown message type" if text.startswith("Invalid value") else text) from None
    except (msgspec.DecodeError, RecursionError, ValueError):
        raise ProtocolError("Invalid message format") from None
    return message


def relay_session(message: Offer | Answer | Ice) -> str:
    """The session a WebRTC message belongs to. Raises ProtocolError when the payload is not of its type's shape."""
    try:
        checked: Any = _checks[type(message)].decode(message.payload)
    except msgspec.ValidationError as error:
        raise ProtocolError(str(error)) from None
    except (msgspec.DecodeError, RecursionError, ValueError):
        raise ProtocolError("Invalid payload") from None
    session_id: str = checked.session_id
    return session_id


def encode_relay(name: str, payload: bytes, seq: int | None = None) -> bytes:
    """A relayed message: the payload's bytes untouched inside a fresh envelope."""
    if seq is None:
        return b'{"type":"%b","payload":%b}' % (name.encode(), payload)
    return b'{"type":"%b","payload":%b,"seq":%d}' % (name.encode(), payload, seq)
