"""The ASGI application: the signaling endpoint, health, what is asked for with a token."""

import contextlib
from collections.abc import AsyncIterator

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route, WebSocketRoute

from carillon.app.bearer import Bearer
from carillon.app.pod import Pod
from carillon.ws.endpoint import Endpoint
from carillon.ws.ports import Refusal


def create_app(pod: Pod, endpoint: Endpoint, bearer: Bearer, extra: list[BaseRoute]) -> Starlette:
    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        await pod.start()
        yield
        await pod.stop()

    async def health(_: Request) -> Response:
        """As in the reference: 200 only if Redis answers."""
        if await pod.healthy():
            return PlainTextResponse("OK")
        return PlainTextResponse("Redis unhealthy", 503)

    async def alive(_: Request) -> Response:
        return PlainTextResponse("OK")

    async def ready(_: Request) -> Response:
        return PlainTextResponse("leaving", 503) if pod.draining else PlainTextResponse("OK")

    routes: list[BaseRoute] = [
        WebSocketRoute("/ws", endpoint),
        Route("/ws", bearer.upgrade),
        Route("/health", health),
        Route("/livez", alive),
        Route("/readyz", ready),
        Route("/turn", bearer.turn, methods=["GET", "OPTIONS"]),
        *extra,
    ]
    return Starlette(routes=routes, lifespan=lifespan, exception_handlers={Refusal: bearer.refuse})
