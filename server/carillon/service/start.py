"""A call is started; and taken back, should a start that was given up turn out to have happened."""

import asyncio
import uuid

from carillon import protocol
from carillon.call import End, Outcome, Refusal, Start
from carillon.errors import StoreUnavailable
from carillon.hub import Attached
from carillon.service.ask import Ask
from carillon.service.parts import Parts

LOOKS = (0.0, 5.0, 15.0)
"""Seconds between looks for a start that was given up: what a dead socket still held may come late. No place hangs on it, so fewer than
`ask.GHOSTS`.
"""


async def start_call(parts: Parts, sender: Attached, payload: protocol.StartPayload, n: int | None) -> tuple[str, Outcome]:
    """The call's id and what became of it. Raises Refused (too many of them), StoreUnavailable (Redis did not say in time)."""
    parts.limiter.start(sender.user_id, payload.callee_device_token)
    call_id = str(uuid.uuid4())
    command = Start(
        call_id=call_id,
        caller=sender.user,
        callee_id=payload.callee_id,
        begun=parts.now(),
        v1=sender.v1,
        attached=sender.at,
        named=sender.named,
        device_token=payload.callee_device_token,
        device_os=payload.callee_os,
        can_push=bool(payload.callee_device_token) and parts.pusher.can_push(payload.callee_os),
        media=payload.media,
        data=payload.data,
        trace=parts.watcher.begin(call_id),
    )
    began = parts.clock()
    try:
        with parts.tracer.child("call.start", command.trace):
            outcome = await parts.transactor.run(Ask(command, call_id, sender, n, patience=parts.hurry))
    except StoreUnavailable:
        parts.background.spawn(_undo(parts, command))
        raise
    if isinstance(outcome, Refusal):
        parts.watcher.refused(command, outcome.code.value, parts.now())
    else:
        parts.watcher.set_up(parts.clock() - began)
    return call_id, outcome


async def _undo(parts: Parts, start: Start) -> None:
    """The start was sent and given up: should it turn out committed, it is cancelled."""
    for delay in LOOKS:
        await asyncio.sleep(delay)
        await parts.transactor.settle(Ask(End(start.caller, given_up=start.v1, note="the start was given up"), start.call_id))
