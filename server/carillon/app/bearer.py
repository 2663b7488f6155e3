"""What is asked for by HTTP with a token: TURN credentials, and `/ws` by those who forgot to upgrade."""

import time
from collections.abc import Callable, Sequence

import msgspec
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from carillon.auth import Authenticator, Identity
from carillon.config import Settings
from carillon.limits import allowed
from carillon.protocol import IceServer
from carillon.ws.identify import identify
from carillon.ws.ports import Door, Observer, Refusal

IceServers = Callable[[str, float], list[IceServer]]


class Bearer:
    """door: its limit on refused tokens counts here too."""

    def __init__(self, settings: Settings, authenticator: Authenticator, door: Door, observer: Observer, ice_servers: IceServers) -> None:
        self._origins = settings.server.allowed_origins
        self._authenticator, self._door, self._observer, self._ice_servers = authenticator, door, observer, ice_servers

    async def turn(self, request: Request) -> Response:
        """ICE servers as `session.welcome` gives them. Pages of other origins may ask, if they may connect."""
        if request.method == "OPTIONS":
            return Response(status_code=204, headers={**self._cors(request), "Access-Control-Max-Age": "600"})
        identity = await self._identify(request)
        servers = self._ice_servers(identity.user.user_id, time.time())
        headers = {"Cache-Control": "no-store", **self._cors(request)}
        return Response(msgspec.json.encode({"ice_servers": servers}), media_type="application/json", headers=headers)

    async def upgrade(self, request: Request) -> Response:
        """`/ws` without a WebSocket handshake: what the reference tells of the token, and then what is missing."""
        # A proxy that does not pass `Upgrade` on, as most by default, passes on where v1 clients have their token.
        offered = request.headers.get("sec-websocket-protocol", "")
        try:
            await self._identify(request, [protocol.strip() for protocol in offered.split(",")])
        except Refusal as refusal:
            self._observer.turned_away(refusal, _peer(request))
            raise
        self._observer.not_upgraded(_peer(request))
        return PlainTextResponse("Connect by WebSocket", 426, {"Upgrade": "websocket", "Connection": "Upgrade"})

    async def _identify(self, request: Request, subprotocols: Sequence[str] = ()) -> Identity:
        """Raises Refusal."""
        scope = request.scope
        address = self._door.knock(_peer(request), scope["headers"])
        return await identify(self._authenticator, self._door, address, scope["headers"], subprotocols, scope["query_string"])

    def _cors(self, request: Request) -> dict[str, str]:
        origin = request.headers.get("origin")
        if origin is None or not allowed(origin, self._origins):
            return {}
        return {"Access-Control-Allow-Origin": origin, "Access-Control-Allow-Headers": "Authorization", "Vary": "Origin"}

    async def refuse(self, request: Request, error: Exception) -> Response:
        """A Refusal as an HTTP response, which pages of allowed origins may read."""
        assert isinstance(error, Refusal)
        headers = error.headers | (self._cors(request) if request.url.path == "/turn" else {})
        if error.status == 401:
            headers["WWW-Authenticate"] = "Bearer"
        return PlainTextResponse(error.text, error.status, headers)


def _peer(request: Request) -> str:
    return request.client.host if request.client else ""
