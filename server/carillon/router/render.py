"""Events as the client at hand is told of them: the reference's messages, for v1 with what v1 adds."""

from typing import cast

from msgspec import UNSET, UnsetType

from carillon.call import Alert, Call, Cause, Kind, State
from carillon.errors import ErrorCode
from carillon.protocol import (
    Accepted,
    AcceptedPayload,
    Alerting,
    AlertingPayload,
    By,
    CurrentCall,
    Ended,
    EndedPayload,
    Error,
    ErrorPayload,
    Media,
    Missed,
    MissedPayload,
    Rejected,
    RejectedPayload,
    Ring,
    Ringing,
    RingingPayload,
    RingPayload,
    Role,
    encode,
    encode_relay,
)
from carillon.store.records import FORMAT, Answered, Event, Relayed, Told


def render(event: Event, user_id: str, *, v1: bool, seq: int = 0) -> bytes | None:
    """The message for one user, or None where their client is told nothing. seq: above 0 for v1."""
    match event:
        case Relayed(name=name, payload=payload):
            return encode_relay(name, payload, seq or None)
        case Told(kind=kind, call=call):
            return _told(kind, call, user_id, v1, seq or UNSET)
        case Answered():
            payload_ = ErrorPayload(event.code, event.message, n=event.n, retry_after=event.retry_after, session_id=event.session_id)
            return encode(Error(payload_, seq=seq or UNSET))


def _told(kind: Kind, call: Call, user_id: str, v1: bool, seq: int | UnsetType) -> bytes | None:
    match kind:
        case Kind.RINGING:
            return encode(Ringing(RingingPayload(call.id, call.callee.user_id), seq=seq))
        case Kind.RING:
            expires = call.ring_until / 1e6 if v1 else None
            payload = RingPayload(call.id, call.caller.user_id, call.caller, cast("Media | None", call.media), call.data, expires)
            return encode(Ring(payload, seq=seq))
        case Kind.ACCEPTED:
            to_caller = user_id == call.caller.user_id
            info = call.callee if to_caller else call.caller
            role: Role | None = ("offer" if to_caller else "answer") if v1 else None
            return encode(Accepted(AcceptedPayload(call.id, info, role), seq=seq))
        case Kind.REJECTED:
            return encode(Rejected(RejectedPayload(call.id, call.callee), seq=seq))
        case Kind.ALERTING if v1 and call.alert is not Alert.NONE:
            return encode(Alerting(AlertingPayload(call.id, cast("By", call.alert.value)), seq=seq))
        case Kind.ENDED:
            return _ended(call, user_id, v1, seq)
    return None


def _ended(call: Call, user_id: str, v1: bool, seq: int | UnsetType) -> bytes:
    cause = call.cause or Cause.LOST
    if v1 and user_id == call.callee.user_id and not call.accepted and cause is not Cause.REJECTED:
        return encode(Missed(MissedPayload(call.id, call.caller.user_id, call.caller, cause.value), seq=seq))
    peer = call.info_of(call.ended_by) if cause.by_person and call.ended_by != user_id else None
    return encode(Ended(EndedPayload(call.id, cause.reason, peer, cause.value if v1 else None), seq=seq))


def render_error(
    code: ErrorCode,
    message: str | None = None,
    *,
    v1: bool,
    n: int | None = None,
    expected: int | None = None,
    retry_after: float | None = None,
    session_id: str | None = None,
) -> bytes:
    """An `error` message. Clients of the reference's protocol get one of its seven codes and no further field."""
    spec = code.spec
    if not v1:
        return encode(Error(ErrorPayload(spec.reference.value, message or spec.message)))
    return encode(Error(ErrorPayload(code.value, message or spec.message, n, expected, retry_after, session_id)))


def current_call(call: Call | None, user_id: str) -> CurrentCall | None:
    """The call as `session.welcome` states it."""
    if call is None or not call.live:
        return None
    return CurrentCall(
        session_id=call.id,
        state="ringing" if call.state is State.RINGING else "accepted",
        caller_id=call.caller.user_id,
        callee_id=call.callee.user_id,
        peer_info=call.info_of(call.peer_of(user_id)),
        media=cast("Media | None", call.media),
        data=call.data,
        expires_at=call.ring_until / 1e6 if call.state is State.RINGING else None,
    )


def statements(call: Call | None, owed: Call | None, user_id: str, *, known: bool) -> list[Told]:
    """What a reference client is told when it attaches: how things stand, not what it missed.

    known: it was told before that the call is accepted; a second time would make it negotiate anew.
    """
    if call is not None and call.live:
        if call.state is State.RINGING and user_id == call.callee.user_id:
            return [Told(FORMAT, Kind.RING, call)]
        if call.state is State.ACCEPTED and user_id == call.caller.user_id and not known:
            return [Told(FORMAT, Kind.ACCEPTED, call)]
        return []
    return [Told(FORMAT, Kind.ENDED, owed)] if owed is not None else []
