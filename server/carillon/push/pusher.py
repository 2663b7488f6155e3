"""Pushes for calls: what `service.Pusher` asks for, in terms of `Call`."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable

from carillon.call import SECOND, Alert, Call, Report, State
from carillon.errors import StoreError
from carillon.push.message import PushRequest
from carillon.push.outcome import Outcome, PushResult
from carillon.push.sender import PushSender

log = logging.getLogger(__name__)

CANCEL_PATIENCE = 8.0
"""Seconds within which a cancel is tried; the reference's."""
LOOK_PATIENCE = 1.0
"""Seconds that a further attempt to ring waits to hear whether the call still rings."""
_QUIET = (Outcome.DELIVERED, Outcome.STOPPED, Outcome.UNNEEDED)


class CallPusher:
    """now: microseconds since 1970 by the clock that `ring_until` is of. look: a call by its id, as all pods know it; raises StoreError.
    clock: the sender's, in seconds.
    """

    def __init__(
        self,
        sender: PushSender,
        now: Callable[[], int],
        look: Callable[[str], Awaitable[Call | None]],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._sender, self._now, self._look, self._clock = sender, now, look, clock

    def can_push(self, os: str | None) -> bool:
        return self._sender.can_push(os)

    async def ring(self, call: Call) -> Report:
        """What became of it: PUSH once a provider took it, FAILED when none did before the ring ends."""
        deadline = self._clock() + (call.ring_until - self._now()) / SECOND
        result = await self._sender.ring(request_of(call), deadline, lambda: self._rings(call.id))
        _tell(call, "ring", result)
        return Report(Alert.PUSH if result.delivered else Alert.FAILED, result.may_have_arrived)

    async def _rings(self, call_id: str) -> bool:
        """Nobody may have told this pod that the call was answered or ended elsewhere. Where nobody can say, it rings."""
        try:
            async with asyncio.timeout(LOOK_PATIENCE):
                call = await self._look(call_id)
        except (StoreError, TimeoutError):
            return True
        return call is None or call.state is State.RINGING

    async def cancel(self, call: Call) -> None:
        _tell(call, "cancel", await self._sender.cancel(request_of(call), CANCEL_PATIENCE))

    def settle(self, session_id: str) -> None:
        """The call rings no more: make no further attempt to ring."""
        self._sender.settle(session_id)


def request_of(call: Call) -> PushRequest:
    return PushRequest(
        session_id=call.id,
        caller=call.caller,
        callee_id=call.callee.user_id,
        device_token=call.device_token or "",
        device_os=call.device_os,
        expires_at=call.ring_until // SECOND,
        media=call.media,
        data=call.data,
        traceparent=call.trace,
    )


def _tell(call: Call, kind: str, result: PushResult) -> None:
    if result.dropped:
        log.info("a push was too large; parts of it were left out", extra={"session_id": call.id, "left_out": ",".join(result.dropped)})
    if result.outcome in _QUIET:
        return
    log.warning(
        "a device token is dead: whoever keeps it should forget it" if result.outcome is Outcome.DEAD_TOKEN else "a push was not delivered",
        extra={
            "session_id": call.id,
            "callee": call.callee.user_id,
            "push": kind,
            "provider": result.provider,
            "outcome": result.outcome.value,
            "status": result.status,
            "why": result.reason,
            "attempts": result.attempts,
            # Not `token`: what follows that word is blotted out of every line.
            "device": result.token,
            "dead_since": result.dead_since,
        },
    )
