"""What a ring for a call asks of others, before a sender that only asks."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, cast

import pytest
from msgspec.structs import replace

from carillon.call import Alert, Call, Report, State
from carillon.errors import StoreUnavailable
from carillon.protocol import UserInfo
from carillon.push import CallPusher, Outcome, PushRequest, PushResult, PushSender, pusher

RINGING = Call("id", 1, State.RINGING, UserInfo("alice"), UserInfo("bob"), 0, 60_000_000, device_token="t", device_os="ios")


class Asking:
    """Delivers what is wanted."""

    async def ring(self, request: PushRequest, deadline: float, wanted: Callable[[], Awaitable[bool]]) -> PushResult:
        return PushResult(Outcome.DELIVERED, may_have_arrived=True) if await wanted() else PushResult(Outcome.STOPPED)


async def away() -> Call | None:
    raise StoreUnavailable("away", sent=True)


async def hang() -> Call | None:
    await asyncio.Event().wait()
    return None


def found(call: Call | None) -> Callable[[], Awaitable[Call | None]]:
    return lambda: asyncio.sleep(0, call)


@pytest.mark.parametrize(
    ("look", "wanted"),
    [
        (found(RINGING), True),
        (found(replace(RINGING, state=State.ACCEPTED)), False),
        (found(replace(RINGING, state=State.ENDED)), False),
        (found(None), True),
        (away, True),
        (hang, True),
    ],
    ids=["rings", "was accepted", "has ended", "was forgotten", "Redis is away", "Redis hangs"],
)
async def test_a_ring_goes_on_unless_the_call_is_known_to_ring_no_more(
    monkeypatch: pytest.MonkeyPatch, look: Callable[[], Awaitable[Any]], wanted: bool
) -> None:
    monkeypatch.setattr(pusher, "LOOK_PATIENCE", 0.05)
    report = await CallPusher(cast("PushSender", Asking()), lambda: 0, lambda _: look()).ring(RINGING)
    assert report == (Report(Alert.PUSH, may_have_arrived=True) if wanted else Report(Alert.FAILED))
