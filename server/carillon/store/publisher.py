"""Messages to the channels of other pods."""

import asyncio
import logging
from collections.abc import Callable

from carillon.store.link import RedisLink
from carillon.store.store import Store

log = logging.getLogger(__name__)


class Publisher:
    """on_nobody: told of a pod to whose channel nobody listens, so that nothing more is sent there. timeout: seconds."""

    def __init__(self, link: RedisLink, store: Store, on_nobody: Callable[[str], None], timeout: float = 15.0) -> None:
        self._link, self._store, self._on_nobody, self._timeout = link, store, on_nobody, timeout
        self._prefix = store.channel.removesuffix(store.pod)

    def __call__(self, pod: str, data: bytes) -> None:
        """Publish at most once: a message that is lost, as pub/sub loses them, is found missing by the comparison."""
        word = "SPUBLISH" if self._link.sharded_pubsub else "PUBLISH"
        self._link.command(word, self._prefix + pod, data, timeout=self._timeout).add_done_callback(lambda done: self._heard(pod, done))

    def _heard(self, pod: str, done: "asyncio.Future[int]") -> None:
        if done.cancelled():
            return
        if done.exception() is not None:
            log.debug("a message to another pod could not be published")
        elif done.result() == 0 and self._link.counts_receivers and not self._store.holding:
            self._on_nobody(pod)
