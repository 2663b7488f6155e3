"""Connections come, go, come back, and are said again when Redis forgot them."""

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable

from carillon.call import End, Expire, Kind, Rules, State
from carillon.errors import Close, ErrorCode, Refused, StoreError, StoreFull, StoreUnavailable
from carillon.hub import Attached, Connection, Hub
from carillon.protocol import ResumePayload, UserInfo
from carillon.router.render import render, statements
from carillon.router.router import Router
from carillon.service.ask import GHOSTS, Ask, StaleConnection, reclaimed
from carillon.service.background import Background
from carillon.service.transact import Transactor
from carillon.store.records import Event, Told
from carillon.store.results import AttachResult, Superseded
from carillon.store.store import LedgerChanged, Store

log = logging.getLogger(__name__)

Greet = Callable[[Attached, AttachResult], None]


class Attacher:
    def __init__(
        self,
        store: Store,
        hub: Hub,
        router: Router,
        transactor: Transactor,
        rules: Rules,
        clock: Callable[[], float],
        renewed: Callable[[float], Awaitable[None]],
        greet: Greet,
        background: Background,
    ) -> None:
        self._store, self._hub, self._router, self._transactor, self._rules = store, hub, router, transactor, rules
        self._clock, self._renewed, self._greet, self._background = clock, renewed, greet, background

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
            await self._undo(user.user_id, attach_id)
            return None
        self._enter(attached, result)
        return attached

    async def _ask(
        self, user: UserInfo, attach_id: str, v1: bool, resume: ResumePayload | None, patience: float, again: int = 0
    ) -> AttachResult:
        deadline = self._clock() + patience
        resume, sent = resume or ResumePayload(), False
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
                    again=again,
                    timeout=left,
                )
            except LedgerChanged:
                await self._renewed(left)
            except StoreUnavailable as error:
                sent = sent or error.sent
                await asyncio.sleep(0.05)
            except StoreFull:
                break
            else:
                if isinstance(result, Superseded):
                    raise StaleConnection
                if result is not None:
                    return result
                await asyncio.sleep(0.1)
        if sent:
            self._background.spawn(self._lay_ghosts(user.user_id, attach_id))
        raise Refused(ErrorCode.UNAVAILABLE, retry_after=5.0)

    def _enter(self, attached: Attached, result: AttachResult) -> None:
        """The connection is the user's: state or replay how things stand, then live; only then the old one goes."""
        call = result.call
        attached.peer = result.peer
        attached.revision = call.revision if call else result.reservation.revision
        attached.call = call
        attached.named, attached.recovered, attached.replayed = attached.v1, result.recovered, len(result.missed)
        attached.leased = call.id if call and attached.v1 else ""
        attached.session, attached.epoch, attached.seq, attached.n = result.session, result.epoch, result.seq, result.n
        previous = self._hub.put(attached)
        self._greet(attached, result)
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
        known = result.told >= call.revision if call and result.told >= 0 else bool(call and call.accepted < result.at - self._rules.grace)
        attached.confirmed = call.revision if call and known else 0
        owed = result.owed
        if owed is not None and result.at - owed.ended > 2 * self._rules.grace:
            owed = None
        for told in statements(call, owed, attached.user_id, known=known):
            attached.revision, attached.call = told.call.revision - 1, None
            self._router.deliver(attached, told, revision=told.call.revision, peer=result.peer)
            attached.named, attached.leased = told.call.state is State.RINGING, ""

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
        attach_id, generation = secrets.token_hex(8), attached.generation
        self._hub.expect(attached.user_id)
        try:
            await self._take_back(attached, attach_id, resume)
        except StaleConnection:
            self._background.spawn(self._give_way(attached, generation))
        except Refused:
            attached.connection.close(Close.TRY_AGAIN)
        finally:
            self._unpark(attached.user_id)

    async def _give_way(self, attached: Attached, generation: int) -> None:
        """A later connection found the place empty and sent nobody away: this one goes, unless that one dies while attaching as well."""
        kept = await reclaimed(attached, generation, self._hub)
        if not kept and not attached.connection.closed and self._hub.remove(attached):
            attached.connection.close(Close.NORMAL)

    async def _take_back(self, attached: Attached, attach_id: str, resume: ResumePayload | None) -> None:
        result = await self._ask(attached.user, attach_id, attached.v1, resume, 10.0, again=attached.generation)
        if not self._hub.current(attached) or attached.connection.closed:
            attached.generation = result.generation
            await self._detach(attached, lost=True)
            return
        attached.generation, attached.attach_id, attached.registered = result.generation, attach_id, self._store.ledger
        if attached.call is not None and result.call is not None and attached.call.id == result.call.id:
            attached.peer = result.peer
        if not attached.v1:
            self._router.upstairs.mend(attached)  # what was said meanwhile went to the other
            return
        if not result.recovered:
            attached.session, attached.n, attached.epoch, attached.seq = result.session, result.n, result.epoch, result.seq
            attached.call, attached.peer = result.call, result.peer
            attached.revision = result.call.revision if result.call else result.reservation.revision
            self._greet(attached, result)
        self._router.mended(attached, [(seq, attached.revision, event) for seq, event in result.missed])

    # ---------------------------------------------------------------- detach

    async def detach(self, attached: Attached, *, left: bool, note: str) -> None:
        """The connection is gone: left in order, or lost. Does nothing where another has taken its place."""
        if not self._hub.remove(attached):
            return
        call = attached.live_call
        if left and call is not None and attached.named:
            await self._transactor.settle(Ask(End(attached.user, left=True, note=note), call.id, known=call, actor=attached))
        await self._detach(attached, lost=not left)

    async def absent(self, user_id: str, generation: int, event: Event) -> None:
        """Redis takes a connection for being here that is not: remove it; a call that rings for them goes on as if they were offline."""
        if self._hub.get(user_id) is not None:
            return
        try:
            removed = await self._store.undo(user_id, generation=generation)
            if removed and isinstance(event, Told) and event.kind is Kind.RING:
                await self._transactor.run(Ask(Expire("confirm", note="no connection where one was said to be"), event.call.id))
        except (LedgerChanged, StoreError, Refused):
            log.info("a connection that is not here could not be removed", extra={"user_id": user_id})

    async def _detach(self, attached: Attached, *, lost: bool) -> None:
        await self._until_done(
            lambda: self._store.detach(attached.user_id, attached.generation, lost=lost, told=attached.confirmed, timeout=5.0)
        )

    async def _undo(self, user_id: str, attach_id: str) -> None:
        await self._until_done(lambda: self._store.undo(user_id, attach_id=attach_id, timeout=5.0))

    async def _lay_ghosts(self, user_id: str, attach_id: str) -> None:
        """The attach was sent and given up: should Redis run it after all, it took the place from a connection that may well live."""
        for delay in GHOSTS:
            await asyncio.sleep(delay)
            await self._undo(user_id, attach_id)

    @staticmethod
    async def _until_done(work: Callable[[], Awaitable[object]]) -> None:
        """Redis must not take for present who is gone. A new ledger does not know of them to begin with."""
        while True:
            try:
                await work()
                return
            except LedgerChanged:
                return
            except StoreError:
                await asyncio.sleep(0.2)
