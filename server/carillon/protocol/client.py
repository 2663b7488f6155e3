"""Messages from clients."""

from typing import Annotated, Any, ClassVar

from msgspec import Meta, Raw, Struct

from carillon.protocol.values import DATA_BYTES, DeviceToken, Media, Number, Sdp, SessionId, UserId

# ---------------------------------------------------------------- payloads, client to server


class StartPayload(Struct, frozen=True):
    callee_id: UserId
    callee_device_token: DeviceToken | None = None
    callee_os: (
        Annotated[str, Meta(max_length=32, description="`android` (FCM) or `ios` (APNs); a token without it is of no use.")] | None
    ) = None
    media: Media | None = None
    data: (
        Annotated[
            str,
            Meta(
                max_length=DATA_BYTES,
                description="Opaque to the server; given to the callee in ring and push. At most 1024 bytes of UTF-8.",
            ),
        ]
        | None
    ) = None


class SessionPayload(Struct, frozen=True):
    session_id: SessionId


class SdpPayload(Struct, frozen=True):
    session_id: SessionId
    sdp: Sdp


class IcePayload(Struct, frozen=True):
    session_id: SessionId
    candidate: Annotated[
        str | dict[str, Any] | None,
        Meta(description="The candidate line, or an object as `RTCIceCandidate.toJSON()` makes it; other fields may stand beside it."),
    ] = None


class ResumePayload(Struct, frozen=True):
    session: Annotated[str, Meta(max_length=64, description="Of the last `session.welcome`.")] | None = None
    epoch: Annotated[str, Meta(max_length=64, description="Of the last `session.welcome`.")] | None = None
    last_seq: Annotated[Number, Meta(description="The last `seq` that was dealt with.")] | None = None
    n: Annotated[Number, Meta(description="The highest `n` whose answer arrived.")] | None = None


class TokenPayload(Struct, frozen=True):
    token: Annotated[str, Meta(description="A JWT.")]


class SeqPayload(Struct, frozen=True):
    seq: Annotated[Number, Meta(description="That of the `call.ring`.")]


class PingPayload(Struct, frozen=True):
    id: Annotated[str, Meta(max_length=64, description="Comes back in the `session.pong`.")] | None = None


# ---------------------------------------------------------------- client to server


class Start(Struct, frozen=True, tag="call.start"):
    """Call somebody. With a device token the callee is woken by push when no app of theirs answers."""

    payload: StartPayload
    n: Number | None = None


class Accept(Struct, frozen=True, tag="call.accept"):
    """Accept the call that rings. Said again in the call, it changes nothing and is acknowledged."""

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
    """Ask whether a call still stands: what an app woken by a push does before it rings. A question, without `n`."""

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
    """An echo request, either way: the server's wakes a hidden page, the client's probes a socket it doubts."""

    payload: PingPayload = PingPayload()


class Pong(Struct, frozen=True, tag="session.pong"):
    """The answer to `session.ping`, with its id."""

    payload: PingPayload = PingPayload()


Relay = Offer | Answer | Ice
ClientMessage = Start | Accept | Reject | End | Check | Offer | Answer | Ice | Resume | Received | RefreshToken | Ping | Pong
