"""The demo page and the demo users' tokens, which anybody who can reach this server may have."""

import time
from importlib.resources import files

import jwt
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from carillon.client.demo_users import DEMO_USERS

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; media-src 'self'; img-src 'self' data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
TOKEN_SECONDS = 8 * 3600
FILES = {"": ("index.html", "text/html"), "demo.js": ("demo.js", "text/javascript"), "demo.css": ("demo.css", "text/css")}


def demo_routes(secret: str) -> list[BaseRoute]:
    """secret: what the server checks tokens with."""

    async def users(_: Request) -> Response:
        return JSONResponse([{"id": user_id, "name": name} for user_id, name in DEMO_USERS.items()])

    async def token(request: Request) -> Response:
        user_id = request.path_params["user_id"]
        if user_id not in DEMO_USERS:
            return JSONResponse({"error": "no such demo user"}, 404)
        claims = {"hash": user_id, "name": DEMO_USERS[user_id], "username": user_id, "exp": int(time.time()) + TOKEN_SECONDS}
        return JSONResponse({"token": jwt.encode(claims, secret, algorithm="HS256")}, headers={"Cache-Control": "no-store"})

    def static(name: str, kind: str) -> Route:
        body = (files("carillon.demo") / "static" / name).read_bytes()

        async def serve(_: Request) -> Response:
            return Response(body, media_type=kind, headers={"Content-Security-Policy": POLICY, "X-Content-Type-Options": "nosniff"})

        path = "/" if name == "index.html" else f"/{name}"
        return Route(path, serve)

    pages = [static(name, kind) for name, kind in FILES.values()]
    return [*pages, Route("/demo/users", users), Route("/demo/token/{user_id}", token)]
