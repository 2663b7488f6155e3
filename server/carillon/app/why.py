"""`python -m carillon why ID`: why a call ended, or how it stands, read from Redis by the server's own environment."""

import asyncio
import sys
import time
from datetime import UTC, datetime

from carillon.call import Call, Rules
from carillon.config import Settings, TelemetrySettings
from carillon.errors import StoreError
from carillon.store.endpoints import Connector
from carillon.store.link import RedisLink
from carillon.store.store import Keeping, Store
from carillon.telemetry import configure_logging

_CAUSES = {
    "hangup": "{by} hung up",
    "cancelled": "{by} cancelled before anybody answered",
    "rejected": "{by} declined",
    "no_answer": "nobody answered in time",
    "lost": "the connection of {by} was lost and did not return within the grace",
    "left": "the app of {by} closed its connection in order",
    "superseded": "{by} began another call on a connection that did not know of this one",
}


def tell(call: Call, now: float) -> str:
    """The story of a call in lines for a person. now: Unix time in seconds."""

    def at(micros: int) -> str:
        return datetime.fromtimestamp(micros / 1e6, UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3] + " UTC"

    lines = [f"call     {call.id}", f"caller   {call.caller.user_id}", f"callee   {call.callee.user_id}", f"started  {at(call.created)}"]
    if call.alert:
        lines.append(f"alerted  by {call.alert.value}")
    if call.accepted:
        lines.append(f"accepted {at(call.accepted)}, {(call.accepted - call.created) / 1e6:.1f} s later")
    if call.live:
        lines.append(f"state    {call.state.value}, for {now - call.created / 1e6:.0f} s")
    else:
        cause = call.cause.value if call.cause else "unknown"
        lines.append(f"ended    {at(call.ended)}")
        lines.append(f"because  {_CAUSES.get(cause, cause).format(by=call.ended_by or 'nobody')} ({cause})")
        if call.note:
            lines.append(f"seen     {call.note}")
    if call.trace:
        lines.append(f"trace    {call.trace.split('-')[1]}")
    return "\n".join(lines)


async def why(settings: Settings, call_id: str) -> tuple[int, str]:
    """(exit code, text): 0 found, 1 unknown, 3 no answer from Redis."""
    link = RedisLink(Connector(settings.redis, f"{{carillon:{settings.redis.cell}}}"))
    link.start()
    try:
        store = Store(link, cell=settings.redis.cell, pod="why", rules=Rules(), keeping=Keeping(), monotonic=time.monotonic, timeout=5.0)
        call = await store.look(call_id)
    except StoreError as error:
        return 3, f"carillon: Redis gave no answer: {error}"
    finally:
        await link.close()
    if call is None:
        return 1, f"carillon: no call {call_id} is known; ended calls are kept for {settings.calls.tombstone / 3600:g} h (TOMBSTONE_TTL)"
    return 0, tell(call, time.time())


def main(settings: Settings, call_id: str) -> int:
    # What stands between us and Redis is in a field of the log's line.
    configure_logging(TelemetrySettings(log_level="warning", log_format="text"), "why")
    code, text = asyncio.run(why(settings, call_id))
    print(text, file=sys.stderr if code else sys.stdout)
    return code
