"""Hints: which objects changed, by their metadata alone. Whoever is told reads for himself, so a hint too many or too late does no harm.

kopf watches the resource itself. Its children are watched here: kopf knows no metadata-only watch, so it would hold every Secret's content,
and it ends the process on an ERROR in a stream, a 403 or a kind that is not served (any more).
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field

from carillon_operator.kube.client import Client
from carillon_operator.kube.errors import ApiError, Forbidden, NotFound, Throttled, Unreachable
from carillon_operator.kube.kinds import Kind
from carillon_operator.resources import Object

log = logging.getLogger(__name__)

SILENCE = 30.0
"""Seconds without a word after which a watch is begun anew, where it was: a dead connection looks like a quiet one."""
AGAIN = 60.0
"""Seconds until a kind that is not served, or may not be read, is tried again."""
FIRST, LONGEST = 0.5, 15.0
"""Seconds between attempts: doubled each time."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What is kept of an object."""

    version: str
    labels: dict[str, str] = field(default_factory=dict)


class Watch:
    """One kind in one namespace, or in all. told: namespace, name and labels of what was made, changed or deleted. appeared: called when
    the kind could not be read and now can.

    synced: set once the first LIST is through, or it is clear why there is none: refused says so in words.
    """

    def __init__(
        self,
        client: Client,
        kind: Kind,
        namespace: str | None,
        told: Callable[[str, str, dict[str, str]], None],
        appeared: Callable[[], None],
        *,
        selector: str,
        fields: str = "",
    ) -> None:
        self._client, self._kind, self._namespace, self._told, self._appeared = client, kind, namespace, told, appeared
        self._selector, self._fields = selector, fields
        self._seen: dict[tuple[str, str], Seen] = {}
        self.synced = asyncio.Event()
        self.served = False
        self.refused = ""

    async def run(self) -> None:
        pause = FIRST
        while True:
            try:
                since = await self._list()
                pause = FIRST
                await self._follow(since)
            except NotFound:
                self._gone("")
                await asyncio.sleep(AGAIN)
            except Forbidden as refusal:
                self._gone(refusal.message)
                await asyncio.sleep(AGAIN)
            except (ApiError, Unreachable) as failure:
                log.debug("watch of %s begins anew: %s", self._kind.plural, failure)
                await asyncio.sleep(failure.after if isinstance(failure, Throttled) else pause)
                pause = min(pause * 2, LONGEST)

    def _gone(self, why: str) -> None:
        if why and why != self.refused:
            log.error("changes of %s are not noticed: %s", self._kind.plural, why)
        self.refused, self.served = why, False
        self._seen.clear()
        self.synced.set()

    async def _list(self) -> str:
        """Everything as it is; tells what is new, other or gone since it was last seen. Returns from where to follow."""
        found: dict[tuple[str, str], Seen] = {}
        begin = ""
        async for items, since in self._client.pages(
            self._kind, self._namespace, selector=self._selector, fields=self._fields, metadata=True
        ):
            begin = since
            for one in items:
                about = one["metadata"]
                found[about.get("namespace", ""), about["name"]] = Seen(about["resourceVersion"], about.get("labels") or {})
        before, self._seen = self._seen, found
        if self.synced.is_set() and not self.served:
            self._appeared()
        self.served, self.refused = True, ""
        self.synced.set()
        for key in before.keys() | found.keys():
            new, old = found.get(key), before.get(key)
            if new != old:
                self._tell(key, new, old)
        return begin

    async def _follow(self, since: str) -> None:
        """Until the API server no longer knows what came after `since`."""
        while True:
            async for event in self._client.watch(
                self._kind, self._namespace, since, SILENCE, selector=self._selector, fields=self._fields
            ):
                if event["type"] == "ERROR":
                    log.debug("watch of %s: %s", self._kind.plural, event["object"].get("message"))
                    await asyncio.sleep(FIRST)
                    return
                since = event["object"]["metadata"]["resourceVersion"]
                if event["type"] != "BOOKMARK":
                    self._take(event["type"], event["object"])
            await asyncio.sleep(0.1)

    def _take(self, change: str, found: Object) -> None:
        about = found["metadata"]
        key = (about.get("namespace", ""), about["name"])
        old = self._seen.get(key)
        if change == "DELETED":
            self._seen.pop(key, None)
            self._tell(key, None, old or Seen("", about.get("labels") or {}))
        else:
            self._seen[key] = Seen(about["resourceVersion"], about.get("labels") or {})
            self._tell(key, self._seen[key], old)

    def _tell(self, key: tuple[str, str], new: Seen | None, old: Seen | None) -> None:
        labels = [one.labels for one in (new, old) if one]
        for one in labels if len(labels) == 2 and labels[0] != labels[1] else labels[:1]:
            self._told(*key, one)
