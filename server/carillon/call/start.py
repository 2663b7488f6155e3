"""A call is started: it rings, waits, meets another call, or is refused."""

from msgspec.structs import replace

from carillon.call.answer import accepted
from carillon.call.commands import Start
from carillon.call.end import ended
from carillon.call.model import Alert, Call, Cause, State
from carillon.call.outcomes import Deadline, Decision, Delivery, Kind, Outcome, Refusal, Wait
from carillon.call.world import Rules, World
from carillon.errors import ErrorCode
from carillon.protocol import UserInfo


def on_start(world: World, start: Start, now: int, rules: Rules) -> Outcome:
    me, callee = world.actor, world.peer
    if world.call is not None:
        return Decision(basis=world.call.revision)
    if start.callee_id == start.caller.user_id:
        return Refusal(ErrorCode.INVALID_MESSAGE, "Cannot call yourself")
    if me.call is not None:
        return _while_in_a_call(me.call, start, now, rules)
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
        device_os=start.device_os if start.can_push else None,
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


def _while_in_a_call(current: Call, start: Start, now: int, rules: Rules) -> Outcome:
    """A start by someone whom a call already holds: opposing calls, a call they no longer know of, or plainly busy."""
    me = start.caller.user_id
    if current.state is State.RINGING and current.caller.user_id == start.callee_id:
        young = start.begun < current.created + rules.merge and now < start.begun + rules.merge
        if start.v1 and young:
            return accepted(current, start.caller, now, rules, merged=True, armed=True)
        return Refusal(ErrorCode.USER_BUSY, restate=True)
    forgotten = not start.v1 and not start.named and current.created < start.attached
    if forgotten:
        return replace(ended(current, Cause.SUPERSEDED, me, now), again=True)
    return Refusal(ErrorCode.USER_BUSY, "You are already in a call")
