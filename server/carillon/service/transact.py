"""Decide → commit → deliver: the one way in which calls change."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Protocol

from carillon.call import (
    Check,
    Command,
    Decision,
    End,
    Found,
    Outcome,
    Refusal,
    Reject,
    Rules,
    Wait,
    decide,
)
from carillon.errors import ErrorCode, Refused, StoreError, StoreFull, StoreUnavailable
from carillon.hub import Attached, Hub
from carillon.router.router import Router
from carillon.service.ask import Ask, OutOfSequence, StaleConnection, reclaimed
from carillon.service.belief import believe, learn
from carillon.service.compose import compose
from carillon.store.commit import Commit, Outgoing, Subject
from carillon.store.records import FORMAT, NOWHERE, Answered, Place, Told
from carillon.store.results import Again, Committed, Conflict, Duplicate, Gap, Raced, Stale, Unregistered
from carillon.store.store import LedgerChanged, Store

ROUNDS = 16
"""Conflicts in a row after which a command is given up; each needs another commit on the same users in between."""
UNTOLD = 1.0
"""Seconds without an answer of Redis after which a peer on this pod is told of a hang-up all the same."""
SETTLE = 0.2
"""Seconds before what Redis did not take is said again; up to five times as long while it stays away."""
WAIT = 0.2
"""Seconds between looks at a user whose return is waited for."""


class Witness(Protocol):
    """Told of what is committed, for telemetry and push."""

    def committed(self, decision: Decision, command: Command) -> None: ...


class Transactor:
    def __init__(
        self,
        store: Store,
        hub: Hub,
        router: Router,
        rules: Rules,
        witness: Witness,
        renewed: Callable[[float], Awaitable[None]],
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
        belief = believe(ask, self._hub)
        commit_id = ask.commit_id or secrets.token_hex(8)
        rounds = 0
        while (rounds := rounds + 1) <= ROUNDS:
            outcome = decide(belief.world, ask.command, self._store.now(), self._rules)
            if isinstance(outcome, Wait) or (belief.proven and self._too_early(outcome)):
                await asyncio.sleep(WAIT)
                deadline += WAIT  # which bounds the wait for Redis, not that for a person
                belief = believe(ask, self._hub)
                rounds = 0
                continue
            if not isinstance(outcome, Decision) and belief.proven and ask.number is None:
                return outcome
            commit = compose(ask, outcome, belief, commit_id, self._hub)
            result = await self._send(commit, ask, deadline)
            match result:
                case Conflict():
                    belief = learn(ask, result)
                    continue
                case Committed():
                    self._deliver(ask, outcome, commit, result)
                case Again():
                    self._deliver_again(ask, outcome, commit)
                case Duplicate():
                    return await self._before(ask)
                case Raced():
                    return Found(None)
                case Stale():
                    if ask.actor is None or not await reclaimed(ask.actor, commit.subjects[0].generation, self._hub):
                        raise StaleConnection
                    belief = believe(ask, self._hub)
                    continue
                case Gap(n):
                    raise OutOfSequence(n + 1)
            if isinstance(outcome, Decision):
                self._witness.committed(outcome, ask.command)
                if outcome.again:
                    belief, commit_id = believe(ask, self._hub), secrets.token_hex(8)
                    continue
            return outcome
        raise Refused(ErrorCode.UNAVAILABLE, retry_after=1.0)

    async def settle(self, ask: Ask) -> Outcome | None:
        """Commit what was done, however long Redis is away. None: another connection has taken the actor's place, this one gets no answer.

        Who hung up has hung up, wherever they are by now. After a loss of data the peer's pod may yet say a call that is not found.
        Raises OutOfSequence.
        """
        commit_id = ask.commit_id or secrets.token_hex(8)
        wait = SETTLE
        while True:
            try:
                outcome = await self.run(replace(ask, commit_id=commit_id))
                if not self._may_be_said_again(ask, outcome):
                    return outcome
            except (StoreError, Refused):
                pass  # as long as it takes
            except StaleConnection:
                if ask.actor is not None and isinstance(ask.command, End | Reject):
                    await self.settle(replace(ask, actor=None, number=None, commit_id=commit_id))
                return None
            await asyncio.sleep(wait)
            wait = min(2 * wait, 5 * SETTLE)

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
                to.n = max(to.n, answered.n)
                self._deliver(ask, Found(None), commit, result)
            case Again() | Duplicate():
                self._router.upstairs.mend(to)
            case Gap(n):
                raise OutOfSequence(n + 1)
            case Stale():
                raise StaleConnection

    async def _before(self, ask: Ask) -> Outcome:
        """What became of a message that was taken before. Its refusal is an entry of the inbox, which answers it alone.

        Raises StoreUnavailable, after which it may be said once more.
        """
        actor = ask.actor
        assert actor is not None
        found = await self._store.replay(actor.user_id, actor.epoch, actor.seq)
        self._router.upstairs.mend(actor)
        for _, event in found[1] if found else []:
            if isinstance(event, Answered) and event.n == ask.number:
                return Refusal(ErrorCode(event.code), event.message)
        return Decision()

    def _too_early(self, outcome: Outcome) -> bool:
        """Just after Redis lost its data, what is not found may not have been said again yet."""
        return _missing(outcome) and self._store.now() < self._store.unsaid_until

    def _may_be_said_again(self, ask: Ask, outcome: Outcome) -> bool:
        known = isinstance(ask.command, End | Reject) and ask.known is not None and ask.number is None
        return known and _missing(outcome) and self._store.now() < self._store.hold_until

    # ---------------------------------------------------------------- commit

    async def _send(self, commit: Commit, ask: Ask, deadline: float) -> Committed | Conflict | Again | Duplicate | Gap | Stale | Raced:
        """Until it is answered: unsent or unanswered commits go out again with their id."""
        sent = False
        while True:
            left = deadline - self._clock()
            if left <= 0:
                if sent:
                    raise StoreUnavailable("the commit was sent and never answered", sent=True)
                raise Refused(ErrorCode.UNAVAILABLE, retry_after=5.0)
            self._router.flush()
            try:
                result = await self._store.commit(commit, timeout=left)
            except LedgerChanged:
                await self._renewed(left)
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
        decision = decide(believe(ask, self._hub).world, ask.command, self._store.now(), self._rules)
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


def _missing(outcome: Outcome) -> bool:
    if isinstance(outcome, Refusal):
        return outcome.code in (ErrorCode.USER_OFFLINE, ErrorCode.SESSION_NOT_FOUND)
    return isinstance(outcome, Found) and outcome.call is None
