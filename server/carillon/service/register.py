"""Users of this pod are said again when Redis forgot them."""

import asyncio

from carillon.call import Call, Expire
from carillon.errors import Close, StoreError
from carillon.hub import Attached, Hub
from carillon.router.render import statements
from carillon.router.router import Router
from carillon.service.ask import Ask, StaleConnection
from carillon.service.attach import Greet
from carillon.service.transact import Transactor
from carillon.store.records import FORMAT, NOWHERE, Reservation
from carillon.store.results import AttachResult
from carillon.store.store import LedgerChanged, Store


class Registrar:
    def __init__(self, store: Store, hub: Hub, router: Router, transactor: Transactor, greet: Greet) -> None:
        self._store, self._hub, self._router, self._transactor, self._greet = store, hub, router, transactor, greet
        self._registering: dict[str, asyncio.Future[None]] = {}

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
            self._greet(attached, self._forgotten(attached))
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
        await self._transactor.settle(Ask(Expire("lease", user, note="another call holds this user"), older.id, known=older))

    def _catch_up(self, attached: Attached, call: Call) -> None:
        for told in statements(call if call.live else None, None if call.live else call, attached.user_id, known=False):
            self._router.deliver(attached, told, revision=call.revision)
