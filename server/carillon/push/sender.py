"""Sends pushes: picks the provider, tries again until the ring is over, and makes nobody wait but itself."""

import asyncio
import hashlib
import random
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Protocol

from carillon.config import PushSettings
from carillon.errors import ConfigError
from carillon.push.apns import Apns
from carillon.push.fcm import Fcm
from carillon.push.message import Kind, PushRequest
from carillon.push.outcome import Attempt, Outcome, PushResult, delay
from carillon.telemetry import Metrics, Off, Span, Tracer

_LABELS = {Kind.INCOMING_CALL: "ring", Kind.CALL_CANCELLED: "cancel"}
_COUNTED = {Outcome.DELIVERED: "sent", Outcome.DEAD_TOKEN: "dead_token"}
LONG = 1.0
"""Seconds of waiting for a turn after which a ring may be wanted no more."""

Wanted = Callable[[], Awaitable[bool]]
"""Whether a push is still wanted, by what is known beyond this process. Raises nothing, and takes a second or so at most."""


async def _always() -> bool:
    return True


class Provider(Protocol):
    name: str
    remarks: list[str]
    """What a person should do about the configuration, a sentence each."""

    async def attempt(self, request: PushRequest, kind: Kind, timeout: float) -> tuple[Attempt, tuple[str, ...]]:
        """One push within `timeout` seconds; raises nothing. The second: what was left out of it."""

    async def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class _Way:
    """A provider and how many pushes may be on their way to it."""

    provider: Provider
    slots: asyncio.Semaphore


@dataclass(frozen=True, slots=True)
class _Ring:
    task: "asyncio.Task[PushResult]"
    stop: asyncio.Event
    """Set when the call rings no more: no further attempt is made."""


class PushSender:
    """Deadlines are in seconds of `clock` (monotonic). To be used from one event loop."""

    def __init__(
        self,
        providers: Mapping[str, Provider],
        settings: PushSettings,
        *,
        tracer: Tracer | None = None,
        metrics: Metrics | None = None,
        clock: Callable[[], float] = time.monotonic,
        random: Callable[[], float] = random.random,
        salt: bytes = b"",
    ) -> None:
        """providers: by `device_os`. salt: of the marks that tell tokens apart in logs; random when empty."""
        self._settings = settings
        self._ways = {os: _Way(provider, asyncio.Semaphore(settings.in_flight)) for os, provider in providers.items()}
        self._tracer, self._metrics = tracer or Off(), metrics or Metrics()
        self._clock, self._random = clock, random
        self._salt = salt or secrets.token_bytes(16)
        self._rings: dict[str, _Ring] = {}

    @classmethod
    def from_settings(cls, settings: PushSettings, *, tracer: Tracer | None = None, metrics: Metrics | None = None) -> "PushSender":
        """Reads keys and certificates. Raises ConfigError with every problem there is."""
        makers: list[tuple[str, bool, Callable[[], Provider]]] = [
            ("android", settings.fcm.configured, lambda: Fcm(settings.fcm, settings.ca_file)),
            ("ios", settings.apns.configured, lambda: Apns(settings.apns, settings.ca_file)),
        ]
        providers: dict[str, Provider] = {}
        problems: list[str] = []
        for os, configured, make in makers:
            try:
                if configured:
                    providers[os] = make()
            except ConfigError as error:
                problems += error.problems
        if problems:
            raise ConfigError(problems)
        return cls(providers, settings, tracer=tracer, metrics=metrics)

    @property
    def remarks(self) -> list[str]:
        """What works but should not stay so (a certificate about to expire), for the log at start."""
        return [remark for way in self._ways.values() for remark in way.provider.remarks]

    def can_push(self, os: str | None) -> bool:
        """Whether devices of this kind can be woken: `android` or `ios`, spelled so, with a provider set up."""
        return os in self._ways

    async def ring(self, request: PushRequest, deadline: float, wanted: Wanted = _always) -> PushResult:
        """Wake the callee: try until a provider takes it or refuses for good, or the deadline comes. A second call for a session joins.

        wanted: asked before each attempt but one that is made at once.
        """
        ring = self._rings.get(request.session_id)
        if ring is None:
            stop = asyncio.Event()
            work = self._send(request, Kind.INCOMING_CALL, deadline, stop, wanted)
            ring = self._rings[request.session_id] = _Ring(asyncio.get_running_loop().create_task(work, name="push"), stop)
            ring.task.add_done_callback(lambda _: self._rings.pop(request.session_id))
        return await asyncio.shield(ring.task)

    def settle(self, session_id: str) -> None:
        """The call rings no more: make no further attempt to ring."""
        ring = self._rings.get(session_id)
        if ring is not None:
            ring.stop.set()

    async def cancel(self, request: PushRequest, patience: float) -> PushResult:
        """Take a ring back: after a ring that is under way, and not at all when that cannot have arrived or PUSH_CANCEL is off.

        patience: seconds to try for, once nothing is under way: an attempt to ring may hang for as long.
        """
        ring = self._rings.get(request.session_id)
        arrived = True
        if ring is not None:
            ring.stop.set()
            arrived = (await asyncio.shield(ring.task)).may_have_arrived
        if not arrived or not self._settings.cancel:
            return PushResult(Outcome.UNNEEDED)
        return await self._send(request, Kind.CALL_CANCELLED, self._clock() + patience, asyncio.Event(), _always)

    async def close(self) -> None:
        """Give up what is under way."""
        tasks = [ring.task for ring in self._rings.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for way in self._ways.values():
            await way.provider.close()

    # ---------------------------------------------------------------- one push

    async def _send(self, request: PushRequest, kind: Kind, deadline: float, stop: asyncio.Event, wanted: Wanted) -> PushResult:
        way = self._ways.get(request.device_os or "")
        if way is None:
            return PushResult(Outcome.NOT_CONFIGURED)
        provider, label = way.provider.name, _LABELS[kind]
        attributes = {"carillon.push.kind": label, "carillon.push.provider": provider}
        with self._tracer.child("push.send", request.traceparent, attributes, "client") as span:
            result = await self._try(way, request, kind, deadline, stop, wanted)
            result = replace(result, provider=provider, token=self._mark(request.device_token))
            _describe(span, result)
        self._metrics.pushes.inc(provider, label, _COUNTED.get(result.outcome, "failed"))
        return result

    async def _try(self, way: _Way, request: PushRequest, kind: Kind, deadline: float, stop: asyncio.Event, wanted: Wanted) -> PushResult:
        result = PushResult(Outcome.EXPIRED)
        while (left := deadline - (began := self._clock())) > 0:
            try:
                async with asyncio.timeout(left):
                    await way.slots.acquire()
            except TimeoutError:
                break
            try:
                late = result.attempts or self._clock() - began >= LONG
                if late and not await wanted():
                    stop.set()
                left = deadline - self._clock()
                if stop.is_set() or left <= 0:
                    break
                attempt, dropped = await self._attempt(way.provider, request, kind, min(left, self._settings.timeout))
            finally:
                way.slots.release()
            result = result.after(attempt, dropped)
            pause = delay(attempt.outcome, result.attempts, attempt.retry_after, self._random)
            if not attempt.outcome.retry or self._clock() + pause >= deadline:
                break
            if await _happens(stop, pause):
                break
        return replace(result, outcome=Outcome.STOPPED) if stop.is_set() and not result.attempts else result

    async def _attempt(self, provider: Provider, request: PushRequest, kind: Kind, timeout: float) -> tuple[Attempt, tuple[str, ...]]:
        began = self._clock()
        try:
            return await provider.attempt(request, kind, timeout)
        finally:
            self._metrics.push_time.observe(self._clock() - began, provider.name)

    def _mark(self, token: str) -> str:
        return hashlib.blake2s(token.encode(errors="replace"), key=self._salt, digest_size=4).hexdigest()


async def _happens(event: asyncio.Event, within: float) -> bool:
    try:
        async with asyncio.timeout(within):
            await event.wait()
    except TimeoutError:
        return False
    return True


def _describe(span: Span, result: PushResult) -> None:
    span.set("carillon.push.result", result.outcome.value)
    span.set("carillon.push.attempts", result.attempts)
    if result.status:
        span.set("http.response.status_code", result.status)
    if not result.delivered:
        span.fail(result.reason or result.outcome.value)
