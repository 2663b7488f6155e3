"""The ASGI application: the signaling endpoint, health, TURN credentials."""

import contextlib
import time
from collections.abc import AsyncIterator, Callable

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route, WebSocketRoute

from carillon.app.pod import Pod
from carillon.auth import Authenticator, credentials
from carillon.errors import AuthError
from carillon.protocol import IceServer
from carillon.ws.endpoint import Endpoint


def create_app(
    pod: Pod, endpoint: Endpoint, authenticator: Authenticator, ice_servers: Callable[[str, float], list[IceServer]], extra: list[BaseRoute]
) -> Starlette:
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

    async def turn(request: Request) -> Response:
        """ICE servers for whoever brings a token, as `session.welcome` gives them."""
        try:
            found = credentials(request.scope["headers"], [], request.scope["query_string"])
            identity = await authenticator.authenticate(found.token, time.time())
        except AuthError as error:
            return PlainTextResponse(str(error), 401, {"WWW-Authenticate": "Bearer"})
        servers = ice_servers(identity.user.user_id, time.time())
        body = {"ice_servers": [{name: getattr(server, name) for name in server.__struct_fields__} for server in servers]}
        return JSONResponse(body, headers={"Cache-Control": "no-store"})

    routes: list[BaseRoute] = [
        WebSocketRoute("/ws", endpoint),
        Route("/health", health),
        Route("/livez", alive),
        Route("/readyz", ready),
        Route("/turn", turn),
        *extra,
    ]
    return Starlette(routes=routes, lifespan=lifespan)
