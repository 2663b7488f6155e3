"""All of telemetry, switched on by the settings."""

import asyncio
import contextlib
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from threading import Thread

from carillon.config import RedisTarget, Settings
from carillon.telemetry.metrics import Metrics
from carillon.telemetry.prometheus import MetricsServer
from carillon.telemetry.tracing import Attributes, Off, Tracer

CLOSING = 3.0
"""Seconds that leaving waits for the last export: a collector that is away must not hold up a rollout."""


class Telemetry:
    """tracer, metrics: what the rest of the server uses. metrics_port: where they are served; None: nowhere."""

    def __init__(self, settings: Settings) -> None:
        """Opens the metrics port and starts the exporters. Raises OSError when the port is taken."""
        self.metrics = Metrics()
        self.tracer: Tracer = Off()
        self.metrics_port: int | None = None
        self._closers: list[Callable[[], None]] = []
        port = settings.telemetry.metrics_port
        if port is not None:
            server = MetricsServer(self.metrics, settings.server.host, port)
            self.metrics_port = server.port
            self._closers.append(server.close)
        if settings.telemetry.traces or settings.telemetry.metrics:
            self._export(settings)

    def _export(self, settings: Settings) -> None:
        # The SDK and its exporters take 0.3 s and some 20 MB; who exports nothing does not pay for them.
        from opentelemetry.sdk.resources import OTELResourceDetector, Resource

        from carillon.telemetry import exporters

        # What OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES say goes before: Resource.create would have it the other way round.
        said = OTELResourceDetector().detect().attributes
        resource = Resource.create({key: value for key, value in identity(settings.server.server_id).items() if key not in said})
        if settings.telemetry.traces:
            tracer = exporters.tracer(settings.telemetry.traces, resource, database(settings.redis.target))
            self.tracer = tracer
            self._closers.append(tracer.close)
        if settings.telemetry.metrics:
            self._closers.append(exporters.pusher(settings.telemetry.metrics, self.metrics, resource).close)

    async def close(self, patience: float = CLOSING) -> None:
        """Export what is left, for at most `patience` seconds."""
        closers, self._closers = self._closers, []
        done = [_closed(close, asyncio.get_running_loop()) for close in closers]
        if done:
            await asyncio.wait(done, timeout=patience)


def _closed(close: Callable[[], None], loop: asyncio.AbstractEventLoop) -> "asyncio.Future[None]":
    """Done when `close` is. In a daemon thread: an exporter that still tries does not keep the process."""
    done = loop.create_future()

    def finish() -> None:
        if not done.done():
            done.set_result(None)

    def work() -> None:
        try:
            close()
        finally:
            with contextlib.suppress(RuntimeError):  # the loop was closed: nobody waits any more
                loop.call_soon_threadsafe(finish)

    Thread(target=work, daemon=True).start()
    return done


def identity(server_id: str) -> dict[str, str]:
    """Resource attributes of this process."""
    try:
        release = version("carillon-signaling")
    except PackageNotFoundError:
        release = "unknown"
    return {"service.name": "carillon", "service.version": release, "service.instance.id": server_id}


def database(target: RedisTarget) -> Attributes:
    """What every span of a Redis command carries. Behind Sentinel and Cluster the address is that of the first to be asked."""
    attributes: dict[str, str | int] = {"db.namespace": str(target.database)}
    if target.hosts:
        attributes["server.address"], attributes["server.port"] = target.hosts[0]
    elif target.path:
        attributes["server.address"] = target.path
    return attributes
