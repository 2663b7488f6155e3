"""What this pod holds of its users is compared with Redis; what differs is fetched and told."""

import asyncio
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
AGAIN = 0.2
"""Seconds before Redis is asked again what a user missed."""


class Comparer:
    def __init__(self, store: Store, hub: Hub, router: Router) -> None:
        self._store, self._hub, self._router = store, hub, router
        self._unanswered: set[Attached] = set()
        """Those for whom Redis is asked again in a moment."""

    async def compare(self, users: Iterable[Attached]) -> bool:
        """Ask Redis how these users stand, renew their attendance, and tell each what differs. False: Redis does not answer."""
        known = [user for user in users if user.registered == self._store.ledger]
        for batch in (known[at : at + BATCH] for at in range(0, len(known), BATCH)):
            asked = [(u.user_id, u.generation, u.live_call.id if u.live_call else "", u.renews) for u in batch]
            try:
                standings = await self._store.attend(asked)
            except (LedgerChanged, StoreError):
                for user in known:
                    user.leased = ""
                return False
            for user, (_, generation, _, _), standing in zip(batch, asked, standings, strict=True):
                if self._hub.current(user) and user.generation == generation:
                    self._compared(user, standing)
        return True

    def _compared(self, user: Attached, standing: Standing) -> None:
        if standing.generation > user.generation and not standing.placed:
            self._router.upstairs.reclaim(user)
        if standing.generation < user.generation or self._expired(user, standing):
            user.registered = ""  # keys have expired in a long outage; the next renewal of the pod lease has them said again
            return
        if standing.generation != user.generation or not standing.here:
            return
        call = user.live_call
        if standing.call is not None and call is not None and standing.call.id == call.id:
            user.peer = standing.peer
            if user.renews:
                user.leased = call.id
        if user.v1:
            if standing.epoch != user.epoch or standing.seq > user.seq:
                self._router.upstairs.mend(user)
        elif standing.revision > user.revision or self._gone(user, standing):
            self._router.upstairs.mend(user)

    @staticmethod
    def _expired(user: Attached, standing: Standing) -> bool:
        """Whether a call is named and not there, as no end leaves it."""
        return user.live_call is not None and standing.call is None and standing.holds == user.live_call.id

    @staticmethod
    def _gone(user: Attached, standing: Standing) -> bool:
        """Whether the call that this connection was told of lives no more, though nothing later was told to it."""
        return user.live_call is not None and standing.call is None and standing.revision == user.revision

    async def mend(self, attached: Attached) -> None:
        """Fetch what a connection has missed and hand it to the router; asked again until Redis answers."""
        while self._hub.current(attached):
            try:
                if attached.v1:
                    await self._replay(attached)
                else:
                    self._router.mended(attached, await self._difference(attached))
                return
            except (LedgerChanged, StoreError):
                if not attached.v1:
                    self._router.mended(attached, [])  # what is relayed inside this pod needs no Redis
                if attached in self._unanswered:
                    return  # it is asked for already
                self._unanswered.add(attached)
                log.info("what a user missed could not be fetched yet", extra={"user_id": attached.user_id})
            await asyncio.sleep(AGAIN)
            self._unanswered.discard(attached)

    async def _replay(self, attached: Attached) -> None:
        attached.held = []  # what came before the question is in the answer, or belongs to another inbox
        epoch, seq = attached.epoch, attached.seq
        found = await self._store.replay(attached.user_id, epoch, seq)
        if attached.epoch != epoch:
            return  # whoever welcomed them to another inbox sends what is there
        last, events = found or (seq, [])
        if found is None or len(events) < last - seq:
            attached.seq = max(attached.seq, last)
            self._router.upstairs.look_again(attached)  # it is not kept any more: they are welcomed anew, nothing recovered
        else:
            self._router.mended(attached, [(number, attached.revision, event) for number, event in events])

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
