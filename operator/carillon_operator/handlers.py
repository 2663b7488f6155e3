"""kopf, as thin as it can be: it watches the resource and says what changed. What follows from it is decided elsewhere.

`on.event` writes nothing to the resource; `on.create`, `on.update` and timers would add annotations or finalizers.
"""

import asyncio
import contextlib
import logging
import os
import threading
from collections.abc import Callable, Collection, Iterator
from functools import partial
from typing import Any

import kopf
from kopf._core.engines.peering import Identity

from carillon_operator.kube import Access
from carillon_operator.reconciler import Key
from carillon_operator.spec import GROUP, PLURAL, VERSION

log = logging.getLogger(__name__)

SILENCE = 30.0
"""Seconds without a word after which the watch is begun anew: a dead connection looks like a quiet one."""


class Endless:
    """Seconds between attempts, for ever, and for each call anew: without it kopf ends the process when the API server is away."""

    def __iter__(self) -> Iterator[float]:
        yield from (0.5, 1.0, 2.0)
        while True:
            yield 4.0


def settings() -> kopf.OperatorSettings:
    found = kopf.OperatorSettings()
    found.posting.enabled = False
    found.scanning.disabled = True
    found.networking.error_backoffs = Endless()
    found.networking.request_timeout = 30.0
    found.networking.connect_timeout = 5.0
    found.watching.inactivity_timeout = SILENCE
    found.watching.chunk_size = 250
    return found


def registry(access: Access, known: dict[Key, str], changed: Callable[[str, str], None]) -> kopf.OperatorRegistry:
    """known: filled with the version of each resource as the watch shows it. changed: told of each change, in the caller's event loop."""
    home = asyncio.get_running_loop()
    found = kopf.OperatorRegistry()

    @kopf.on.login(registry=found)
    async def login(**_: Any) -> kopf.ConnectionInfo:
        configuration = access.configuration
        await access.renew()
        return kopf.ConnectionInfo(
            server=access.server,
            ca_path=_path(configuration.ssl_ca_cert),
            insecure=not configuration.verify_ssl,
            token=await access.token(),
            certificate_path=_path(configuration.cert_file),
            private_key_path=_path(configuration.key_file),
            default_namespace=access.namespace,
        )

    @kopf.on.event(GROUP, VERSION, PLURAL, registry=found)
    async def event(event: kopf.RawEvent, namespace: str | None, name: str | None, **_: Any) -> None:
        key = (namespace or "", name or "")
        if event["type"] == "DELETED":
            known.pop(key, None)
        else:
            known[key] = event["object"]["metadata"]["resourceVersion"]
        with contextlib.suppress(RuntimeError):
            # Closed: we are leaving.
            home.call_soon_threadsafe(changed, *key)

    return found


def _path(given: str | None) -> str | None:
    return os.fspath(given) if given else None


class Kopf:
    """kopf in a thread and an event loop of its own: when it ends, it cancels every task of its loop that it does not know.

    It ends by itself on an ERROR in a stream, a 403 or a 404, and is begun anew then: meanwhile a LIST each minute finds what changed.
    """

    AGAIN = 2.0
    """Seconds until it is begun anew."""

    def __init__(self, registry: kopf.OperatorRegistry, namespaces: Collection[str], identity: str) -> None:
        """namespaces: none for all. identity: this operator's; without one kopf asks who the user is, and a container's has no name."""
        self._registry, self._namespaces, self._identity = registry, tuple(namespaces), Identity(identity)
        self._stop = threading.Event()
        self._end: Callable[[], object] = lambda: None
        """Ends the kopf that runs now."""

    async def run(self) -> None:
        """Until cancelled. Its thread may outlive that by seconds, and does not keep the process."""
        threading.Thread(target=self._run, name="kopf", daemon=True).start()
        try:
            await asyncio.Event().wait()
        finally:
            self._stop.set()
            with contextlib.suppress(RuntimeError):
                # Its loop is closed: it ended a moment ago.
                self._end()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                asyncio.run(self._operate())
            except Exception as failure:
                log.warning("the watch of the resources begins anew: %s", failure)
            self._stop.wait(self.AGAIN)

    async def _operate(self) -> None:
        # Not a thread's event: kopf waits for one in a thread, for which `asyncio.run` would wait for ever once kopf has ended by itself.
        stop = asyncio.Event()
        self._end = partial(asyncio.get_running_loop().call_soon_threadsafe, stop.set)
        if self._stop.is_set():
            return
        await kopf.operator(
            registry=self._registry,
            settings=settings(),
            standalone=True,
            identity=self._identity,
            clusterwide=not self._namespaces,
            namespaces=self._namespaces,
            stop_flag=stop,
        )
