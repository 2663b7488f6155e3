"""`/metrics`, `/livez` and `/readyz`."""

from collections.abc import Callable

from aiohttp import web

from carillon_operator.metrics import Own


async def serve(port: int, own: Own, stuck: Callable[[], bool], ready: Callable[[], bool]) -> web.AppRunner:
    """stuck: a restart would help. ready: the watches have begun. Raises OSError for a port that is taken."""

    async def metrics(_: web.Request) -> web.Response:
        return web.Response(body=own.text(), headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"})

    async def livez(_: web.Request) -> web.Response:
        return web.Response(status=503, text="the watch is stuck\n") if stuck() else web.Response(text="ok\n")

    async def readyz(_: web.Request) -> web.Response:
        return web.Response(text="ok\n") if ready() else web.Response(status=503, text="the watches have not begun yet\n")

    app = web.Application()
    app.add_routes([web.get("/metrics", metrics), web.get("/livez", livez), web.get("/readyz", readyz)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, None, port).start()
    return runner
