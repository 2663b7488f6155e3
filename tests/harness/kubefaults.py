"""A reverse proxy in front of the API server that answers some calls itself: 409, 429, 500. Plain HTTP towards clients."""

import asyncio
import contextlib
import json
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field

import aiohttp
from aiohttp import web
from harness.apiserver import ApiServer


@dataclass
class Fault:
    """status: what is answered instead. chance: how often, given a number in [0, 1). times: at most so often. after: the call is made all
    the same, and its answer lost. matches: method and path → whether it is meant.
    """

    status: int
    matches: Callable[[str, str], bool] = lambda method, path: True
    times: int = 1_000_000
    after: bool = False
    retry_after: str = ""
    every: int = 1
    seen: int = field(default=0, init=False)
    done: int = field(default=0, init=False)

    def takes(self, method: str, path: str) -> bool:
        if self.done >= self.times or not self.matches(method, path):
            return False
        self.seen += 1
        if self.seen % self.every:
            return False
        self.done += 1
        return True


class KubeFaults:
    """`async with KubeFaults(server) as proxy`; clients use `proxy.url`. faults: the first that takes a call answers it."""

    def __init__(self, server: ApiServer) -> None:
        self._server = server
        self._context = ssl.create_default_context(cafile=str(server.ca))
        self.faults: list[Fault] = []
        self.delay = 0.0
        self.url = ""
        self.streams: set[web.StreamResponse] = set()
        self.spoil: set[web.StreamResponse] = set()

    async def __aenter__(self) -> "KubeFaults":
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=self._context, limit=0), timeout=aiohttp.ClientTimeout(total=None), auto_decompress=False
        )
        app = web.Application(client_max_size=2**24)
        app.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()
        await self._runner.cleanup()

    async def end_watches(self, kind: str = "ERROR", code: int = 500) -> None:
        """Every watch is told of an error and ended."""
        line = json.dumps(
            {"type": kind, "object": {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "message": "test"}}
        )
        for one in list(self.streams):
            with contextlib.suppress(ConnectionError):
                await one.write(line.encode() + b"\n")
                await one.write_eof()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        fault = next((one for one in self.faults if one.takes(request.method, request.path_qs)), None)
        if self.delay:
            await asyncio.sleep(self.delay)
        if fault and not fault.after:
            return _refuse(fault)
        headers = {
            name: value for name, value in request.headers.items() if name.lower() not in ("host", "content-length", "accept-encoding")
        }
        try:
            async with self._session.request(
                request.method, self._server.url + request.path_qs, headers=headers, data=await request.read() or None
            ) as answer:
                if fault:
                    await answer.read()
                    return _refuse(fault)
                kept = {name: value for name, value in answer.headers.items() if name.lower() in ("content-type", "retry-after")}
                return await self._pass(request, answer, kept)
        except aiohttp.ClientError:
            assert request.transport is not None
            request.transport.abort()
            return web.Response(status=502)

    async def _pass(self, request: web.Request, answer: aiohttp.ClientResponse, headers: dict[str, str]) -> web.StreamResponse:
        if "watch=true" not in request.query_string:
            return web.Response(status=answer.status, body=await answer.read(), headers=headers)
        stream = web.StreamResponse(status=answer.status, headers=headers)
        await stream.prepare(request)
        self.streams.add(stream)
        try:
            async for chunk in answer.content.iter_any():
                await stream.write(chunk)
        except (ConnectionError, aiohttp.ClientError):
            pass
        finally:
            self.streams.discard(stream)
        return stream


def _refuse(fault: Fault) -> web.Response:
    reason = {409: "Conflict", 429: "TooManyRequests", 500: "InternalError", 503: "ServiceUnavailable"}.get(fault.status, "")
    body = {
        "kind": "Status",
        "apiVersion": "v1",
        "status": "Failure",
        "code": fault.status,
        "reason": reason,
        "message": f"test {fault.status}",
    }
    headers = {"Retry-After": fault.retry_after} if fault.retry_after else {}
    return web.json_response(body, status=fault.status, headers=headers)
