"""What follows when a deadline passes: a ring nobody answered, a participant who did not return."""

import logging

from carillon.call import SECOND, Decision, Expire
from carillon.errors import Refused, StoreError
from carillon.service.ask import Ask, StaleConnection
from carillon.service.parts import Parts
from carillon.store.results import Claimed

log = logging.getLogger(__name__)


class Deadlines:
    """Fulfils `carillon.sweeper.Expirer`."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def expire(self, deadline: Claimed, note: str) -> None:
        """Act on a claimed deadline. Another pod may have been faster, or the lease renewed: then nothing happens."""
        call, claim = deadline.call, (deadline.zset, deadline.member, deadline.score)
        command = Expire(deadline.kind, deadline.user_id, note)
        try:
            outcome = await self._parts.transactor.run(Ask(command, call.id, claim=claim, known=call, patience=self._parts.hurry))
        except (StoreError, Refused, StaleConnection) as error:
            log.info(
                "a deadline could not be acted upon; it stays due",
                extra={"session_id": call.id, "deadline": deadline.kind, "why": type(error).__name__},
            )
        else:
            if isinstance(outcome, Decision):
                self._parts.watcher.fired(deadline.kind, max(self._parts.now() - deadline.due, 0) / SECOND)
