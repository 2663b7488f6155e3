"""One process of the service, put together from its settings."""

import asyncio
import logging

from starlette.routing import BaseRoute

from carillon.app.app import create_app
from carillon.app.door import OpenDoor
from carillon.app.observe import Observer
from carillon.app.pod import Pod
from carillon.app.welcome import Greeter
from carillon.auth import Authenticator
from carillon.config import Settings
from carillon.protocol import IceServer
from carillon.push import PushSender
from carillon.telemetry import Telemetry
from carillon.ws import endpoint as ws
from carillon.ws.server import SignalingServer, make_config

log = logging.getLogger("carillon")


def build(settings: Settings, extra: list[BaseRoute]) -> SignalingServer:
    """Everything of one process, not yet started. Raises ConfigError for credentials that cannot be used, OSError for a taken port."""

    def ice_servers(user_id: str, now: float) -> list[IceServer]:
        return []

    telemetry = Telemetry(settings)
    observer, door = Observer(telemetry), OpenDoor(settings)
    authenticator = Authenticator(settings.auth)
    sender = PushSender.from_settings(settings.push, tracer=telemetry.tracer, metrics=telemetry.metrics)
    for remark in sender.remarks:
        log.warning(remark)
    pod = Pod(settings, sender=sender, limiter=door, watcher=observer, greet=Greeter(settings, ice_servers), telemetry=telemetry)
    server_settings = ws.Settings(
        settings.server.hello_timeout,
        settings.server.attach_timeout,
        settings.auth.close_on_expiry,
        settings.limits.queue_seconds,
        settings.calls.freeze,
    )
    endpoint = ws.Endpoint(
        authenticator, pod.attacher, pod.service, door, observer, server_settings, lambda: pod.leaving, pod.sweeper.still_for
    )
    app = create_app(pod, endpoint, authenticator, ice_servers, extra)

    async def drain() -> None:
        log.info("leaving: serving on while load balancers take this server out")
        await asyncio.sleep(settings.server.drain_delay)
        pod.leaving = True
        pod.send_away("shutdown", within=settings.server.drain)
        await server.send_away(settings.server.drain)

    server = SignalingServer(make_config(app, settings), drain)
    return server
