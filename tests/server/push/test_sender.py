"""The sender against a provider made of a list of answers, with a clock of its own."""

import asyncio
import json
import time
from typing import Any

import pytest
from harness.waiting import until

from carillon.config import ApnsSettings, FcmSettings, PushSettings
from carillon.errors import ConfigError
from carillon.push import Kind, Outcome, PushRequest, PushSender
from carillon.push import sender as sender_module
from carillon.push.outcome import Attempt
from carillon.telemetry import Metrics

SOON = 30.0
OK, TROUBLE, DEAD = Attempt(Outcome.DELIVERED, 200), Attempt(Outcome.PROVIDER_ERROR, 500), Attempt(Outcome.DEAD_TOKEN, 410, dead_since=7)


class Scripted:
    """Answers from a list, the last one for ever. gate: attempts wait for it."""

    remarks: list[str] = []  # noqa: RUF012 - nobody changes it

    def __init__(self, name: str, *answers: Attempt) -> None:
        self.name, self.answers = name, list(answers) or [OK]
        self.sent: list[tuple[str, Kind]] = []
        self.began: list[float] = []
        self.timeouts: list[float] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.under_way = self.most = 0
        self.closed = False

    async def attempt(self, request: PushRequest, kind: Kind, timeout: float) -> tuple[Attempt, tuple[str, ...]]:
        self.sent.append((request.session_id, kind))
        self.began.append(time.monotonic())
        self.timeouts.append(timeout)
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        try:
            async with asyncio.timeout(timeout):
                await self.gate.wait()
        except TimeoutError:
            return Attempt(Outcome.TIMEOUT), ()
        finally:
            self.under_way -= 1
        return (self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]), ()

    async def close(self) -> None:
        self.closed = True


def sender_to(*providers: Scripted, metrics: Metrics | None = None, **settings: Any) -> PushSender:
    """The least jitter, so that the first pause is 0.1 s."""
    by_os = {"apns": "ios", "fcm": "android"}
    ways = {by_os[one.name]: one for one in providers}
    return PushSender(ways, PushSettings(**settings), metrics=metrics, random=lambda: 0.0)


def soon(seconds: float = SOON) -> float:
    return time.monotonic() + seconds


# ---------------------------------------------------------------- routing


async def test_each_kind_of_device_has_its_provider(request_for: Any) -> None:
    apns, fcm = Scripted("apns"), Scripted("fcm")
    sender = sender_to(apns, fcm)
    assert (await sender.ring(request_for("ios", session_id="i"), soon())).provider == "apns"
    assert (await sender.ring(request_for("android", session_id="a"), soon())).provider == "fcm"
    assert (apns.sent, fcm.sent) == ([("i", Kind.INCOMING_CALL)], [("a", Kind.INCOMING_CALL)])


@pytest.mark.parametrize("os", ["windows", "iOS", "", None])
async def test_a_device_of_another_kind_cannot_be_woken(request_for: Any, os: str | None) -> None:
    sender = sender_to(Scripted("apns"), Scripted("fcm"))
    assert not sender.can_push(os)
    assert (await sender.ring(request_for("ios", device_os=os), soon())).outcome is Outcome.NOT_CONFIGURED


def test_what_is_not_configured_cannot_push() -> None:
    sender = PushSender.from_settings(PushSettings())
    assert not any(map(sender.can_push, ("ios", "android")))
    assert sender.remarks == []


async def test_what_is_configured_can_push(made: Any) -> None:
    apns = ApnsSettings(key_path=made.p8, key_id="K", team_id="T", bundle_id="b")
    sender = PushSender.from_settings(PushSettings(apns=apns))
    assert sender.can_push("ios")
    assert not sender.can_push("android")
    both = PushSettings(apns=apns, fcm=FcmSettings(service_account_json=json.dumps(made.account)))
    assert all(map(PushSender.from_settings(both).can_push, ("ios", "android")))


def test_all_that_is_wrong_is_said_at_once(made: Any, tmp_path: Any) -> None:
    settings = PushSettings(apns=ApnsSettings(cert_path=tmp_path / "no.p12", bundle_id="b"), fcm=FcmSettings(service_account_json="{}"))
    with pytest.raises(ConfigError) as found:
        PushSender.from_settings(settings)
    assert [problem.split()[0] for problem in found.value.problems] == ["FCM_SERVICE_ACCOUNT_JSON", "APNS_CERT_PATH"]


# ---------------------------------------------------------------- trying again


async def test_trouble_is_tried_again_until_it_passes(request_for: Any) -> None:
    provider = Scripted("apns", TROUBLE, Attempt(Outcome.INTERRUPTED), OK)
    result = await sender_to(provider).ring(request_for("ios"), soon())
    assert (result.outcome, result.attempts, result.status) == (Outcome.DELIVERED, 3, 200)


@pytest.mark.parametrize("outcome", [one for one in Outcome if not one.retry])
async def test_what_cannot_succeed_is_tried_once(request_for: Any, outcome: Outcome) -> None:
    provider = Scripted("apns", Attempt(outcome, reason="Because"))
    result = await sender_to(provider).ring(request_for("ios"), soon())
    assert (result.outcome, result.attempts, result.reason) == (outcome, 1, "Because")


async def test_no_attempt_begins_after_the_ring(request_for: Any) -> None:
    provider = Scripted("apns", TROUBLE)
    sender = sender_to(provider)
    deadline = soon(1.0)
    assert (await sender.ring(request_for("ios"), deadline)).outcome is Outcome.PROVIDER_ERROR
    assert max(provider.began) < deadline
    tried = len(provider.sent)
    assert (await sender.ring(request_for("ios"), time.monotonic())).outcome is Outcome.EXPIRED
    assert len(provider.sent) == tried


async def test_an_attempt_has_its_time_and_no_more_than_the_ring(request_for: Any) -> None:
    provider = Scripted("apns")
    sender = sender_to(provider, timeout=2.0)
    await sender.ring(request_for("ios"), soon())
    await sender.ring(request_for("ios"), soon(0.8))
    assert provider.timeouts[0] == 2.0
    assert provider.timeouts[1] <= 0.8


async def test_a_provider_that_says_when_to_come_back_is_heeded(request_for: Any) -> None:
    provider = Scripted("apns", Attempt(Outcome.THROTTLED, 429, retry_after=0.4), OK)
    began = time.monotonic()
    result = await sender_to(provider).ring(request_for("ios"), soon())
    assert result.delivered
    assert time.monotonic() - began >= 0.4
    late = Scripted("apns", Attempt(Outcome.THROTTLED, 429, retry_after=60.0))
    result = await sender_to(late).ring(request_for("ios"), soon())
    assert (result.outcome, result.attempts) == (Outcome.THROTTLED, 1)


# ---------------------------------------------------------------- nobody waits


async def test_a_provider_that_hangs_holds_up_neither_the_loop_nor_the_other_provider(request_for: Any) -> None:
    apns, fcm = Scripted("apns"), Scripted("fcm")
    apns.gate.clear()
    sender = sender_to(apns, fcm, in_flight=2)
    hanging = [asyncio.create_task(sender.ring(request_for("ios", session_id=str(n)), soon())) for n in range(10)]
    await until(lambda: apns.under_way == 2)
    async with asyncio.timeout(5):
        assert (await sender.ring(request_for("android"), soon())).delivered
    assert apns.most == 2
    apns.gate.set()
    assert all(result.delivered for result in await asyncio.gather(*hanging))
    assert apns.most == 2


async def test_who_waits_for_a_turn_waits_no_longer_than_the_ring(request_for: Any) -> None:
    provider = Scripted("apns")
    provider.gate.clear()
    sender = sender_to(provider, in_flight=1)
    first = asyncio.create_task(sender.ring(request_for("ios", session_id="first"), soon()))
    await until(lambda: provider.under_way == 1)
    assert (await sender.ring(request_for("ios", session_id="second"), soon(0.1))).outcome is Outcome.EXPIRED
    provider.gate.set()
    assert (await first).delivered
    assert [session for session, _ in provider.sent] == ["first"]
    assert (await sender.ring(request_for("ios", session_id="third"), soon())).delivered


async def test_who_stops_waiting_does_not_stop_the_push(request_for: Any) -> None:
    provider = Scripted("apns")
    provider.gate.clear()
    sender = sender_to(provider)
    task = asyncio.create_task(sender.ring(request_for("ios"), soon()))
    await until(lambda: provider.under_way == 1)
    task.cancel()
    again = asyncio.create_task(sender.ring(request_for("ios"), soon()))
    provider.gate.set()
    assert (await again).delivered
    assert len(provider.sent) == 1


async def test_closing_gives_up_what_is_under_way(request_for: Any) -> None:
    provider = Scripted("apns")
    provider.gate.clear()
    sender = sender_to(provider)
    task = asyncio.create_task(sender.ring(request_for("ios"), soon()))
    await until(lambda: provider.under_way == 1)
    await sender.close()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert provider.closed
    assert provider.under_way == 0


# ---------------------------------------------------------------- taking back


async def test_a_ring_is_taken_back(request_for: Any) -> None:
    provider = Scripted("apns")
    sender = sender_to(provider)
    await sender.ring(request_for("ios"), soon())
    assert (await sender.cancel(request_for("ios"), SOON)).delivered
    assert [kind for _, kind in provider.sent] == [Kind.INCOMING_CALL, Kind.CALL_CANCELLED]


async def test_a_ring_under_way_is_not_overtaken(request_for: Any) -> None:
    provider = Scripted("apns")
    provider.gate.clear()
    sender = sender_to(provider)
    ring = asyncio.create_task(sender.ring(request_for("ios"), soon()))
    await until(lambda: provider.under_way == 1)
    cancel = asyncio.create_task(sender.cancel(request_for("ios"), SOON))
    await asyncio.sleep(0.02)
    assert len(provider.sent) == 1
    provider.gate.set()
    assert (await ring).delivered
    assert (await cancel).delivered


async def test_a_ring_that_cannot_have_arrived_is_stopped_and_not_taken_back(request_for: Any) -> None:
    """An iPhone must show a call for every VoIP push, one that was never to be seen included."""
    provider = Scripted("apns", Attempt(Outcome.UNREACHABLE))
    sender = sender_to(provider)
    ring = asyncio.create_task(sender.ring(request_for("ios"), soon()))
    await until(lambda: len(provider.sent) == 1)
    assert (await sender.cancel(request_for("ios"), SOON)).outcome is Outcome.UNNEEDED
    assert (await ring).outcome is Outcome.UNREACHABLE
    assert len(provider.sent) == 1


async def test_a_ring_that_may_have_arrived_is_taken_back(request_for: Any) -> None:
    provider = Scripted("apns", Attempt(Outcome.INTERRUPTED), OK)
    sender = sender_to(provider)
    ring = asyncio.create_task(sender.ring(request_for("ios"), soon()))
    await until(lambda: len(provider.sent) == 1)
    assert (await sender.cancel(request_for("ios"), SOON)).delivered
    assert (await ring).outcome is Outcome.INTERRUPTED
    assert [kind for _, kind in provider.sent] == [Kind.INCOMING_CALL, Kind.CALL_CANCELLED]


async def test_a_ring_that_hangs_leaves_its_cancel_as_much_time_as_ever(request_for: Any) -> None:
    provider = Scripted("apns")
    provider.gate.clear()
    sender = sender_to(provider, timeout=0.5)
    ring = asyncio.create_task(sender.ring(request_for("ios"), soon()))
    await until(lambda: provider.under_way == 1)
    cancel = asyncio.create_task(sender.cancel(request_for("ios"), 0.4))
    assert (await ring).outcome is Outcome.TIMEOUT
    provider.gate.set()
    assert (await cancel).delivered


async def test_taking_back_can_be_switched_off(request_for: Any) -> None:
    provider = Scripted("apns")
    sender = sender_to(provider, cancel=False)
    await sender.ring(request_for("ios"), soon())
    assert (await sender.cancel(request_for("ios"), SOON)).outcome is Outcome.UNNEEDED
    assert len(provider.sent) == 1


async def test_an_answered_call_is_not_rung_again(request_for: Any) -> None:
    provider = Scripted("apns", TROUBLE)
    sender = sender_to(provider, in_flight=1)
    ring = asyncio.create_task(sender.ring(request_for("ios"), soon()))
    await until(lambda: len(provider.sent) == 1)
    sender.settle(request_for("ios").session_id)
    assert (await ring).outcome is Outcome.PROVIDER_ERROR
    assert len(provider.sent) == 1
    sender.settle("unknown")


async def test_an_answered_call_that_waits_for_its_turn_is_not_rung(request_for: Any) -> None:
    provider = Scripted("apns")
    provider.gate.clear()
    sender = sender_to(provider, in_flight=1)
    first = asyncio.create_task(sender.ring(request_for("ios", session_id="first"), soon()))
    await until(lambda: provider.under_way == 1)
    second = asyncio.create_task(sender.ring(request_for("ios", session_id="second"), soon()))
    await asyncio.sleep(0)
    sender.settle("second")
    provider.gate.set()
    assert (await second).outcome is Outcome.STOPPED
    assert (await first).delivered


@pytest.mark.parametrize(("answers", "asked"), [([True, True], 2), ([True, False], 2), ([False], 1)])
async def test_every_further_attempt_is_made_only_if_it_is_still_wanted(request_for: Any, answers: list[bool], asked: int) -> None:
    provider = Scripted("apns", TROUBLE, TROUBLE, OK)
    seen: list[int] = []

    async def wanted() -> bool:
        seen.append(len(provider.sent))
        return answers[len(seen) - 1]

    result = await sender_to(provider).ring(request_for("ios"), soon(), wanted)
    assert result.delivered == all(answers)
    assert seen == [1, 2][:asked]
    assert result.attempts == sum(answers) + 1


async def test_a_ring_that_waited_long_for_its_turn_is_made_only_if_it_is_still_wanted(
    request_for: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sender_module, "LONG", 0.1)
    provider = Scripted("apns")
    provider.gate.clear()
    sender = sender_to(provider, in_flight=1)
    first = asyncio.create_task(sender.ring(request_for("ios", session_id="first"), soon()))
    await until(lambda: provider.under_way == 1)

    async def unwanted() -> bool:
        return False

    second = asyncio.create_task(sender.ring(request_for("ios", session_id="second"), soon(), unwanted))
    await asyncio.sleep(0.15)  # longer than LONG
    provider.gate.set()
    assert (await second).outcome is Outcome.STOPPED
    assert (await first).delivered
    assert (await sender.ring(request_for("ios", session_id="third"), soon(), unwanted)).delivered


# ---------------------------------------------------------------- telling


async def test_pushes_are_counted_by_what_became_of_them(request_for: Any) -> None:
    metrics = Metrics()
    sender = sender_to(Scripted("apns", OK, DEAD, Attempt(Outcome.AUTH)), Scripted("fcm"), metrics=metrics)
    for os in ("ios", "ios", "ios", "android"):
        await sender.ring(request_for(os), soon())
    await sender.cancel(request_for("android"), SOON)
    counted = {key: count for key, count in metrics.pushes.read() if count}
    assert counted == {
        ("apns", "ring", "sent"): 1,
        ("apns", "ring", "dead_token"): 1,
        ("apns", "ring", "failed"): 1,
        ("fcm", "ring", "sent"): 1,
        ("fcm", "cancel", "sent"): 1,
    }
    assert {key: sum(buckets) for key, buckets, _ in metrics.push_time.read()} == {("apns",): 3, ("fcm",): 2}


async def test_tokens_can_be_told_apart_but_not_known(request_for: Any) -> None:
    def marks(sender: PushSender) -> list[str]:
        return [sender._mark(token) for token in ("aa", "aa", "bb", "\ud800")]

    first, second = sender_to(Scripted("apns")), sender_to(Scripted("apns"))
    assert marks(first)[0] == marks(first)[1] != marks(first)[2]
    assert marks(first) != marks(second)
    assert all(len(mark) == 8 for mark in marks(first))
    result = await first.ring(request_for("ios", device_token="aa"), soon())
    assert result.token == marks(first)[0]
