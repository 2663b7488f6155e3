"""One entry for all commands."""

from carillon.call.answer import on_accept, on_reject
from carillon.call.commands import Accept, Check, Command, End, Expire, Recall, Reject, Report, Start
from carillon.call.end import on_end, on_recall
from carillon.call.expire import on_expire, on_report
from carillon.call.outcomes import Found, Outcome
from carillon.call.start import on_start
from carillon.call.world import Rules, World


def decide(world: World, command: Command, now: int, rules: Rules) -> Outcome:
    match command:
        case Start():
            return on_start(world, command, now, rules)
        case Accept():
            return on_accept(world, command, now, rules)
        case Reject(user):
            return on_reject(world, user, now)
        case End():
            return on_end(world, command, now)
        case Check(user_id):
            known = world.call is not None and world.call.live and user_id in world.call.users
            return Found(world.call if known else None)
        case Expire():
            return on_expire(world, command, now, rules)
        case Recall():
            return on_recall(world, command)
        case Report():
            return on_report(world, command, rules)
