"""Which of several operators writes: one holds a Lease. As client-go's leader election, with its own times, and given back on leaving.

A Lease is judged by how long it has not changed as seen from here; clocks of others are never compared with ours.
"""

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from carillon_operator.kube import ApiError, Client, Conflict, NotFound, Unreachable
from carillon_operator.kube.kinds import LEASE
from carillon_operator.resources import Object

log = logging.getLogger(__name__)

DURATION = 12
"""Seconds after which others take a Lease that was not renewed. With RETRY, an operator that died is replaced within 15."""
DEADLINE = 8.0
"""Seconds after the last renewal from which nothing more is written. A write that was on its way then ends before DURATION does, since
`kube.client.WRITE_SECONDS` bounds it here and on the API server."""
RETRY = 2.0
"""Seconds between attempts to renew or to take."""


class Leader:
    """identity: ours, and nobody else's. work: what the leader does, until it is cancelled. stand_by: what the others do."""

    def __init__(self, client: Client, namespace: str, name: str, identity: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._client, self._namespace, self._name, self._identity, self._clock = client, namespace, name, identity, clock
        self._renewed = float("-inf")
        self._record: tuple[str, str] = ("", "")
        """The holder and the renewal time that were last seen, and since when they have not changed."""
        self._since = clock()

    @property
    def leads(self) -> bool:
        """Whether a write may be sent at this moment."""
        return self._clock() < self._renewed + DEADLINE

    async def run(self, work: Callable[[], Awaitable[None]], stand_by: Callable[[], Awaitable[None]]) -> None:
        """Until cancelled; then the Lease is given back. Ends with what work or stand_by raised."""
        try:
            while True:
                await self._while(stand_by, until_leading=True)
                log.info("%s leads", self._identity)
                await self._while(work, until_leading=False)
                log.warning("%s leads no more", self._identity)
        finally:
            held, self._renewed = self.leads, float("-inf")
            if held:
                await self._release()

    async def _while(self, doing: Callable[[], Awaitable[None]], *, until_leading: bool) -> None:
        task = asyncio.ensure_future(doing())
        try:
            while self.leads != until_leading:
                asked = asyncio.create_task(self._try())
                await asyncio.wait({asked, task}, timeout=self._patience(), return_when=asyncio.FIRST_COMPLETED)
                if task.done():
                    asked.cancel()
                    return await task
                if not asked.done():
                    asked.cancel()
                    continue
                if self.leads == until_leading:
                    return None
                await asyncio.wait({task}, timeout=self._pause())
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def _patience(self) -> float:
        """A leader waits for an answer as long as it may write."""
        return max(self._renewed + DEADLINE - self._clock(), 0.0) if self.leads else DEADLINE

    def _pause(self) -> float:
        pause = RETRY * random.uniform(0.9, 1.1)  # noqa: S311 - no secret hangs on it
        return min(pause, self._patience()) if self.leads else pause

    async def _try(self) -> None:
        """Takes or renews, if that is ours to do now."""
        asked = self._clock()
        try:
            lease = await self._client.get(LEASE, self._namespace, self._name)
            if self._mine(lease):
                await self._client.replace(self._next(lease), LEASE)
                self._renewed = asked
            elif self.leads:
                self._renewed = float("-inf")
        except NotFound:
            await self._make(asked)
        except Conflict:
            log.debug("somebody else was faster with the Lease")
        except (ApiError, Unreachable) as failure:
            log.warning("Lease %s/%s: %s", self._namespace, self._name, failure)

    async def _make(self, asked: float) -> None:
        about = {"name": self._name, "namespace": self._namespace}
        empty: Object = {"apiVersion": LEASE.api_version, "kind": LEASE.kind, "metadata": about, "spec": {}}
        try:
            await self._client.create(self._next(empty), LEASE)
            self._renewed = asked
        except (ApiError, Unreachable) as failure:
            log.warning("Lease %s/%s cannot be made: %s", self._namespace, self._name, failure)

    def _mine(self, lease: Object) -> bool:
        """Whether we hold it, or nobody does (any more)."""
        spec = lease.get("spec") or {}
        holder = spec.get("holderIdentity") or ""
        record = (holder, f"{spec.get('renewTime')} {lease['metadata']['resourceVersion']}")
        if record != self._record:
            self._record, self._since = record, self._clock()
        lasts = float(spec.get("leaseDurationSeconds") or DURATION)
        return holder in ("", self._identity) or self._clock() - self._since > lasts

    def _next(self, lease: Object) -> Object:
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        spec = lease.get("spec") or {}
        same = spec.get("holderIdentity") == self._identity
        changed = {
            "holderIdentity": self._identity,
            "leaseDurationSeconds": DURATION,
            "acquireTime": spec.get("acquireTime") if same else now,
            "renewTime": now,
            "leaseTransitions": int(spec.get("leaseTransitions") or 0) + (not same and bool(spec.get("holderIdentity"))),
        }
        return {**lease, "spec": {**spec, **changed}}

    async def _release(self) -> None:
        """So that the next one need not wait. What fails here costs only that wait."""
        try:
            lease = await self._client.get(LEASE, self._namespace, self._name)
            if (lease.get("spec") or {}).get("holderIdentity") == self._identity:
                given = {**lease["spec"], "holderIdentity": "", "leaseDurationSeconds": 1}
                await self._client.replace({**lease, "spec": given}, LEASE)
                log.info("the Lease is given back")
        except (ApiError, Unreachable) as failure:
            log.warning("the Lease could not be given back: %s", failure)
