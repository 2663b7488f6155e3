"""The web client, and for it the demo users: their tokens, which anybody who can reach this server may have, and their presence."""

import time
from pathlib import Path

import jwt
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route

from carillon.client.demo_users import DEMO_USERS
from carillon.demo.files import Files
from carillon.errors import ConfigError
from carillon.hub import Hub

CHECKOUT = Path(__file__).resolve().parents[3]
"""Where the web client and the SDK lie. They are part of no wheel or image: production serves no pages."""
TOKEN_SECONDS = 8 * 3600


def demo_routes(secret: str, hub: Hub, checkout: Path = CHECKOUT) -> list[BaseRoute]:
    """secret: what the server checks tokens with. Raises ConfigError where there is no checkout."""
    page = checkout / "examples/web-client"
    if not page.is_dir():
        raise ConfigError([f"DEMO serves the web client of a checkout, and there is none at {page}. Unset it."])

    async def users(_: Request) -> Response:
        """presence: `offline`, `online`, or `busy` in a call."""
        listed = [
            {"id": user_id, "name": name, "image": image(user_id), "presence": presence(hub, user_id)}
            for user_id, name in DEMO_USERS.items()
        ]
        return JSONResponse(listed, headers={"Cache-Control": "no-store"})

    async def token(request: Request) -> Response:
        user_id = request.path_params["user_id"]
        if user_id not in DEMO_USERS:
            return JSONResponse({"error": "no such demo user"}, 404)
        profile = {"name": DEMO_USERS[user_id], "username": user_id, "image_profile": image(user_id)}
        claims = {"hash": user_id, **profile, "exp": int(time.time()) + TOKEN_SECONDS}
        return JSONResponse({"token": jwt.encode(claims, secret, algorithm="HS256")}, headers={"Cache-Control": "no-store"})

    return [
        Route("/demo/users", users),
        Route("/demo/token/{user_id}", token),
        Mount("/sdk", Files(checkout / "clients/web", only=("carillon.js", "src/"))),
        Mount("/", Files(page)),
    ]


def image(user_id: str) -> str:
    return f"/pictures/{user_id}.svg"


def presence(hub: Hub, user_id: str) -> str:
    attached = hub.get(user_id)
    if attached is None or attached.connection.closed:
        return "offline"
    return "busy" if attached.live_call else "online"
