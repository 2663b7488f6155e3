"""The callee accepts or rejects."""

from msgspec.structs import replace

from carillon.call.commands import Accept
from carillon.call.end import ended
from carillon.call.model import Call, Cause, State
from carillon.call.outcomes import Deadline, Decision, Delivery, Kind, Outcome, Refusal
from carillon.call.world import Rules, World
from carillon.errors import ErrorCode
from carillon.protocol import UserInfo


def on_accept(world: World, accept: Accept, now: int, rules: Rules) -> Outcome:
    call = world.call
    if call is None or not call.live:
        return Refusal(ErrorCode.SESSION_NOT_FOUND)
    if call.callee.user_id != accept.user.user_id:
        return Refusal(ErrorCode.UNAUTHORIZED)
    if call.state is State.ACCEPTED:
        return Decision(basis=call.revision) if accept.v1 else Refusal(ErrorCode.INVALID_STATE)
    return accepted(call, accept.user, now, rules, merged=False, armed=accept.armed)


def accepted(call: Call, callee: UserInfo, now: int, rules: Rules, *, merged: bool, armed: bool) -> Decision:
    after = replace(call, revision=max(call.revision + 1, now), state=State.ACCEPTED, callee=callee, accepted=now)
    deliveries = [Delivery(call.caller.user_id, Kind.ACCEPTED)]
    if merged:
        deliveries.append(Delivery(callee.user_id, Kind.ACCEPTED))
    return Decision(
        call=after,
        basis=call.revision,
        deadlines=(Deadline("lease", callee.user_id, now + rules.lease),) if armed else (),
        deliveries=tuple(deliveries),
    )


def on_reject(world: World, user: UserInfo, now: int) -> Outcome:
    call = world.call
    if call is None or not call.live:
        return Refusal(ErrorCode.SESSION_NOT_FOUND)
    if call.callee.user_id != user.user_id:
        return Refusal(ErrorCode.UNAUTHORIZED)
    if call.state is not State.RINGING:
        return Refusal(ErrorCode.INVALID_STATE)
    return ended(replace(call, callee=user), Cause.REJECTED, user.user_id, now)
