"""One process of the service, put together from its settings."""

import logging
import time
from collections.abc import Callable
from functools import partial

from starlette.routing import BaseRoute

from carillon.app.app import create_app
from carillon.app.bearer import Bearer
from carillon.app.door import Door
from carillon.app.observe import Observer
from carillon.app.pod import Pod
from carillon.app.welcome import Greeter
from carillon.auth import Authenticator
from carillon.auth.turn import ice_servers
from carillon.config import Settings
from carillon.errors import Close
from carillon.hub import Hub
from carillon.push import PushSender
from carillon.telemetry import Telemetry
from carillon.ws.drain import drain as leave
from carillon.ws.endpoint import Endpoint
from carillon.ws.ports import SocketSettings
from carillon.ws.server import SignalingServer, make_config

log = logging.getLogger("carillon")


def build(settings: Settings, extra: Callable[[Hub], list[BaseRoute]] | None = None) -> SignalingServer:
    """Everything of one process, not yet started. extra: further routes. Raises ConfigError for credentials that cannot be used."""
    telemetry = Telemetry(settings)
    observer, door = Observer(telemetry), Door(settings, telemetry.metrics)
    authenticator = Authenticator(settings.auth, longest=settings.limits.token_bytes)
    telemetry.metrics.keyring.follow_labels(lambda: authenticator.keyrings(time.time()))
    turn = partial(ice_servers, settings.turn)
    sender = PushSender.from_settings(settings.push, tracer=telemetry.tracer, metrics=telemetry.metrics)
    for remark in sender.remarks:
        log.warning(remark)
    pod = Pod(settings, sender=sender, limiter=door, watcher=observer, greet=Greeter(settings, turn), telemetry=telemetry)
    endpoint = Endpoint(
        authenticator=authenticator,
        attacher=pod.engine.attacher,
        service=pod.engine.service,
        pong=pod.engine.ring.pong,
        door=door,
        observer=observer,
        settings=SocketSettings(
            hello=settings.server.hello_timeout,
            attach=settings.server.attach_timeout,
            close_on_expiry=settings.auth.close_on_expiry,
            queue=settings.limits.queue_seconds,
            freeze=settings.calls.freeze,
        ),
        leaving=lambda: pod.leaving,
        pulse=pod.pulse,
    )
    app = create_app(pod, endpoint, Bearer(settings, authenticator, door, observer, turn), extra(pod.hub) if extra else [])

    async def drain() -> None:
        delay, seconds = settings.server.drain_delay, settings.server.drain
        log.info("leaving", extra={"connections": len(server.sockets), "delay": delay, "seconds": seconds})
        pod.draining = True
        await leave(lambda: server.sockets, delay=delay, seconds=seconds, announce=pod.say_goodbye)

    def stood_still(seconds: float) -> None:
        """Others were about to take this pod for dead: its users begin anew, and nothing of what waited is done."""
        if seconds > settings.calls.freeze:
            log.warning("the event loop stood still; all connections are closed", extra={"seconds": round(seconds, 1)})
            for socket in server.sockets:
                socket.close(Close.RESTART, Close.RESTART.reason)

    server = SignalingServer(make_config(app, settings), drain)
    pod.pulse.on_stall = stood_still
    return server
