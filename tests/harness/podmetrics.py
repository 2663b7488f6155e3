"""Metrics of pods that do not run: each has an address of its own on this machine, at which it is asked as a real one is."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from aiohttp import web
from harness.ports import loopback_net

from carillon_operator.resources.environment import METRICS_PORT

MOST = 16
"""Pods that can be told apart."""


class PodMetrics:
    """says: Prometheus' text of a pod by its name; None: it does not answer. asked: how often anybody did."""

    def __init__(self, says: Callable[[str], str | None]) -> None:
        self._says = says
        net = loopback_net()
        self._addresses = [f"{net}.{number + 1}" for number in range(MOST)]
        self._pods: dict[str, str] = {}
        self.asked = 0

    def address(self, pod: str) -> str:
        """For `Kubelet.address`."""
        if "-redis" in pod:
            return "127.0.0.1"
        return self._pods.setdefault(pod, self._addresses[len(self._pods) % MOST])

    @asynccontextmanager
    async def serving(self) -> AsyncIterator["PodMetrics"]:
        app = web.Application()
        app.router.add_get("/metrics", self._answer)
        runner = web.AppRunner(app)
        await runner.setup()
        for address in self._addresses:
            await web.TCPSite(runner, address, METRICS_PORT).start()
        yield self
        await runner.cleanup()

    async def _answer(self, request: web.Request) -> web.Response:
        self.asked += 1
        assert request.transport
        address = request.transport.get_extra_info("sockname")[0]
        pod = next((name for name, other in reversed(self._pods.items()) if other == address), "")
        text = self._says(pod)
        if text is None:
            raise web.HTTPServiceUnavailable
        return web.Response(text=text)
