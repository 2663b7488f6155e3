"""`python -m carillon`: one process of the service, configured by the environment alone."""

import asyncio
import gc
import logging
import os
import sys
import time

from starlette.routing import BaseRoute

from carillon.app import why
from carillon.app.app import create_app
from carillon.app.door import OpenDoor
from carillon.app.observe import Observer
from carillon.app.pod import Pod
from carillon.app.welcome import Greeter
from carillon.auth import Authenticator
from carillon.call import Alert, Call
from carillon.config import Settings
from carillon.errors import ConfigError
from carillon.protocol import IceServer
from carillon.telemetry import Telemetry, configure_logging, silence
from carillon.ws import endpoint as ws
from carillon.ws.server import SignalingServer, make_config

log = logging.getLogger("carillon")


class NoPush:
    def can_push(self, os: str | None) -> bool:
        return False

    async def ring(self, call: Call) -> Alert:
        return Alert.FAILED

    async def cancel(self, call: Call) -> None:
        return


def build(settings: Settings, extra: list[BaseRoute]) -> SignalingServer:
    """Everything of one process, not yet started."""

    def ice_servers(user_id: str, now: float) -> list[IceServer]:
        return []

    telemetry = Telemetry(settings)
    observer, door = Observer(telemetry), OpenDoor(settings)
    authenticator = Authenticator(settings.auth)
    pod = Pod(settings, pusher=NoPush(), limiter=door, watcher=observer, greet=Greeter(settings, ice_servers), telemetry=telemetry)
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


USAGE = """usage: python -m carillon           start the server, configured by the environment
       python -m carillon why ID    tell why a call ended"""


def main(arguments: list[str]) -> int:
    """Returns the exit code: 2 for settings or arguments that cannot be used."""
    if arguments and not (arguments[0] == "why" and len(arguments) == 2):
        print(USAGE, file=sys.stderr)
        return 2
    try:
        settings = Settings.from_env(os.environ)
    except ConfigError as error:
        print("carillon: the settings cannot be used:", *error.problems, sep="\n  ", file=sys.stderr)
        return 2
    if arguments:
        return why.main(settings, arguments[1])
    configure_logging(settings.telemetry, settings.server.server_id)
    silence()
    for remark in settings.remarks():
        log.warning(remark)
    extra: list[BaseRoute] = []
    if settings.server.demo:
        from carillon.demo import demo_routes

        extra = demo_routes(settings.auth.secret)
    server = build(settings, extra)
    gc.freeze()
    gc.set_threshold(10_000, 20, 100)
    began = time.monotonic()
    server.run()
    log.info("left after %.0f s", time.monotonic() - began)
    return 0
