"""The pod's clockwork: its lease, deadlines of any pod, the attendance of its own users."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Protocol

from carillon.call import SECOND
from carillon.errors import StoreError, StoreUnavailable
from carillon.hub import Hub
from carillon.service.compare import Comparer
from carillon.service.register import Registrar
from carillon.store.results import Claimed, Renewed
from carillon.store.store import LedgerChanged, Store

log = logging.getLogger(__name__)


class Expirer(Protocol):
    async def expire(self, deadline: Claimed, note: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds between ticks, and what follows from them."""

    lease: float = 10.0
    """A pod lease; a pod silent for longer is dead."""
    renew: float = 2.0
    sweep: float = 0.5
    """Deadlines fire at most so much late, plus the work."""
    attend: float = 10.0
    touch: float = 1200.0
    """Renewal of idle users' keys: a third of their TTL."""
    echo: float = 3.0
    """Without its own tick for so long, and for longer than a renewal, the pod's channel is taken for dead."""
    oldest_tick: float = 3.0
    """A sweep after so long a silence holds all leases for a grace: the silence was an outage, not an absence of users."""
    batch: int = 200
    register: int = 200
    """Users said again at once after Redis lost its data."""
    outage: float = 5.0
    beat: float = 0.2


class Sweeper:
    def __init__(
        self,
        store: Store,
        hub: Hub,
        comparer: Comparer,
        registrar: Registrar,
        expirer: Expirer,
        pace: Pace,
        resubscribe: Callable[[], Awaitable[None]],
        clock: Callable[[], float],
    ) -> None:
        self._store, self._hub, self._expirer, self._pace = store, hub, expirer, pace
        self._comparer, self._registrar = comparer, registrar
        self._resubscribe, self._clock = resubscribe, clock
        self._renewed = asyncio.Event()
        self._urgent = asyncio.Event()
        self._echoed = 0.0
        self._registering = False
        self._ledger = ""
        self._tasks: list[asyncio.Task[None]] = []
        self._errands: set[asyncio.Task[None]] = set()
        self._comparing: asyncio.Task[None] | None = None
        self._noticed = False
        self.last_renewal = clock()
        self.renewing = False
        """Whether the last try to renew the pod lease succeeded."""
        self._why = ""
        """Why it did not."""
        self.on_outage: Callable[[], None] = lambda: None
        """Redis has been away for `outage` seconds: clients that can may try another pod."""
        self.on_renewal: Callable[[Renewed], None] = lambda _: None

    def start(self) -> None:
        loop = asyncio.get_running_loop()
        self._echoed = self._clock()
        work = (self._keep_lease, self._keep_sweeping, self._keep_attending, self._keep_touching, self._keep_noticing)
        self._tasks = [loop.create_task(_forever(one)) for one in work]

    async def stop(self) -> None:
        """End the clockwork and give the pod lease back."""
        tasks = [*self._tasks, *self._errands]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        try:
            async with asyncio.timeout(1.0):
                await self._store.leave()
        except (StoreError, LedgerChanged, TimeoutError):
            log.info("the pod lease could not be given back; it lapses by itself")

    async def renewed(self, within: float) -> None:
        """Renew now; returns once the ledger has been learned anew, or so many seconds are over."""
        self._renewed.clear()
        self._urgent.set()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within):
                await self._renewed.wait()

    async def _keep_noticing(self) -> None:
        while True:
            if self._clock() - self.last_renewal <= self._pace.outage:
                self._noticed = False
            elif not self._noticed:
                self._noticed = True
                self.on_outage()
            await asyncio.sleep(self._pace.beat)

    def echoed(self) -> None:
        self._echoed = self._clock()

    def subscribed(self) -> None:
        """The channel was just (re)joined: whatever was said in between was missed."""
        self._echoed = self._clock()
        if self._comparing is not None:
            self._comparing.cancel()
        if self._store.ready:
            self._comparing = self._begin(self._compare_all())

    async def _compare_all(self) -> None:
        while not await self._comparer.compare(list(self._hub)):  # noqa: ASYNC110 - each turn is another try
            await asyncio.sleep(self._pace.sweep)

    def _begin(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Beside the clockwork, until it is done or the pod stops."""
        task = asyncio.get_running_loop().create_task(work)
        self._errands.add(task)
        task.add_done_callback(self._errands.discard)
        return task

    # ---------------------------------------------------------------- lease and ledger

    async def _keep_lease(self) -> None:
        while True:
            await self.renew()
            # Each renewal echoes on the pod's channel.
            if self._clock() - self._echoed > max(self._pace.echo, 1.5 * self._pace.renew):
                self._echoed = self._clock()
                await self._resubscribe()
            self._urgent.clear()
            try:
                # Not wait_for, which until Python 3.12 forgets to be cancelled when both happen at once.
                async with asyncio.timeout(self._pace.renew):
                    await self._urgent.wait()
            except TimeoutError:
                continue

    async def renew(self) -> bool:
        """One renewal; False when Redis does not answer."""
        try:
            renewed = await self._store.renew(
                lease=int(self._pace.lease * SECOND), connections=len(self._hub), registering=self._registering, timeout=self._pace.renew
            )
        except (StoreError, LedgerChanged) as error:
            self._failed(error)
            return False
        self.renewing, self._why = True, ""
        self.last_renewal = self._clock()
        self._renewed.set()
        self.on_renewal(renewed)
        if self._ledger not in ("", renewed.ledger):
            log.warning("Redis lost its data; this pod says its users and calls again", extra={"connections": len(self._hub)})
            self._begin(self._registrar.recall())
        self._ledger = renewed.ledger
        unknown = [user for user in self._hub if user.registered != renewed.ledger]
        if unknown and not self._registering:
            self._registering = True
            self._begin(self._register())
        return True

    def _failed(self, error: StoreError | LedgerChanged) -> None:
        """Told once; of a pod that never held its lease only what Redis refuses, as the link tells why it is not reached."""
        why = str(error) or type(error).__name__
        if self.renewing or (why != self._why and not isinstance(error, StoreUnavailable)):
            log.warning("the pod lease could not be renewed", extra={"why": why})
        self.renewing, self._why = False, why

    async def _register(self) -> None:
        try:
            while unknown := [user for user in self._hub if user.registered != self._store.ledger][: self._pace.register]:
                ledger = self._store.ledger
                results = await asyncio.gather(*(self._registrar.registered(user) for user in unknown), return_exceptions=True)
                for result in results:
                    if isinstance(result, BaseException):
                        log.error("a user could not be registered again", exc_info=result)
                if ledger == self._store.ledger and all(user.registered != ledger for user in unknown if self._hub.current(user)):
                    await asyncio.sleep(self._pace.sweep)
        finally:
            self._registering = False

    # ---------------------------------------------------------------- deadlines and attendance

    async def _keep_sweeping(self) -> None:
        while True:
            if self._store.ready:
                await self.sweep()
            await asyncio.sleep(self._pace.sweep)

    async def sweep(self) -> int:
        """Claim what is due and act on it; returns how much that was."""
        try:
            claimed = await self._store.claim(
                most=self._pace.batch, oldest_tick=int(self._pace.oldest_tick * SECOND), timeout=self._pace.renew
            )
        except (StoreError, LedgerChanged):
            return 0
        work = []
        for one in claimed:
            late = max(self._store.now() - one.due, 0) / SECOND
            work.append(self._expirer.expire(one, f"{one.kind} of {one.call.id} fired on {self._hub.pod}, {late:.1f} s late"))
        for result in await asyncio.gather(*work, return_exceptions=True):
            if isinstance(result, BaseException):
                log.error("a deadline could not be acted upon", exc_info=result)
        return len(claimed)

    async def _keep_attending(self) -> None:
        while True:
            await asyncio.sleep(self._pace.attend)
            self._hub.forget_calls(self._store.now() - 2 * self._store.grace)
            await self._comparer.compare([user for user in self._hub if user.live_call is not None])

    async def _keep_touching(self) -> None:
        batch = 100
        while True:
            users = list(self._hub)
            rounds = max(1, -(-len(users) // batch))
            for turn in range(rounds):
                await asyncio.sleep(self._pace.touch / rounds)
                some = [user for user in users[turn * batch : (turn + 1) * batch] if self._hub.current(user)]
                try:
                    await self._store.touch([user.user_id for user in some])
                except (StoreError, LedgerChanged):
                    break
                await self._comparer.compare(some)


async def _forever(work: Callable[[], Awaitable[None]]) -> None:
    """A defect in one turn of the clockwork is logged and must not stop it."""
    while True:
        try:
            await work()
        except Exception:
            log.exception("the clockwork stumbled")
            await asyncio.sleep(1.0)
