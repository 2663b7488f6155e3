"""Which nodes a load balancer sends clients to: without one a dead node would swallow half of all connections for as long as it is dead."""

import threading
import time
import urllib.request
from collections.abc import Sequence

KUBE_PROXY_HEALTH = 10256
"""The port at which kube-proxy says whether its node serves; load balancers of clouds ask there as well."""
PERIOD = 1.0
"""Seconds between two questions."""
PATIENCE = 1.0
"""Seconds for an answer."""


class LivingNodes:
    def __init__(self, nodes: Sequence[str]) -> None:
        self._nodes, self._living, self._asked = tuple(nodes), tuple(nodes), 0.0

    def known(self) -> Sequence[str]:
        """As far as known now: the question is asked in the background. Those that answered last, where none answers."""
        if time.monotonic() - self._asked > PERIOD:
            self._asked = time.monotonic()
            threading.Thread(target=self._ask, daemon=True).start()
        return self._living

    def _ask(self) -> None:
        self._living = tuple(filter(_answers, self._nodes)) or self._living


def _answers(node: str) -> bool:
    try:
        with urllib.request.urlopen(f"http://{node}:{KUBE_PROXY_HEALTH}/healthz", timeout=PATIENCE):
            return True
    except OSError:
        return False
