"""Everything that makes calls of messages, put together."""

from collections.abc import Awaitable, Callable

from carillon.call import Call, Command, Decision, Rules
from carillon.hub import Attached, Hub
from carillon.router.router import Router
from carillon.service.attach import Attacher, Greet
from carillon.service.background import Background
from carillon.service.compare import Comparer
from carillon.service.deadlines import Deadlines
from carillon.service.parts import Parts
from carillon.service.ports import Limiter, Pusher, Watcher
from carillon.service.register import Registrar
from carillon.service.relay import Relayer
from carillon.service.ring import Ring
from carillon.service.service import Service
from carillon.service.transact import Transactor
from carillon.store.records import Event, Place
from carillon.store.store import Store
from carillon.telemetry import Tracer


class Engine:
    """Fulfils `carillon.router.router.Upstairs` and `carillon.service.transact.Witness`.

    renewed: renews the pod lease now, and returns once the ledger has been learned anew or so many seconds are over. hurry, patience: see
    Parts.
    """

    def __init__(
        self,
        store: Store,
        hub: Hub,
        router: Router,
        rules: Rules,
        *,
        greet: Greet,
        pusher: Pusher,
        limiter: Limiter,
        watcher: Watcher,
        tracer: Tracer,
        renewed: Callable[[float], Awaitable[None]],
        clock: Callable[[], float],
        hurry: float = 3.0,
        patience: float = 15.0,
    ) -> None:
        self._watcher, self._pusher = watcher, pusher
        self.background = Background()
        self.transactor = Transactor(store, hub, router, rules, self, renewed, self._registered, clock)
        self.attacher = Attacher(store, hub, router, self.transactor, rules, clock, renewed, greet, self.background)
        self.comparer = Comparer(store, hub, router)
        self.registrar = Registrar(store, hub, router, self.transactor, self.comparer, greet, self.background)
        self.ring = Ring(self.transactor, pusher, watcher, self.background, hurry)
        relayer = Relayer(store, hub, router, self.transactor, renewed, self._registered, clock, patience)
        parts = Parts(
            transactor=self.transactor,
            relayer=relayer,
            ring=self.ring,
            router=router,
            pusher=pusher,
            background=self.background,
            limiter=limiter,
            watcher=watcher,
            tracer=tracer,
            now=store.now,
            clock=clock,
            hurry=hurry,
            patience=patience,
        )
        self.service, self.deadlines = Service(parts), Deadlines(parts)
        self.echo: Callable[[], None] = lambda: None
        """Called when the pod's own tick comes back through its channel."""
        router.upstairs = self

    async def _registered(self, attached: Attached) -> None:
        await self.registrar.registered(attached)

    # ---------------------------------------------------------------- Witness

    def committed(self, decision: Decision, command: Command) -> None:
        self.ring.committed(decision, command)

    # ---------------------------------------------------------------- Upstairs

    def mend(self, attached: Attached) -> None:
        if attached.held is None:
            attached.held = []
        self.background.spawn(self.comparer.mend(attached))

    def rang(self, attached: Attached, call: Call, caller: Place) -> None:
        self.ring.rang(attached, call, caller)

    def reclaim(self, attached: Attached) -> None:
        self.background.spawn(self.attacher.reclaim(attached))

    def look_again(self, attached: Attached) -> None:
        self.background.spawn(self.registrar.look_again(attached))

    def absent(self, user_id: str, generation: int, event: Event) -> None:
        self.background.spawn(self.attacher.absent(user_id, generation, event))

    def over(self, call: Call) -> None:
        self._watcher.over(call)
        self._pusher.settle(call.id)

    def echoed(self) -> None:
        self.echo()
