"""Which calls to the API server are made again, and how often."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from carillon_operator.kube import ApiError, Conflict, Forbidden, Invalid, NotFound, NotLeading, Throttled, Unreachable, patience
from carillon_operator.kube.errors import error
from carillon_operator.kube.patience import ATTEMPTS, PATIENCE, persist


class Time:
    """Stands still but for what is slept."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    found = Time()
    monkeypatch.setattr(patience.asyncio, "sleep", found.sleep)
    return found


def failing(*failures: Exception) -> Callable[[], Any]:
    left: Iterator[Exception] = iter(failures)

    async def call() -> str:
        for one in left:
            raise one
        return "done"

    return call


def answered(status: int, retry_after: str | None = None) -> ApiError:
    return error(status, {"message": "said"}, retry_after)


@pytest.mark.parametrize("failure", [answered(500), answered(502), answered(503), answered(504), Unreachable("cut"), answered(429)])
async def test_what_fails_for_a_moment_is_made_again(time: Time, failure: Exception) -> None:
    assert await persist(failing(*[failure] * (ATTEMPTS - 1)), lambda: time.now) == "done"
    assert len(time.slept) == ATTEMPTS - 1


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 410, 413, 422])
async def test_what_would_fail_again_is_not(time: Time, status: int) -> None:
    with pytest.raises(ApiError):
        await persist(failing(answered(status)), lambda: time.now)
    assert not time.slept


async def test_who_leads_no_more_makes_no_further_attempt(time: Time) -> None:
    with pytest.raises(NotLeading):
        await persist(failing(Unreachable("cut"), NotLeading()), lambda: time.now)
    assert len(time.slept) == 1


async def test_attempts_are_bounded(time: Time) -> None:
    with pytest.raises(Unreachable):
        await persist(failing(*[Unreachable("away")] * ATTEMPTS), lambda: time.now)
    assert len(time.slept) == ATTEMPTS - 1
    assert sum(time.slept) < PATIENCE


async def test_no_attempt_begins_when_the_patience_is_used_up(time: Time) -> None:
    async def slow() -> None:
        time.now += PATIENCE
        raise Unreachable("no answer in time")

    with pytest.raises(Unreachable):
        await persist(slow, lambda: time.now)
    assert not time.slept


async def test_retry_after_is_kept_to(time: Time) -> None:
    await persist(failing(answered(429, "3")), lambda: time.now)
    assert 3.0 <= time.slept[0] <= 3.6


async def test_a_long_retry_after_is_left_to_the_queue(time: Time) -> None:
    with pytest.raises(Throttled) as refused:
        await persist(failing(answered(429, "30")), lambda: time.now)
    assert refused.value.after == 30
    assert not time.slept


async def test_it_can_be_cancelled_while_it_waits() -> None:
    waiting = asyncio.create_task(persist(failing(*[answered(429, "5")] * 9), asyncio.get_running_loop().time))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting


@pytest.mark.parametrize(
    ("status", "retry_after", "kind"),
    [
        (400, None, Invalid),
        (401, None, Forbidden),
        (403, None, Forbidden),
        (404, None, NotFound),
        (409, None, Conflict),
        (413, None, Invalid),
        (422, None, Invalid),
        (429, None, Throttled),
        (503, "1", Throttled),
        (503, None, ApiError),
        (500, "1", ApiError),
    ],
)
def test_answers_are_told_apart(status: int, retry_after: str | None, kind: type[ApiError]) -> None:
    assert type(answered(status, retry_after)) is kind


@pytest.mark.parametrize(("retry_after", "after"), [("0", 1.0), ("7", 7.0), ("3600", 60.0), ("soon", 1.0), ("-1", 1.0)])
def test_retry_after_is_bounded(retry_after: str, after: float) -> None:
    failure = answered(429, retry_after)
    assert isinstance(failure, Throttled)
    assert failure.after == after


@pytest.mark.parametrize("body", [None, "plain text", [], {}, {"details": None}, {"details": {"causes": None}}])
def test_an_answer_that_is_no_status_is_still_told(body: Any) -> None:
    failure = error(500, body, None)
    assert failure.message == "HTTP 500"
    assert failure.causes == ()


def test_a_namespace_that_ends_is_known_by_its_cause() -> None:
    body = {"message": "forbidden", "details": {"causes": [{"reason": "NamespaceTerminating"}]}}
    failure = error(403, body, None)
    assert isinstance(failure, Forbidden)
    assert failure.namespace_ends
