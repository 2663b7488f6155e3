"""The ring at the callee: whether a living app has it, and the push where none has."""

import logging

from carillon.call import Alert, Call, Command, Decision, Found, Report, State, cancel_is_owed
from carillon.errors import Refused, StoreError
from carillon.hub import Attached
from carillon.service.ask import Ask
from carillon.service.background import Background
from carillon.service.ports import Pusher, Watcher
from carillon.service.transact import Transactor
from carillon.store.records import Place

log = logging.getLogger(__name__)


class Ring:
    """hurry: seconds that a report waits for Redis."""

    def __init__(self, transactor: Transactor, pusher: Pusher, watcher: Watcher, background: Background, hurry: float) -> None:
        self._transactor, self._pusher, self._watcher, self._background, self._hurry = transactor, pusher, watcher, background, hurry

    def rang(self, callee: Attached, call: Call, caller: Place) -> None:
        """A ring went out to this connection: see that a living app has it. Who fetched it does not know where its caller is."""
        if call.device_token or caller.v1 or not caller.pod:
            if not callee.v1:
                callee.connection.probe()
        else:
            callee.ring_seq = 0

    def pong(self, callee: Attached) -> None:
        """A reference client's WebSocket answered a ping: as much as can be known of its ring, or of what it was told."""
        callee.confirmed = callee.probed
        call = callee.live_call
        if call is not None and not callee.v1 and call.callee.user_id == callee.user_id:
            self._heard(call)

    def received(self, callee: Attached, seq: int) -> None:
        call = callee.live_call
        if call is not None and callee.ring_seq and seq >= callee.ring_seq and call.callee.user_id == callee.user_id:
            callee.ring_seq = 0
            self._heard(call)

    def _heard(self, call: Call) -> None:
        if call.alert is Alert.NONE and call.state is State.RINGING:
            self._background.spawn(self._answered(call))

    async def _answered(self, call: Call) -> None:
        await self._report(Ask(Report(Alert.SOCKET), call.id, known=call, patience=self._hurry))

    async def _report(self, ask: Ask) -> Call | None:
        """Returns the call where it rings no more, or its app has answered."""
        try:
            outcome = await self._transactor.run(ask)
        except (StoreError, Refused):
            log.info("the state of a ring could not be stored", extra={"session_id": ask.call_id})
            return None
        return outcome.call if isinstance(outcome, Found) else None

    def committed(self, decision: Decision, command: Command) -> None:
        """What a commit asks of the world outside Redis."""
        self._watcher.committed(decision, command)
        call = decision.call
        if call is not None and call.state is not State.RINGING:
            self._pusher.settle(call.id)
        if call is not None and decision.push == "ring":
            self._background.spawn(self._push(call))
        elif call is not None and decision.push == "cancel":
            self._background.spawn(self._pusher.cancel(call))

    async def _push(self, call: Call) -> None:
        """What Redis says of the call counts, nothing held here: this pod may have neither user, and hear nothing of its end."""
        report = await self._pusher.ring(call)
        found = await self._report(Ask(report, call.id, patience=self._hurry))
        if report.may_have_arrived and found is not None and cancel_is_owed(found):
            await self._pusher.cancel(call)
