"""Runs passes: workers that take from the queue, hints that fill it, and a LIST each minute that finds what hints missed."""

import asyncio
import logging
import time
from collections.abc import Mapping

from carillon_operator.kube import ApiError, Client, Conflict, Forbidden, NotLeading, Throttled, Unreachable
from carillon_operator.kube.kinds import RESOURCE
from carillon_operator.metrics import Own
from carillon_operator.reconciler.lookout import Lookout
from carillon_operator.reconciler.passes import Outcome, Reconciler
from carillon_operator.reconciler.queue import Key, Queue
from carillon_operator.resources.metadata import CLUSTER_LABEL

log = logging.getLogger(__name__)

RESYNC = 60.0
"""Seconds between LISTs."""
SOON = 2.0
"""Seconds until a LIST that failed is tried again."""
SETTLE = 0.05
"""Seconds that a hint waits for others: one change often comes with several."""
LAGS = 2
"""LISTs in a row that know what the watch does not, after which the process is held to be stuck."""


class Loop:
    """namespaces: those served; none: all. known: resources and their versions as the watch shows them; empty before it began."""

    def __init__(
        self,
        client: Client,
        reconciler: Reconciler,
        lookout: Lookout,
        queue: Queue,
        own: Own,
        namespaces: tuple[str, ...],
        known: Mapping[Key, str],
    ) -> None:
        self._client, self._reconciler, self._lookout, self._queue, self._own = client, reconciler, lookout, queue, own
        self._namespaces, self._known = namespaces, known
        self._seen: dict[Key, str] = {}
        """The version of each resource at its last LIST."""
        self._uids: dict[Key, str] = {}
        self._looks: dict[Key, frozenset[str]] = {}
        self._lags = 0
        self._failed = False

    # ---------------------------------------------------------------- hints

    def child_changed(self, namespace: str, name: str, labels: Mapping[str, str]) -> None:
        if of := labels.get(CLUSTER_LABEL):
            self._queue.add((namespace, of), SETTLE)

    def secret_changed(self, namespace: str, name: str, labels: Mapping[str, str]) -> None:
        """The user's own carry no label."""
        self.child_changed(namespace, name, labels)
        for key, names in self._looks.items():
            if key[0] == namespace and name in names:
                self._queue.add(key, SETTLE)

    def resource_changed(self, namespace: str, name: str) -> None:
        self._queue.add((namespace, name), SETTLE)

    def kind_appeared(self) -> None:
        """Somebody installed a kind that was not served, or granted a right that was lacking: any resource may have waited for it."""
        for key in self._seen:
            self._queue.add(key, SETTLE)

    # ---------------------------------------------------------------- health

    @property
    def stuck(self) -> bool:
        """The API server answers, and still the watch does not show what it says."""
        return self._lags >= LAGS

    # ---------------------------------------------------------------- work

    async def lead(self, workers: int) -> None:
        """Works until it is cancelled. Begins with a LIST: what a watch showed to one who stood by may be old."""
        self._seen.clear()
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(workers):
                    group.create_task(self._work())
                group.create_task(self._lookout.run())
                while True:
                    await self._resync()
                    await asyncio.sleep(SOON if self._failed else RESYNC)
        finally:
            self._own.waiting.set(0)  # for the one who leads now

    async def stand_by(self) -> None:
        """Looks, without writing, whether the watch still shows what there is."""
        while True:
            await asyncio.sleep(RESYNC)
            await self._resync()

    async def _resync(self) -> None:
        try:
            found, refused = await self._list()
        except (ApiError, Unreachable) as failure:
            # An API server that does not answer is no reason to restart.
            log.warning("the resources cannot be listed: %s", failure)
            self._failed = True
            return
        self._failed = False
        self._judge(found)
        for key, version in found.items():
            if self._seen.get(key) != version:
                self._queue.add(key)
        for key in self._seen.keys() - found.keys():
            if key[0] not in refused:
                self._queue.add(key)
        self._seen = found
        self._own.resources.set(len(found))

    async def _list(self) -> tuple[dict[Key, str], set[str]]:
        """The version of each resource, and the namespaces that it is refused to look into: deleted ones take their Roles along. Raises
        what `Client` raises, Forbidden if there is no other namespace.
        """
        found, refused = dict[Key, str](), set[str]()
        for namespace in self._namespaces or (None,):
            try:
                listed = await self._client.find(RESOURCE, namespace, metadata=True)
            except Forbidden as refusal:
                if namespace is None or len(refused) + 1 == len(self._namespaces):
                    raise
                log.error("namespace %s is left out: its resources cannot be listed: %s", namespace, refusal)
                refused.add(namespace)
            else:
                found |= {(one["metadata"]["namespace"], one["metadata"]["name"]): one["metadata"]["resourceVersion"] for one in listed}
        return found, refused

    def _judge(self, found: Mapping[Key, str]) -> None:
        """Whether the watch had a whole round to show what the last LIST already knew."""
        behind = [key for key, version in self._seen.items() if found.get(key) == version and self._known.get(key) != version]
        self._lags = self._lags + 1 if behind else 0
        self._own.lagging.set(self._lags)
        if behind:
            log.warning("the watch has not shown %d resources as they are since the last round, %s/%s first", len(behind), *behind[0])

    async def _work(self) -> None:
        while True:
            key = await self._queue.take()
            self._own.waiting.set(len(self._queue))
            began = time.perf_counter()
            try:
                outcome = await self._reconciler.reconcile(*key)
            except asyncio.CancelledError:
                self._queue.done(key)
                self._queue.add(key)
                raise
            except NotLeading:
                self._queue.done(key)
            except Exception as failure:
                self._failure(key, failure)
            else:
                self._remember(key, outcome)
                self._queue.done(key, outcome.again)
                self._own.passes.labels("written" if outcome.written else "unchanged").inc()
            finally:
                self._own.seconds.observe(time.perf_counter() - began)

    def _failure(self, key: Key, failure: Exception) -> None:
        pause = self._queue.failed(key, failure.after if isinstance(failure, Throttled) else 0.0)
        self._own.passes.labels("failed").inc()
        if isinstance(failure, Conflict):
            log.debug("%s/%s: somebody was faster; again in %.1f s: %s", *key, pause, failure)
        elif isinstance(failure, Forbidden):
            log.error("%s/%s: a right is lacking; again in %.0f s: %s", *key, pause, failure)
        elif isinstance(failure, ApiError | Unreachable):
            log.warning("%s/%s: again in %.1f s: %s", *key, pause, failure)
        else:
            log.exception("%s/%s: again in %.1f s", *key, pause, exc_info=failure)

    def _remember(self, key: Key, outcome: Outcome) -> None:
        before = self._uids.get(key, "")
        if before and (outcome.again is None or before != outcome.uid):
            self._reconciler.forget(before)
        if outcome.again is None:
            self._uids.pop(key, None)
            self._looks.pop(key, None)
        else:
            self._uids[key], self._looks[key] = outcome.uid, outcome.secrets
