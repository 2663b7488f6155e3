"""Deadlines fall due, and the callee's device answers the ring or does not."""

from typing import Any

from msgspec.structs import replace

from carillon.call.commands import Expire, Report
from carillon.call.end import ended
from carillon.call.model import Alert, Call, Cause, State
from carillon.call.outcomes import Deadline, Decision, Delivery, Found, Kind, Outcome
from carillon.call.world import Rules, World


def on_expire(world: World, expire: Expire, now: int, rules: Rules) -> Outcome:
    """Every claimed deadline is either acted upon or dropped, for good, by one commit."""
    call = world.call
    this = Deadline(expire.kind, expire.user_id, 0)
    if call is None or not call.live:
        return Decision(basis=call.revision if call else 0, drop=(this,))
    drop = Decision(basis=call.revision, drop=(this,))
    ringing = call.state is State.RINGING
    match expire.kind:
        case "ring" if ringing:
            return replace(ended(call, Cause.NO_ANSWER, "", now, note=expire.note), drop=(this,))
        case "lease" if expire.user_id in call.users and not (ringing and expire.user_id == call.callee.user_id):
            lost = ended(call, Cause.LOST, expire.user_id, now, note=expire.note)
            return replace(lost, drop=(this,), owed="*")
        case "confirm" if ringing and call.alert is Alert.NONE and call.device_token:
            retry = Deadline("push", "", now + rules.push_retry)
            return replace(drop, call=replace(call, alert=Alert.PUSH), deadlines=(retry,), push="ring")
        case "confirm" if ringing and call.alert is Alert.NONE:
            return _told(call, Alert.FAILED, drop, rules)
        case "push" if ringing and call.alert is Alert.PUSH:
            return Decision(basis=call.revision, call=call, deadlines=(Deadline("push", "", now + rules.push_retry),), push="ring")
    return drop


def on_report(world: World, report: Report, rules: Rules) -> Outcome:
    """Of a call that rings no more: how it stands."""
    call = world.call
    if call is None or call.state is not State.RINGING or call.alert is Alert.SOCKET:
        return Found(call)
    settled = Decision(basis=call.revision, drop=(Deadline("confirm", "", 0), Deadline("push", "", 0)))
    if report.alert is Alert.FAILED and call.delivered:
        return settled  # two pods pushed, as one was slow: what the other delivered stands
    return _told(replace(call, rung=call.rung or report.may_have_arrived), report.alert, settled, rules)


def _told(call: Call, alert: Alert, decision: Decision, rules: Rules) -> Decision:
    # It would say who is online.
    told = () if rules.hide_offline else (Delivery(call.caller.user_id, Kind.ALERTING),)
    changes: dict[str, Any] = {"call": replace(call, alert=alert), "deliveries": told}
    return replace(decision, **changes)
