"""Files of the checkout as a browser may have them."""

import mimetypes
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocketClose

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; media-src 'self'; "
    "img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}
"""Nothing from other hosts, nothing inline, and who edits a file sees it after a reload."""

# Some systems know another type for scripts, or none; with nosniff a browser would run neither.
for suffix in (".js", ".mjs"):
    mimetypes.add_type("text/javascript", suffix)


class Files(StaticFiles):
    """A folder, which may come later; `index.html` for the folder itself. only: beginnings of the paths that are served, none: all."""

    def __init__(self, folder: Path, *, only: tuple[str, ...] = ()) -> None:
        super().__init__(directory=folder, html=True, check_dir=False)
        self._only = only

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await (WebSocketClose()(scope, receive, send) if scope["type"] == "websocket" else super().__call__(scope, receive, send))

    async def get_response(self, path: str, scope: Scope) -> Response:
        hidden = any(part.startswith(".") for part in Path(path).parts)
        if hidden or (self._only and not path.startswith(self._only)):
            raise HTTPException(404)
        response = await super().get_response(path, scope)
        response.headers.update(HEADERS)
        return response
