"""A call ends: by a person, by an app that leaves in order, or because nobody is there any more."""

from msgspec.structs import replace

from carillon.call.commands import End, Recall
from carillon.call.model import Alert, Call, Cause, State
from carillon.call.outcomes import Decision, Delivery, Found, Kind, Outcome, Refusal
from carillon.call.world import World
from carillon.errors import ErrorCode


def on_end(world: World, end: End, now: int) -> Outcome:
    call, user_id = world.call, end.user.user_id
    if call is None or not call.live:
        return Refusal(ErrorCode.SESSION_NOT_FOUND)
    if user_id not in call.users:
        return Refusal(ErrorCode.UNAUTHORIZED)
    if user_id == call.callee.user_id:
        call = replace(call, callee=end.user)
    if end.left:
        cause = Cause.LEFT
    elif call.state is State.ACCEPTED:
        cause = Cause.HANGUP
    else:
        cause = Cause.CANCELLED if user_id == call.caller.user_id else Cause.REJECTED
    kind = Kind.ENDED if cause is Cause.REJECTED else None
    decision = ended(call, cause, user_id, now, note=end.note, kind=kind)
    if end.given_up:
        decision = replace(decision, deliveries=(*decision.deliveries, Delivery(user_id, Kind.ENDED)))
    return decision


def on_recall(world: World, recall: Recall) -> Outcome:
    known, tombstone = world.call, recall.call
    if known is None:
        return Decision(call=tombstone)
    if not known.live:
        return Found(known)
    return Decision(
        call=replace(tombstone, revision=max(known.revision + 1, tombstone.revision)),
        basis=known.revision,
        release=True,
        owed="*",
        deliveries=tuple(Delivery(user, Kind.ENDED) for user in known.users),
    )


def ended(call: Call, cause: Cause, by: str, now: int, *, note: str = "", kind: Kind | None = None) -> Decision:
    """End `call`. Who acted is told nothing more; the other is, both are when nobody acted."""
    after = replace(call, revision=max(call.revision + 1, now), state=State.ENDED, ended=now, cause=cause, ended_by=by, note=note)
    acted = cause.by_person or cause in (Cause.LEFT, Cause.SUPERSEDED)
    told = [call.peer_of(by)] if acted else list(call.users)
    kind = kind or (Kind.REJECTED if cause is Cause.REJECTED else Kind.ENDED)
    return Decision(
        call=after,
        basis=call.revision,
        release=True,
        owed=call.peer_of(by) if acted or cause is Cause.LOST else "*",
        deliveries=tuple(Delivery(user, kind) for user in told),
        push="cancel" if _missed(after) and _pushed(after) else "",
    )


def cancel_is_owed(call: Call) -> bool:
    """Whether a push that arrived must be taken back by whoever sent it: who ended the call knew of none, as far as the record says.

    An app whose socket has answered hears of the end there.
    """
    return not call.live and _missed(call) and not _pushed(call) and call.alert is not Alert.SOCKET


def _missed(ended: Call) -> bool:
    return not ended.accepted and ended.cause is not Cause.REJECTED


def _pushed(call: Call) -> bool:
    """Whether a phone may ring by push, as far as this record knows."""
    return call.alert is Alert.PUSH or (call.alert is Alert.FAILED and call.rung)
