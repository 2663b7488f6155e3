"""WebRTC messages on their way to the peer. Between two reference clients of an accepted call no Redis is read."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

from carillon.call import Call, Check, Found, State
from carillon.errors import ErrorCode, Refused, StoreFull, StoreUnavailable
from carillon.hub import Attached, Hub
from carillon.router.router import Router
from carillon.service.ask import Ask, OutOfSequence, StaleConnection, reclaimed
from carillon.service.belief import place_of
from carillon.service.transact import Transactor
from carillon.store.records import FORMAT, Relayed
from carillon.store.results import Duplicate, Gap, RelayRefused, RelaySent, Stale, Unregistered
from carillon.store.store import LedgerChanged, Store


class Relayer:
    def __init__(
        self,
        store: Store,
        hub: Hub,
        router: Router,
        transactor: Transactor,
        renewed: Callable[[float], Awaitable[None]],
        registered: Callable[[Attached], Awaitable[None]],
        clock: Callable[[], float],
        patience: float = 15.0,
    ) -> None:
        self._store, self._hub, self._router, self._transactor = store, hub, router, transactor
        self._renewed, self._registered, self._clock = renewed, registered, clock
        self._patience = patience

    @staticmethod
    def direct(sender: Attached) -> bool:
        """Whether messages of this user's call need no Redis, by what is held here."""
        call, place = sender.call, sender.peer
        return not sender.v1 and bool(place.pod) and not place.v1 and call is not None and call.state is State.ACCEPTED

    def at_once(self, sender: Attached, session_id: str, name: str, payload: bytes) -> str:
        """Relay without Redis, if both are reference clients of a call that this pod knows to be accepted.

        Returns the path it took, `local` or `remote`; an empty string where Redis must be asked.
        """
        call = sender.call
        if not self._hub.current(sender):
            raise StaleConnection
        if sender.v1 or call is None or call.id != session_id or call.state is not State.ACCEPTED:
            return ""
        sender.named = True
        place = sender.peer
        if place.v1 or not place.pod:
            return ""
        peer_id = call.peer_of(sender.user_id)
        event = Relayed(FORMAT, name, call.revision, payload)
        if place.pod != self._hub.pod:
            self._router.post(place, peer_id, event, call.revision, place_of(sender, self._hub))
            return "remote"
        peer = self._hub.get(peer_id)
        if peer is None or peer.v1 or peer.generation != place.generation:
            return ""
        self._router.deliver(peer, event, revision=call.revision)
        return "local"

    async def relay(self, sender: Attached, session_id: str, name: str, payload: bytes, n: int | None) -> Call:
        """Relay through the recipient's inbox; returns the call. Raises Refused, StaleConnection, OutOfSequence."""
        deadline = self._clock() + self._patience
        call = await self._call(sender, session_id)
        recipient = call.peer_of(sender.user_id)
        event = Relayed(FORMAT, name, call.revision, payload)
        sender.relays += 1
        number, repeated = None if sender.v1 else (sender.at, sender.relays), False
        while (left := deadline - self._clock()) > 0:
            here, generation = self._hub.get(recipient), sender.generation
            try:
                result = await self._store.relay(
                    sender=sender.user_id,
                    generation=generation,
                    session=sender.session,
                    n=n or 0,
                    recipient=recipient,
                    call_id=session_id,
                    event=event,
                    number=number,
                    repeated=repeated,
                    direct=here.generation if here and (here.v1 or here.revision == call.revision) else 0,
                    timeout=left,
                )
            except LedgerChanged:
                await self._renewed(left)
                continue
            except StoreUnavailable as error:
                repeated = repeated or error.sent
                await asyncio.sleep(0.05)
                continue
            except StoreFull:
                break
            match result:
                case RelaySent(sent=sent, place=place):
                    if sent.how == "direct" and here is not None and self._hub.current(here):
                        self._router.deliver(here, event, seq=sent.seq, revision=call.revision)
                    elif repeated and here is not None and here.v1:
                        self._router.upstairs.mend(here)  # the unanswered attempt may have left it for this pod to deliver
                    if sender.call is call and sent.how != "none":
                        sender.peer = place
                    return call
                case Duplicate():
                    if repeated and here is not None and here.v1:
                        self._router.upstairs.mend(here)
                    return call
                case Gap(expected):
                    raise OutOfSequence(expected + 1)
                case Stale():
                    if not await reclaimed(sender, generation, self._hub):
                        raise StaleConnection
                case Unregistered():
                    if not self._hub.current(sender):
                        raise StaleConnection
                    if sender.registered == self._store.ledger:
                        sender.registered = ""
                    await self._registered(sender)
                case RelayRefused(call=now):
                    raise Refused(self._why(now, sender.user_id))
        raise Refused(ErrorCode.UNAVAILABLE, retry_after=5.0)

    async def _call(self, sender: Attached, session_id: str) -> Call:
        """The call a message names: the one held here, else what Redis says. Raises Refused where there is none."""
        call = sender.live_call
        if call is None or call.id != session_id or call.state is not State.ACCEPTED:
            outcome = await self._transactor.run(Ask(Check(sender.user_id), session_id, sender))
            assert isinstance(outcome, Found)
            call = outcome.call
            if call is None or call.state is not State.ACCEPTED:
                raise Refused(await self._reason(call, session_id, sender.user_id))
        sender.named = True
        return call

    async def _reason(self, call: Call | None, session_id: str, user_id: str) -> ErrorCode:
        if call is None:
            with contextlib.suppress(StoreUnavailable):
                call = await self._store.look(session_id)
        return self._why(call, user_id)

    @staticmethod
    def _why(call: Call | None, user_id: str) -> ErrorCode:
        if call is None or not call.live:
            return ErrorCode.SESSION_NOT_FOUND
        return ErrorCode.INVALID_STATE if user_id in call.users else ErrorCode.UNAUTHORIZED
