"""Decide → commit → deliver: the one way in which calls change."""

import asyncio
import contextlib
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from carillon.call import (
    Call,
    Cause,
    Check,
    Command,
    Decision,
    End,
    Expire,
    Found,
    Outcome,
    Party,
    Refusal,
    Reject,
    Report,
    Rules,
    Start,
    Wait,
    World,
    decide,
)
from carillon.errors import ErrorCode, Refused, StoreFull, StoreUnavailable
from carillon.hub import Attached, Hub
from carillon.router.router import Router
from carillon.store.commit import ANY, CALLEE, CALLER, FREE, SWEEPER, Commit, Outgoing, Subject
from carillon.store.records import FORMAT, NOWHERE, Answered, Place, Told
from carillon.store.results import Again, Committed, Conflict, Duplicate, Gap, Raced, Stale, Unregistered
from carillon.store.store import LedgerChanged, Store

ROUNDS = 16
"""Conflicts in a row after which a command is given up; each needs another commit on the same users in between."""
UNTOLD = 1.0
"""Seconds without an answer of Redis after which a peer on this pod is told of a hang-up all the same."""
WAIT = 0.2
"""Seconds between looks at a user whose return is waited for."""


class StaleConnection(Exception):
    """Another connection has taken this one's place: nothing that it sends counts any more."""


class OutOfSequence(Exception):
    def __init__(self, expected: int) -> None:
        self.expected = expected


class Witness(Protocol):
    """Told of what is committed, for telemetry and push."""

    def committed(self, decision: Decision, command: Command) -> None: ...


@dataclass(frozen=True, slots=True)
class Ask:
    """A command with who asks and how long they wait. number: of the v1 message; claim: (zset, member, score) of a deadline."""

    command: Command
    call_id: str
    actor: Attached | None = None
    number: int | None = None
    claim: tuple[str, str, int] | None = None
    known: Call | None = None
    patience: float = 15.0
    commit_id: str = ""


@dataclass(slots=True)
class _Belief:
    world: World
    places: dict[str, Place]
    proven: bool = False


class Transactor:
    def __init__(
        self,
        store: Store,
        hub: Hub,
        router: Router,
        rules: Rules,
        witness: Witness,
        renewed: Callable[[], Awaitable[None]],
        registered: Callable[[Attached], Awaitable[None]],
        clock: Callable[[], float],
    ) -> None:
        self._store, self._hub, self._router, self._rules, self._witness = store, hub, router, rules, witness
        self._renewed, self._registered, self._clock = renewed, registered, clock

    async def run(self, ask: Ask) -> Outcome:
        """Carry a command out and deliver what follows.

        Returns the outcome; for a v1 message with a number its answer is committed and sent. Raises Refused (UNAVAILABLE, nothing is
        consumed), StaleConnection, OutOfSequence, or StoreUnavailable with `sent` where the command may yet take effect.
        """
        untold = asyncio.get_running_loop().call_later(UNTOLD, self._tell_uncommitted, ask)
        try:
            return await self._run(ask)
        finally:
            untold.cancel()

    async def _run(self, ask: Ask) -> Outcome:
        deadline = self._clock() + ask.patience
        belief = self._believe(ask)
        commit_id = ask.commit_id or secrets.token_hex(8)
        for _ in range(ROUNDS):
            outcome = decide(belief.world, ask.command, self._store.now(), self._rules)
            if isinstance(outcome, Wait) or (belief.proven and self._too_early(outcome)):
                if self._clock() + WAIT >= deadline:
                    raise Refused(ErrorCode.UNAVAILABLE, retry_after=1.0)
                await asyncio.sleep(WAIT)
                belief = self._believe(ask)
                continue
            if not isinstance(outcome, Decision) and belief.proven and ask.number is None:
                return outcome
            commit = self._commit(ask, outcome, belief, commit_id)
            result = await self._send(commit, ask, deadline)
            match result:
                case Conflict():
                    belief = self._learn(ask, result)
                    continue
                case Committed():
                    self._deliver(ask, outcome, commit, result)
                case Again():
                    self._deliver_again(ask, outcome, commit)
                case Duplicate():
                    pass
                case Raced():
                    return Found(None)
                case Stale():
                    raise StaleConnection
                case Gap(n):
                    raise OutOfSequence(n + 1)
            if isinstance(outcome, Decision):
                if not isinstance(result, Duplicate):
                    self._witness.committed(outcome, ask.command)
                if outcome.again:
                    belief, commit_id = self._believe(ask), secrets.token_hex(8)
                    continue
            return outcome
        raise Refused(ErrorCode.UNAVAILABLE, retry_after=1.0)

    async def answer(self, to: Attached, answered: Answered) -> None:
        """Commit the refusal of a v1 message, so that it is answered whatever becomes of the socket."""
        number = (1, to.session, answered.n)
        commit = Commit(
            id=secrets.token_hex(8),
            subjects=(Subject(to.user_id, to.generation),),
            number=number,
            outgoing=(Outgoing(1, answered, to.revision, to.generation),),
        )
        ask = Ask(Check(to.user_id), "", to, answered.n)
        result = await self._send(commit, ask, self._clock() + ask.patience)
        match result:
            case Committed():
                self._deliver(ask, Found(None), commit, result)
            case Again() | Duplicate():
                self._router.upstairs.mend(to)
            case Gap(n):
                raise OutOfSequence(n + 1)
            case Stale():
                raise StaleConnection

    # ---------------------------------------------------------------- belief

    def _believe(self, ask: Ask) -> _Belief:
        command = ask.command
        actor_id = ask.actor.user_id if ask.actor else ""
        call = ask.known
        held = ask.actor.live_call if ask.actor else None
        if call is None and held is not None and held.id == ask.call_id:
            call = held
        peer_id = self._peer_id(command, call, actor_id)
        return _Belief(World(self._party(actor_id), self._party(peer_id), call), self._places(actor_id, peer_id))

    @staticmethod
    def _peer_id(command: Command, call: Call | None, actor_id: str) -> str:
        if isinstance(command, Start):
            return command.callee_id
        return call.peer_of(actor_id) if call else ""

    def _party(self, user_id: str) -> Party:
        here = self._hub.get(user_id)
        return Party(user_id, here.revision, here.live_call) if here else Party(user_id)

    def _places(self, *user_ids: str) -> dict[str, Place]:
        return {user.user_id: self.place(user) for user_id in user_ids if (user := self._hub.get(user_id))}

    def place(self, user: Attached) -> Place:
        return Place(self._hub.pod, user.generation, "v" if user.v1 else "r")

    def _learn(self, ask: Ask, conflict: Conflict) -> _Belief:
        parties = {party.id: party for party in conflict.parties}
        places = {party.id: place for party, place in zip(conflict.parties, conflict.places, strict=True)}
        actor_id = ask.actor.user_id if ask.actor else ""
        call = conflict.call
        if isinstance(ask.command, Start) and call is not None and call.id != ask.command.call_id:
            call = None
        peer_id = self._peer_id(ask.command, call, actor_id)
        world = World(parties.get(actor_id, Party(actor_id)), parties.get(peer_id, Party(peer_id)), call)
        return _Belief(world, places, proven=True)

    def _too_early(self, outcome: Outcome) -> bool:
        """Just after Redis lost its data, what is not found may not have been said again yet."""
        missing = isinstance(outcome, Refusal) and outcome.code in (ErrorCode.USER_OFFLINE, ErrorCode.SESSION_NOT_FOUND)
        missing = missing or (isinstance(outcome, Found) and outcome.call is None)
        began = self._store.hold_until - self._rules.grace
        return missing and began <= self._store.now() < began + self._rules.reattach

    # ---------------------------------------------------------------- commit

    def _commit(self, ask: Ask, outcome: Outcome, belief: _Belief, commit_id: str) -> Commit:
        world = belief.world
        decision = outcome if isinstance(outcome, Decision) else Decision(basis=world.call.revision if world.call else 0)
        starting = isinstance(ask.command, Start) and (decision.call is None or decision.reserve)
        target = decision.call or world.call
        call_id = target.id if target and not (starting and decision.call is None) else ask.call_id
        subjects = self._subjects(ask, belief, target, starting)
        order = {subject.user_id: place for place, subject in enumerate(subjects, 1)}
        outgoing = []
        for delivery in decision.deliveries:
            assert decision.call is not None
            here = self._hub.get(delivery.user_id)
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
            actor=self._role(ask, target) if decision.call else 0,
            decision=decision,
            number=number,
            claim=ask.claim,
            outgoing=tuple(outgoing),
        )

    def _subjects(self, ask: Ask, belief: _Belief, target: Call | None, starting: bool) -> tuple[Subject, ...]:
        world, actor = belief.world, ask.actor
        subjects = []
        if actor:
            subjects.append(Subject(actor.user_id, actor.generation, world.actor.revision if starting else ANY))
        if starting:
            if world.peer.id and world.peer.id != world.actor.id:
                certain = belief.proven or self._hub.get(world.peer.id) is not None
                subjects.append(Subject(world.peer.id, 0, world.peer.revision if certain else FREE))
        elif target:
            subjects += [Subject(user) for user in target.users if not actor or user != actor.user_id]
        return tuple(subjects)

    @staticmethod
    def _role(ask: Ask, call: Call | None) -> int:
        if isinstance(ask.command, Expire | Report) or ask.actor is None or call is None:
            return SWEEPER
        return CALLER if ask.actor.user_id == call.caller.user_id else CALLEE

    async def _send(self, commit: Commit, ask: Ask, deadline: float) -> Committed | Conflict | Again | Duplicate | Gap | Stale | Raced:
        """Until it is answered: unsent or unanswered commits go out again with their id."""
        sent = False
        while True:
            left = deadline - self._clock()
            if left <= 0:
                if sent:
                    raise StoreUnavailable("the commit was sent and never answered", sent=True)
                raise Refused(ErrorCode.UNAVAILABLE, retry_after=5.0)
            try:
                result = await self._store.commit(commit, timeout=left)
            except LedgerChanged:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._renewed(), left)
            except StoreUnavailable as error:
                sent = sent or error.sent
                await asyncio.sleep(0.05)
            except StoreFull:
                grows = commit.decision.reserve or commit.decision.call is None
                if commit.gently or grows:
                    raise Refused(ErrorCode.UNAVAILABLE, retry_after=5.0) from None
                commit.gently = True
            else:
                if not isinstance(result, Unregistered):
                    return result
                if ask.actor is None or not self._hub.current(ask.actor):
                    raise StaleConnection
                if ask.actor.registered == self._store.ledger:
                    ask.actor.registered = ""
                await self._registered(ask.actor)

    # ---------------------------------------------------------------- delivery

    def _deliver(self, ask: Ask, outcome: Outcome, commit: Commit, result: Committed) -> None:
        places = {s.user_id: place for s, place in zip(commit.subjects, result.places, strict=True)}
        for out, sent in zip(commit.outgoing, result.deliveries, strict=True):
            user_id = commit.subjects[out.subject - 1].user_id
            here = self._hub.get(user_id)
            if sent.how == "direct" and here and here.generation == out.direct:
                self._router.deliver(here, out.event, seq=sent.seq, revision=out.revision, peer=self._peer(commit, places, user_id))
        self._note(ask, outcome, commit, places)

    def _deliver_again(self, ask: Ask, outcome: Outcome, commit: Commit) -> None:
        """The first answer was lost: v1 users of this pod fetch theirs, others are told unless they were."""
        for out in commit.outgoing:
            here = self._hub.get(commit.subjects[out.subject - 1].user_id)
            if here and here.generation == out.direct:
                if here.v1:
                    self._router.upstairs.mend(here)
                else:
                    self._router.deliver(here, out.event, revision=out.revision)
        self._note(ask, outcome, commit, {})

    def _note(self, ask: Ask, outcome: Outcome, commit: Commit, places: dict[str, Place]) -> None:
        """Who acted is told nothing; what they hold changes all the same."""
        call = outcome.call if isinstance(outcome, Decision) else None
        if ask.actor and call and self._hub.current(ask.actor) and isinstance(outcome, Decision):
            if all(delivery.user_id != ask.actor.user_id for delivery in outcome.deliveries):
                self._router.note(ask.actor, call, self._peer(commit, places, ask.actor.user_id))
            ask.actor.named = True

    def _tell_uncommitted(self, ask: Ask) -> None:
        """Redis is away: who hung up is gone all the same, and a reference peer on this pod need not talk to nobody until it is back.

        The commit that follows has this very revision, so they are not told twice. A v1 peer is not told here: what it hears has a place
        in its inbox, which only the commit can give.
        """
        if not isinstance(ask.command, End | Reject):
            return
        decision = decide(self._believe(ask).world, ask.command, self._store.now(), self._rules)
        if not isinstance(decision, Decision) or decision.call is None:
            return
        for delivery in decision.deliveries:
            here = self._hub.get(delivery.user_id)
            if here and not here.v1 and here.revision == decision.basis:
                self._router.deliver(here, Told(FORMAT, delivery.kind, decision.call), revision=decision.call.revision)

    @staticmethod
    def _peer(commit: Commit, places: dict[str, Place], user_id: str) -> Place | None:
        others = [place for other, place in places.items() if other != user_id]
        return others[0] if others and others[0] != NOWHERE else None


def cancelled(call: Call) -> End:
    """What undoes a start that was given up."""
    return End(call.caller, note=Cause.CANCELLED.value)
