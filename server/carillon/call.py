"""The call engine: who may do what to a call, and what follows. Pure: values in, values out, the clock passed in.

A pod decides on what it believes of the two users and the call (`World`); the store checks that belief when it commits and, where
it was wrong, gives the truth back, upon which the pod decides again. A belief that turns out true needs no read.

    ringing ──accept──▶ accepted ──end, lost──▶ ended
       └──reject, cancel, no answer, lost──────▶ ended

All times are microseconds of Redis time (Unix epoch) unless a name says otherwise.
"""

from enum import StrEnum
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from carillon.errors import ErrorCode
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
    """One call as Redis keeps it. Every transition raises `revision`; `alert` changes without one."""

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

    @property
    def live(self) -> bool:
        return self.state is not State.ENDED

    @property
    def users(self) -> tuple[str, str]:
        return self.caller.user_id, self.callee.user_id

    def peer_of(self, user_id: str) -> str:
        return self.callee.user_id if user_id == self.caller.user_id else self.caller.user_id

    def info_of(self, user_id: str) -> UserInfo:
        return self.caller if user_id == self.caller.user_id else self.callee


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


# ---------------------------------------------------------------- commands


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


Command = Start | Accept | Reject | End | Check | Expire | Report


# ---------------------------------------------------------------- decisions


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


def decide(world: World, command: Command, now: int, rules: Rules) -> Outcome:
    match command:
        case Start():
            return _start(world, command, now, rules)
        case Accept():
            return _accept(world, command, now, rules)
        case Reject(user):
            return _answer(world, user, now, Cause.REJECTED)
        case End():
            return _end(world, command, now)
        case Check(user_id):
            known = world.call is not None and world.call.live and user_id in world.call.users
            return Found(world.call if known else None)
        case Expire():
            return _expire(world, command, now, rules)
        case Report(alert):
            return _report(world, alert)


def _start(world: World, start: Start, now: int, rules: Rules) -> Outcome:
    me, callee = world.actor, world.peer
    if world.call is not None:
        return Decision(basis=world.call.revision)
    if start.callee_id == start.caller.user_id:
        return Refusal(ErrorCode.INVALID_MESSAGE, "Cannot call yourself")
    if me.call is not None:
        return _start_while_in(me.call, start, now, rules)
    if callee.call is not None:
        return Refusal(ErrorCode.USER_BUSY)
    if not callee.online and callee.lost_at and now < callee.lost_at + rules.reattach:
        return Wait(callee.lost_at + rules.reattach)
    push = start.can_push and not callee.online
    if not callee.online and not push and not rules.hide_offline:
        return Refusal(ErrorCode.USER_OFFLINE)
    call = Call(
        id=start.call_id,
        revision=max(me.revision + 1, callee.revision + 1, now),
        state=State.RINGING,
        caller=start.caller,
        callee=UserInfo(start.callee_id),
        created=now,
        ring_until=now + rules.ring,
        device_token=start.device_token if start.can_push else None,
        device_os=start.device_os,
        media=start.media,
        data=start.data,
        alert=Alert.PUSH if push else Alert.NONE,
        trace=start.trace,
    )
    deadlines = [Deadline("ring", "", call.ring_until), Deadline("lease", me.id, now + rules.lease)]
    if callee.online:
        deadlines.append(Deadline("lease", callee.id, now + rules.lease))
        if start.can_push or start.v1:
            deadlines.append(Deadline("confirm", "", now + rules.confirm))
    elif push:
        deadlines.append(Deadline("push", "", now + rules.push_retry))
    deliveries = [Delivery(me.id, Kind.RINGING)]
    if callee.online:
        deliveries.append(Delivery(callee.id, Kind.RING))
    return Decision(
        call=call,
        reserve=True,
        online=callee.online,
        deadlines=tuple(deadlines),
        deliveries=tuple(deliveries),
        push="ring" if push else "",
    )


def _start_while_in(current: Call, start: Start, now: int, rules: Rules) -> Outcome:
    """A start by someone whom a call already holds: opposing calls, a call they no longer know of, or plainly busy."""
    me = start.caller.user_id
    if current.state is State.RINGING and current.caller.user_id == start.callee_id:
        young = start.begun < current.created + rules.merge and now < start.begun + rules.merge
        if start.v1 and young:
            return _accepted(current, start.caller, now, rules, merged=True, armed=True)
        return Refusal(ErrorCode.USER_BUSY, restate=True)
    forgotten = not start.v1 and not start.named and current.created < start.attached
    if forgotten:
        ended = _ended(current, Cause.SUPERSEDED, me, now)
        return replace(ended, again=True)
    return Refusal(ErrorCode.USER_BUSY, "You are already in a call")


def _accept(world: World, accept: Accept, now: int, rules: Rules) -> Outcome:
    call = world.call
    if call is None or not call.live:
        return Refusal(ErrorCode.SESSION_NOT_FOUND)
    if call.callee.user_id != accept.user.user_id:
        return Refusal(ErrorCode.UNAUTHORIZED)
    if call.state is State.ACCEPTED:
        return Decision(basis=call.revision) if accept.v1 else Refusal(ErrorCode.INVALID_STATE)
    return _accepted(call, accept.user, now, rules, merged=False, armed=accept.armed)


def _accepted(call: Call, callee: UserInfo, now: int, rules: Rules, *, merged: bool, armed: bool) -> Decision:
    accepted = replace(call, revision=max(call.revision + 1, now), state=State.ACCEPTED, callee=callee, accepted=now)
    deliveries = [Delivery(call.caller.user_id, Kind.ACCEPTED)]
    if merged:
        deliveries.append(Delivery(callee.user_id, Kind.ACCEPTED))
    return Decision(
        call=accepted,
        basis=call.revision,
        deadlines=(Deadline("lease", callee.user_id, now + rules.lease),) if armed else (),
        deliveries=tuple(deliveries),
    )


def _answer(world: World, user: UserInfo, now: int, cause: Cause) -> Outcome:
    call = world.call
    if call is None or not call.live:
        return Refusal(ErrorCode.SESSION_NOT_FOUND)
    if call.callee.user_id != user.user_id:
        return Refusal(ErrorCode.UNAUTHORIZED)
    if call.state is not State.RINGING:
        return Refusal(ErrorCode.INVALID_STATE)
    return _ended(replace(call, callee=user), cause, user.user_id, now)


def _end(world: World, end: End, now: int) -> Outcome:
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
    return _ended(call, cause, user_id, now, note=end.note, kind=kind)


def _ended(call: Call, cause: Cause, by: str, now: int, *, note: str = "", kind: Kind | None = None) -> Decision:
    """End `call`. Who acted is told nothing more; the other is, both are when nobody acted."""
    ended = replace(call, revision=max(call.revision + 1, now), state=State.ENDED, ended=now, cause=cause, ended_by=by, note=note)
    acted = cause.by_person or cause in (Cause.LEFT, Cause.SUPERSEDED)
    told = [call.peer_of(by)] if acted else list(call.users)
    kind = kind or (Kind.REJECTED if cause is Cause.REJECTED else Kind.ENDED)
    unanswered_push = call.state is State.RINGING and call.alert is Alert.PUSH and cause is not Cause.REJECTED
    return Decision(
        call=ended,
        basis=call.revision,
        release=True,
        owed=call.peer_of(by) if acted or cause is Cause.LOST else "*",
        deliveries=tuple(Delivery(user, kind) for user in told),
        push="cancel" if unanswered_push else "",
    )


def _expire(world: World, expire: Expire, now: int, rules: Rules) -> Outcome:
    """Every claimed deadline is either acted upon or dropped, for good, by one commit."""
    call = world.call
    this = Deadline(expire.kind, expire.user_id, 0)
    if call is None or not call.live:
        return Decision(basis=call.revision if call else 0, drop=(this,))
    drop = Decision(basis=call.revision, drop=(this,))
    ringing = call.state is State.RINGING
    match expire.kind:
        case "ring" if ringing:
            return replace(_ended(call, Cause.NO_ANSWER, "", now, note=expire.note), drop=(this,))
        case "lease" if expire.user_id in call.users and not (ringing and expire.user_id == call.callee.user_id):
            lost = _ended(call, Cause.LOST, expire.user_id, now, note=expire.note)
            return replace(lost, drop=(this,), owed="*")
        case "confirm" if ringing and call.alert is Alert.NONE and call.device_token:
            retry = Deadline("push", "", now + rules.push_retry)
            return replace(drop, call=replace(call, alert=Alert.PUSH), deadlines=(retry,), push="ring")
        case "confirm" if ringing and call.alert is Alert.NONE:
            return _told(call, Alert.FAILED, drop)
        case "push" if ringing and call.alert is Alert.PUSH:
            return Decision(basis=call.revision, call=call, deadlines=(Deadline("push", "", now + rules.push_retry),), push="ring")
    return drop


def _report(world: World, alert: Alert) -> Outcome:
    call = world.call
    if call is None or call.state is not State.RINGING or call.alert is Alert.SOCKET:
        return Found(None)
    settled = (Deadline("confirm", "", 0), Deadline("push", "", 0))
    return _told(call, alert, Decision(basis=call.revision, drop=settled))


def _told(call: Call, alert: Alert, decision: Decision) -> Decision:
    told = Delivery(call.caller.user_id, Kind.ALERTING)
    changes: dict[str, Any] = {"call": replace(call, alert=alert), "deliveries": (told,)}
    return replace(decision, **changes)
