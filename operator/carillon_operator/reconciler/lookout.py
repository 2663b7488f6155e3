"""Asks the nodes whether they live, by pods on them.

Any pod will do, of any resource: its node's kernel shakes hands for it, or refuses to, however busy or broken the program is. The port of
its metrics is asked, whose queue no storm of users fills.
"""

import asyncio
import logging
import random
from collections import defaultdict
from collections.abc import Callable, Sequence

from carillon_operator.metrics import Own
from carillon_operator.reconciler.queue import Key
from carillon_operator.resources.environment import METRICS_PORT
from carillon_operator.silence import Nodes, Standing, detours, judge

log = logging.getLogger(__name__)

PERIOD, HURRIED = 3.0, 0.5
"""Seconds between two looks; and while no pod is known yet, or a node has left one unanswered."""
PATIENCE = 2.0
"""Seconds for an answer."""
ASKED = 3
"""Pods of a node that are asked at once, chosen by chance: one of them may have just gone."""
AT_ONCE = 256
"""Connections that may be opening."""


class Lookout:
    """changed: told of each resource of which users are to be led elsewhere. port: at which pods are asked."""

    def __init__(self, own: Own, changed: Callable[[Key], None], port: int = METRICS_PORT) -> None:
        self._own, self._changed, self._port = own, changed, port
        self._known: dict[str, tuple[Key, Sequence[Standing]]] = {}
        self._gate = asyncio.Semaphore(AT_ONCE)
        self.nodes = Nodes()

    def know(self, uid: str, key: Key, pods: Sequence[Standing]) -> None:
        """pods: all of a resource that may be asked."""
        self._known[uid] = key, pods

    def forget(self, uid: str) -> None:
        self._known.pop(uid, None)

    async def run(self) -> None:
        """Until it is cancelled."""
        self.nodes = Nodes()
        try:
            while True:
                await self.look()
                await asyncio.sleep(PERIOD if self._known and not self.nodes.doubtful else HURRIED)
        finally:
            self._own.silent_nodes.set(0)

    async def look(self) -> None:
        """Once, at all nodes."""
        addresses: dict[str, list[str]] = defaultdict(list)
        for _, pods in self._known.values():
            for one in pods:
                addresses[one.node].append(one.address)
        answered = await asyncio.gather(*map(self._any_answers, addresses.values()))
        before, self.nodes = self.nodes, judge(self.nodes, dict(zip(addresses, answered, strict=True)))
        self._own.silent_nodes.set(len(self.nodes.silent))
        for node in sorted(self.nodes.silent - before.silent):
            log.warning("node %s does not answer: new connections are led around it", node)
        for key, pods in self._known.values():
            if detours(self.nodes, pods):
                self._changed(key)

    async def _any_answers(self, addresses: Sequence[str]) -> bool:
        chosen = random.sample(addresses, min(ASKED, len(addresses)))
        return any(await asyncio.gather(*map(self._answers, chosen)))

    async def _answers(self, address: str) -> bool:
        try:
            async with self._gate, asyncio.timeout(PATIENCE):
                _, writer = await asyncio.open_connection(address, self._port)
        except ConnectionRefusedError:
            return True
        except (OSError, TimeoutError):
            return False
        writer.close()
        return True
