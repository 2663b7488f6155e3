"""Users of this pod are said again when Redis forgot them."""

import asyncio

from carillon.call import Call, Expire, Recall, State
from carillon.errors import Close, StoreError
from carillon.hub import Attached, Hub
from carillon.router.render import statements
from carillon.router.router import Router
from carillon.service.ask import Ask, reclaimed
from carillon.service.attach import Greet
from carillon.service.background import Background
from carillon.service.compare import Comparer
from carillon.service.transact import Transactor
from carillon.store.records import FORMAT, NOWHERE, Event, Reservation
from carillon.store.results import AttachResult, Registered, Superseded
from carillon.store.store import LedgerChanged, Store


class Registrar:
    def __init__(
        self, store: Store, hub: Hub, router: Router, transactor: Transactor, comparer: Comparer, greet: Greet, background: Background
    ) -> None:
        self._store, self._hub, self._router, self._transactor, self._greet = store, hub, router, transactor, greet
        self._comparer, self._background = comparer, background
        self._registering: dict[str, asyncio.Future[None]] = {}
        self._giving_way: dict[Attached, asyncio.Future[None]] = {}

    async def registered(self, attached: Attached) -> None:
        """Say this connection again if the present ledger does not know it. Returns once it has been asked, and where the user seems to be
        elsewhere, once that is settled: then the connection has its place again or is closed."""
        user_id = attached.user_id
        running = self._registering.get(user_id) or self._giving_way.get(attached)
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
        """What is delivered meanwhile waits: the answer decides in which epoch it counts."""
        ledger, generation = self._store.ledger, attached.generation
        attached.held = attached.held or []
        try:
            result = await self._store.register(
                attached.user_id,
                generation=generation,
                v1=attached.v1,
                attach_id=attached.attach_id,
                session=attached.session,
                n=attached.n,
                revision=attached.revision,
                call=attached.live_call,
            )
        except (LedgerChanged, StoreError):
            if not attached.v1:
                self._router.mended(attached, [])
            return
        if isinstance(result, Superseded):
            attached.registered = ledger
            if attached not in self._giving_way:
                self._giving_way[attached] = asyncio.get_running_loop().create_future()
                self._background.spawn(self._give_way(attached, generation, result))
            return
        mine = attached.live_call
        attached.registered, attached.peer = ledger, result.peer
        attached.leased = mine.id if mine else ""
        if attached.v1:
            await self._welcome(attached, result)
        else:
            newer = result.call is not None and result.call.revision > attached.revision
            self._router.mended(attached, self._statements(attached, result.call) if newer else [])
        if result.clash is not None and mine is not None:
            await self._resolve(mine, result.clash)

    async def _give_way(self, attached: Attached, generation: int, to: Superseded) -> None:
        """Unless the later connection never came to be: then this one has its place again in a moment, and its call is said."""
        call = attached.live_call
        if not to.elsewhere and attached.generation == generation:
            self._router.upstairs.reclaim(attached)
        try:
            kept = await reclaimed(attached, generation, self._hub)
        finally:
            self._giving_way.pop(attached).set_result(None)
        if not kept and self._hub.remove(attached):
            attached.connection.close(Close.NORMAL)
        elif kept and call is not None:
            attached.call, attached.registered = call, ""
            await self.registered(attached)

    async def _welcome(self, attached: Attached, result: Registered) -> None:
        if attached.epoch != result.epoch:
            attached.epoch, attached.seq = result.epoch, 0
        call = attached.call = result.call if result.call and result.call.live else None
        if call is not None:
            attached.revision = max(attached.revision, call.revision)
            ringing = call.state is State.RINGING and call.callee.user_id == attached.user_id
            attached.ring_seq = 1 if ringing else attached.ring_seq
        self._greet(attached, self._forgotten(attached))
        await self._comparer.mend(attached)

    async def look_again(self, attached: Attached) -> None:
        """What Redis holds of this user may be another thing now: tell them if it is."""
        if not attached.v1:
            await self._comparer.compare([attached])
            return
        if running := self._registering.get(attached.user_id):
            # Its answer, which this has overtaken, is older than what there is to see.
            await asyncio.shield(running)
        attached.registered = ""
        await self.registered(attached)

    async def recall(self) -> None:
        """Say again what calls have ended lately: who registers one of them as alive must not bring it back."""
        for call in list(self._hub.tombstones.values()):
            await self._transactor.settle(Ask(Recall(call), call.id))

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
            seq=attached.seq,
            n=attached.n,
            recovered=False,
            missed=(),
            told=-1,
        )

    async def _resolve(self, mine: Call, other: Call) -> None:
        """A user in two live calls, each said by another pod: the older one was lost."""
        older = min(mine, other, key=lambda call: (call.created, call.id))
        user = next(user for user in older.users if user in mine.users and user in other.users)
        await self._transactor.settle(Ask(Expire("lease", user, note="another call holds this user"), older.id, known=older))

    @staticmethod
    def _statements(attached: Attached, call: Call | None) -> list[tuple[int, int, Event]]:
        assert call is not None
        told = statements(call if call.live else None, None if call.live else call, attached.user_id, known=False)
        return [(0, call.revision, one) for one in told]
