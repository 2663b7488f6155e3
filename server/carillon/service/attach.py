"""Connections come, go, come back, and are said again when Redis forgot them."""

import asyncio
import contextlib
import logging
import secrets
from collections.abc import Awaitable, Callable, Iterable

from carillon.call import SECOND, Call, End, Expire, Rules, State
from carillon.errors import Close, ErrorCode, Refused, StoreError, StoreFull, StoreUnavailable
from carillon.hub import Attached, Connection, Hub
from carillon.protocol import ResumePayload, UserInfo
from carillon.router.render import render, statements
from carillon.router.router import Router
from carillon.service.transact import Ask, StaleConnection, Transactor
from carillon.store.records import FORMAT, NOWHERE, Event, Place, Reservation
from carillon.store.results import AttachResult, Standing
from carillon.store.store import LedgerChanged, Store

log = logging.getLogger(__name__)

BATCH = 64
"""Users per script when many are asked about: some 100 µs of Redis each time."""
UNHEARD = 15 * SECOND
"""How long a reference client may have heard nothing when its pod died with it: pod lease, and its own return."""

Greet = Callable[[Attached, AttachResult], None]


class Attacher:
    def __init__(self, store: Store, hub: Hub, router: Router, transactor: Transactor, rules: Rules, clock: Callable[[], float]) -> None:
        self._store, self._hub, self._router, self._transactor, self._rules = store, hub, router, transactor, rules
        self._clock = clock
        self._registering: dict[str, asyncio.Future[None]] = {}
        self.renewed: Callable[[], Awaitable[None]]
        self.greet: Greet

    # ---------------------------------------------------------------- attach

    async def attach(
        self,
        connection: Connection,
        user: UserInfo,
        *,
        v1: bool,
        resume: ResumePayload | None = None,
        answer: Callable[[], None] = lambda: None,
        patience: float = 10.0,
    ) -> Attached | None:
        """Give the user's place to this connection. None: the connection was gone before it had it.

        answer: called once the place is theirs, before anything is sent (a reference client's handshake is answered there).
        Raises Refused (UNAVAILABLE) when Redis gives no answer in time.
        """
        attach_id = secrets.token_hex(8)
        self._hub.expect(user.user_id)
        try:
            result = await self._ask(user, attach_id, v1, resume, patience)
        except BaseException:
            self._unpark(user.user_id)
            raise
        attached = Attached(user, connection, result.generation, result.at, attach_id, v1, registered=self._store.ledger)
        if not connection.closed:
            answer()
        if connection.closed:
            self._unpark(user.user_id)
            await self._detach(attached, lost=True, undo=result.previous)
            return None
        self._enter(attached, result)
        return attached

    async def _ask(self, user: UserInfo, attach_id: str, v1: bool, resume: ResumePayload | None, patience: float) -> AttachResult:
        deadline = self._clock() + patience
        resume = resume or ResumePayload()
        while (left := deadline - self._clock()) > 0:
            try:
                result = await self._store.attach(
                    user.user_id,
                    v1=v1,
                    attach_id=attach_id,
                    session=resume.session,
                    epoch=resume.epoch,
                    last_seq=resume.last_seq,
                    n=resume.n,
                    patient=left > patience / 2,
                    timeout=left,
                )
            except LedgerChanged:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self.renewed(), left)
            except StoreUnavailable:
                await asyncio.sleep(0.05)
            except StoreFull:
                break
            else:
                if result is not None:
                    return result
                await asyncio.sleep(0.1)
        raise Refused(ErrorCode.UNAVAILABLE, retry_after=5.0)

    def _enter(self, attached: Attached, result: AttachResult) -> None:
        """The connection is the user's: state or replay how things stand, then live; only then the old one goes."""
        call = result.call
        attached.peer = result.peer
        attached.revision = call.revision if call else result.reservation.revision
        attached.call = call
        attached.named, attached.recovered = attached.v1, result.recovered
        attached.session, attached.epoch, attached.seq, attached.n = result.session, result.epoch, result.seq, result.n
        previous = self._hub.put(attached)
        self.greet(attached, result)
        if attached.v1:
            self._replay(attached, result)
        else:
            self._state(attached, result)
        self._unpark(attached.user_id)
        if previous is not None:
            previous.connection.close(Close.NORMAL)
        if result.previous.pod and result.previous.pod != self._hub.pod:
            self._router.kick(result.previous, attached.user_id)

    def _state(self, attached: Attached, result: AttachResult) -> None:
        """Being told of an accepted call is no proof that the client still has it: only its naming it renews the attendance."""
        call = result.call
        known = result.told >= call.revision if call and result.told >= 0 else bool(call and call.accepted < result.at - UNHEARD)
        for told in statements(call, result.owed, attached.user_id, known=known):
            attached.revision, attached.call = told.call.revision - 1, None
            self._router.deliver(attached, told, revision=told.call.revision, peer=result.peer)
            attached.named = told.call.state is State.RINGING

    def _replay(self, attached: Attached, result: AttachResult) -> None:
        """What was missed, as history: it changes nothing of what is held."""
        for seq, event in result.missed:
            data = render(event, attached.user_id, v1=True, seq=seq)
            if data is not None:
                attached.connection.send(data)
        call = attached.live_call
        if call is not None and call.state is State.RINGING and call.callee.user_id == attached.user_id:
            attached.ring_seq = 1

    def _unpark(self, user_id: str) -> None:
        for head, body in self._hub.settle(user_id):
            self._router.on_frame(head, body)

    async def reclaim(self, attached: Attached) -> None:
        """The connection that replaced this one died while attaching: take the place back."""
        resume = ResumePayload(attached.session, attached.epoch, attached.seq, attached.n) if attached.v1 else None
        attach_id = secrets.token_hex(8)
        try:
            result = await self._ask(attached.user, attach_id, attached.v1, resume, 10.0)
        except Refused:
            return
        if not self._hub.current(attached) or attached.connection.closed:
            attached.generation = result.generation
            await self._detach(attached, lost=True)
            return
        attached.generation, attached.attach_id, attached.registered = result.generation, attach_id, self._store.ledger
        if attached.v1:
            if not result.recovered:
                self.greet(attached, result)
                attached.epoch, attached.seq = result.epoch, result.seq
            self._router.mended(attached, [(seq, attached.revision, event) for seq, event in result.missed])

    # ---------------------------------------------------------------- detach

    async def detach(self, attached: Attached, *, left: bool, note: str) -> None:
        """The connection is gone: left in order, or lost. Does nothing where another has taken its place."""
        if not self._hub.remove(attached):
            return
        call = attached.live_call
        if left and call is not None and attached.named:
            await self.settle(Ask(End(attached.user, left=True, note=note), call.id, known=call, actor=attached))
        await self._detach(attached, lost=not left)

    async def settle(self, ask: Ask) -> None:
        """Commit what a person did, however long Redis is away: it is kept for two graces."""
        until = self._clock() + 2 * self._rules.grace / SECOND
        commit_id = secrets.token_hex(8)
        while self._clock() < until:
            try:
                await self._transactor.run(Ask(ask.command, ask.call_id, ask.actor, claim=ask.claim, known=ask.known, commit_id=commit_id))
                return
            except (StoreError, Refused):
                await asyncio.sleep(0.2)
            except StaleConnection:
                return

    async def _detach(self, attached: Attached, *, lost: bool, undo: Place | None = None) -> None:
        until = self._clock() + self._rules.grace / SECOND
        while self._clock() < until:
            try:
                await self._store.detach(
                    attached.user_id, attached.generation, lost=lost, told=attached.revision, undo=undo or NOWHERE, timeout=5.0
                )
                return
            except LedgerChanged:
                return
            except StoreError:
                await asyncio.sleep(0.2)

    # ---------------------------------------------------------------- Redis forgot

    async def registered(self, attached: Attached) -> None:
        """Say this connection again if the present ledger does not know it. Raises StaleConnection when the user is elsewhere."""
        user_id = attached.user_id
        running = self._registering.get(user_id)
        if running is not None:
            await asyncio.shield(running)
            return
        if attached.registered == self._store.ledger:
            return
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._registering[user_id] = done
        try:
            await self._register(attached)
        finally:
            del self._registering[user_id]
            done.set_result(None)

    async def _register(self, attached: Attached) -> None:
        ledger = self._store.ledger
        try:
            result = await self._store.register(
                attached.user_id,
                generation=attached.generation,
                v1=attached.v1,
                attach_id=attached.attach_id,
                session=attached.session,
                n=attached.n,
                revision=attached.revision,
                call=attached.call,
            )
        except (LedgerChanged, StoreError):
            return
        if result is None:
            self._hub.remove(attached)
            attached.connection.close(Close.NORMAL)
            raise StaleConnection
        attached.registered = ledger
        attached.peer = result.peer
        if result.clash is not None and attached.live_call is not None:
            await self._resolve(attached.live_call, result.clash)
        if attached.v1:
            attached.epoch, attached.seq = result.epoch, 0
            attached.call = result.call if result.call and result.call.live else None
            self.greet(attached, self._forgotten(attached))
        elif result.call is not None and result.call.revision > attached.revision:
            self._catch_up(attached, result.call)

    def _forgotten(self, attached: Attached) -> AttachResult:
        """The welcome after Redis lost its data: a new epoch, nothing recovered, the call as it stands."""
        return AttachResult(
            generation=attached.generation,
            at=attached.at,
            previous=NOWHERE,
            reservation=Reservation(FORMAT, "", attached.revision),
            call=attached.call,
            peer=attached.peer,
            owed=None,
            epoch=attached.epoch,
            session=attached.session,
            seq=0,
            n=attached.n,
            recovered=False,
            missed=(),
            told=-1,
        )

    async def _resolve(self, mine: Call, other: Call) -> None:
        """A user in two live calls, each said by another pod: the older one was lost."""
        older = min(mine, other, key=lambda call: (call.created, call.id))
        user = next(user for user in older.users if user in mine.users and user in other.users)
        await self.settle(Ask(Expire("lease", user, note="another call holds this user"), older.id, known=older))

    def _catch_up(self, attached: Attached, call: Call) -> None:
        for told in statements(call if call.live else None, None if call.live else call, attached.user_id, known=False):
            self._router.deliver(attached, told, revision=call.revision)

    # ---------------------------------------------------------------- comparison

    async def compare(self, users: Iterable[Attached]) -> None:
        """Ask Redis how these users stand, renew their attendance, and tell each what differs."""
        known = [user for user in users if user.registered == self._store.ledger]
        for batch in (known[at : at + BATCH] for at in range(0, len(known), BATCH)):
            asked = [(u.user_id, u.generation, u.live_call.id if u.live_call else "", u.renews) for u in batch]
            try:
                standings = await self._store.attend(asked)
            except (LedgerChanged, StoreError):
                return
            for user, (_, generation, _, _), standing in zip(batch, asked, standings, strict=True):
                if self._hub.current(user) and user.generation == generation == standing.generation:
                    self._compared(user, standing)

    def _compared(self, user: Attached, standing: Standing) -> None:
        if not standing.here:
            return
        call = user.live_call
        if standing.call is not None and call is not None and standing.call.id == call.id:
            user.peer = standing.peer
        if user.v1:
            if standing.epoch != user.epoch or standing.seq > user.seq:
                self._router.upstairs.mend(user)
        elif standing.revision > user.revision:
            self._router.upstairs.mend(user)

    async def mend(self, attached: Attached) -> None:
        """Fetch what a connection has missed and hand it to the router."""
        events: list[tuple[int, int, Event]] = []
        try:
            events = await (self._missed(attached) if attached.v1 else self._difference(attached))
        except (LedgerChanged, StoreError):
            log.warning("could not fetch what a user missed", extra={"user_id": attached.user_id})
        if self._hub.current(attached):
            self._router.mended(attached, events)

    async def _missed(self, attached: Attached) -> list[tuple[int, int, Event]]:
        entries = await self._store.replay(attached.user_id, attached.epoch, attached.seq)
        return [(seq, attached.revision, event) for seq, event in entries or []]

    async def _difference(self, attached: Attached) -> list[tuple[int, int, Event]]:
        call = attached.live_call
        asked = (attached.user_id, attached.generation, call.id if call else "", attached.renews)
        (standing,) = await self._store.attend([asked])
        if standing.generation != attached.generation or standing.revision <= attached.revision:
            return []
        if standing.call is not None:
            told = statements(standing.call, None, attached.user_id, known=False)
            if not told:
                self._router.note(attached, standing.call, standing.peer)
        else:
            ended = await self._store.look(call.id) if call else None
            told = statements(None, ended, attached.user_id, known=False) if ended else []
        return [(0, event.call.revision, event) for event in told]
