"""What this pod holds of its users is compared with Redis; what differs is fetched and told."""

import logging
from collections.abc import Iterable

from msgspec.structs import replace

from carillon.call import Call, Cause, State
from carillon.errors import StoreError
from carillon.hub import Attached, Hub
from carillon.router.render import statements
from carillon.router.router import Router
from carillon.store.records import Event
from carillon.store.results import Standing
from carillon.store.store import LedgerChanged, Store

log = logging.getLogger(__name__)

BATCH = 64
"""Users per script when many are asked about: some 100 µs of Redis each time."""


class Comparer:
    def __init__(self, store: Store, hub: Hub, router: Router) -> None:
        self._store, self._hub, self._router = store, hub, router

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
                    if user.renews and standing.call is not None and user.live_call is not None and standing.call.id == user.live_call.id:
                        user.leased = standing.call.id
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
        elif standing.revision > user.revision or self._gone(user, standing):
            self._router.upstairs.mend(user)

    @staticmethod
    def _gone(user: Attached, standing: Standing) -> bool:
        """Whether the call that this connection was told of lives no more, though nothing later was told to it."""
        return user.live_call is not None and standing.call is None and standing.revision == user.revision

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
        epoch = attached.epoch
        entries = await self._store.replay(attached.user_id, epoch, attached.seq)
        if entries is None and attached.epoch == epoch:
            self._router.upstairs.look_again(attached)
        return [(seq, attached.revision, event) for seq, event in entries or []] if attached.epoch == epoch else []

    @staticmethod
    def _lost(call: Call) -> Call:
        """Its record is gone, so nobody carries it on."""
        return replace(call, revision=call.revision + 1, state=State.ENDED, cause=Cause.LOST, note="Redis knows nothing of it any more")

    async def _difference(self, attached: Attached) -> list[tuple[int, int, Event]]:
        call = attached.live_call
        asked = (attached.user_id, attached.generation, call.id if call else "", attached.renews)
        (standing,) = await self._store.attend([asked])
        if standing.generation != attached.generation:
            return []
        if standing.revision <= attached.revision and not self._gone(attached, standing):
            return []
        if standing.call is not None:
            told = statements(standing.call, None, attached.user_id, known=False)
            if not told:
                self._router.note(attached, standing.call, standing.peer)
        else:
            ended = await self._store.look(call.id) or self._lost(call) if call else None
            told = statements(None, ended, attached.user_id, known=False) if ended else []
        return [(0, event.call.revision, event) for event in told]
