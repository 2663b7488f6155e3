"""What is decided, as a commit: whom it concerns, what is checked of them, and who is told."""

from carillon.call import Call, Decision, Expire, Outcome, Refusal, Report, Start
from carillon.hub import Hub
from carillon.service.ask import Ask
from carillon.service.belief import Belief
from carillon.store.commit import ANY, CALLEE, CALLER, FREE, SWEEPER, Commit, Outgoing, Subject
from carillon.store.records import FORMAT, Answered, Told


def compose(ask: Ask, outcome: Outcome, belief: Belief, commit_id: str, hub: Hub) -> Commit:
    """The commit that carries an outcome out, or that checks a refusal which rests on what is only believed."""
    world = belief.world
    decision = outcome if isinstance(outcome, Decision) else Decision(basis=world.call.revision if world.call else 0)
    starting = isinstance(ask.command, Start) and (decision.call is None or decision.reserve)
    target = decision.call or world.call
    call_id = target.id if target and not (starting and decision.call is None) else ask.call_id
    subjects = _subjects(ask, belief, target, starting, hub)
    order = {subject.user_id: place for place, subject in enumerate(subjects, 1)}
    outgoing = []
    for delivery in decision.deliveries:
        assert decision.call is not None
        here = hub.get(delivery.user_id)
        subject = order[delivery.user_id]
        expected = subjects[subject - 1].revision if starting else decision.basis
        direct = here.generation if here and (here.v1 or here.revision == expected) else 0
        outgoing.append(Outgoing(subject, Told(FORMAT, delivery.kind, decision.call), decision.call.revision, direct))
    number = None
    answered = isinstance(outcome, Decision) and not outcome.again
    if ask.actor and ask.number is not None and (answered or not isinstance(outcome, Decision)):
        number = (1, ask.actor.session, ask.number)
        if isinstance(outcome, Refusal):
            answer = Answered(FORMAT, outcome.code, outcome.message or outcome.code.spec.message, ask.number, None, ask.call_id or None)
            outgoing.append(Outgoing(1, answer, ask.actor.revision, ask.actor.generation))
    unchecked = belief.proven and not isinstance(outcome, Decision)
    return Commit(
        id=commit_id,
        subjects=tuple(Subject(s.user_id, s.generation) for s in subjects) if unchecked else subjects,
        call_id=call_id,
        basis=ANY if unchecked else decision.basis,
        actor=_role(ask, target) if decision.call else 0,
        decision=decision,
        number=number,
        claim=ask.claim,
        outgoing=tuple(outgoing),
    )


def _subjects(ask: Ask, belief: Belief, target: Call | None, starting: bool, hub: Hub) -> tuple[Subject, ...]:
    world, actor = belief.world, ask.actor
    subjects = []
    if actor:
        subjects.append(Subject(actor.user_id, actor.generation, world.actor.revision if starting else ANY))
    if starting:
        if world.peer.id and world.peer.id != world.actor.id:
            certain = belief.proven or hub.get(world.peer.id) is not None
            subjects.append(Subject(world.peer.id, 0, world.peer.revision if certain else FREE))
    elif target:
        subjects += [Subject(user) for user in target.users if not actor or user != actor.user_id]
    return tuple(subjects)


def _role(ask: Ask, call: Call | None) -> int:
    if isinstance(ask.command, Expire | Report) or ask.actor is None or call is None:
        return SWEEPER
    return CALLER if ask.actor.user_id == call.caller.user_id else CALLEE
