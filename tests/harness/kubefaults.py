"""A reverse proxy in front of the API server: it delays, cuts, refuses, loses answers and lets watches fall silent."""

import asyncio
import contextlib
import json
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

import aiohttp
from aiohttp import web
from harness.apiserver import ApiServer

REASONS = {403: "Forbidden", 409: "Conflict", 410: "Expired", 429: "TooManyRequests", 500: "InternalError", 503: "ServiceUnavailable"}
WRITES = ("POST", "PUT", "PATCH", "DELETE")


@dataclass
class Fault:
    """Of the calls that it matches (method, path with query), every so-manyth is hit, so many times in all.

    status: the answer; 0: the connection is cut. after: the call is made all the same, and only its answer is lost. half: a part of the
    real answer is sent, then the connection is cut. delay: seconds until anything happens; then all goes well if nothing else is said.
    """

    status: int | None = None
    matches: Callable[[str, str], bool] = lambda method, path: True
    every: int = 1
    times: int = 1_000_000
    after: bool = False
    half: bool = False
    retry_after: str = ""
    delay: float = 0.0
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


def writes(method: str, path: str) -> bool:
    """Writes, those of the Lease apart."""
    return method in WRITES and "/leases" not in path


def not_watches(method: str, path: str) -> bool:
    return "watch=true" not in path


class KubeFaults:
    """`with KubeFaults(server) as proxy`; clients use `proxy.url`, plain HTTP. faults: the first that takes a call has it. watches: paths
    of all that were ever begun. In a thread of its own, so that tests may block.
    """

    def __init__(self, server: ApiServer) -> None:
        self._server = server
        self.faults: list[Fault] = []
        self.watches: list[str] = []
        self.url = ""
        self._streams: dict[web.StreamResponse, asyncio.Future[bytes]] = {}
        """Open watches, and what each is to be ended with."""
        self._silent: set[web.StreamResponse] = set()
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._serves = threading.Event()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._run(),), daemon=True)

    def __enter__(self) -> "KubeFaults":
        self._thread.start()
        assert self._serves.wait(30)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(30)
        self._loop.close()

    def silence(self) -> int:
        """Every watch that is open now stays open and says nothing any more; how many there are. Later ones are well."""
        self._silent |= self._streams.keys()
        return len(self._silent)

    def end_watches(self, code: int) -> None:
        """Every watch that is open now is told of an error, and ended."""
        self._loop.call_soon_threadsafe(self._end, json.dumps({"type": "ERROR", "object": _status(code)}).encode() + b"\n")

    def _end(self, line: bytes) -> None:
        for one in self._streams.values():
            if not one.done():
                one.set_result(line)

    async def _run(self) -> None:
        context = ssl.create_default_context(cafile=str(self._server.ca))
        connector = aiohttp.TCPConnector(ssl=context, limit=0)
        async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=None)) as self._session:
            app = web.Application(client_max_size=2**24)
            app.router.add_route("*", "/{path:.*}", self._handle)
            runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1, handler_cancellation=True)
            await runner.setup()
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
            self._serves.set()
            await self._stop.wait()
            await runner.cleanup()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        fault = next((one for one in self.faults if one.takes(request.method, request.path_qs)), None)
        if fault:
            await asyncio.sleep(fault.delay)
        if fault and fault.status is not None and not fault.after:
            return _refuse(request, fault)
        try:
            return await self._forward(request, fault)
        except aiohttp.ClientError:
            return _cut(request)

    async def _forward(self, request: web.Request, fault: Fault | None) -> web.StreamResponse:
        dropped = ("host", "content-length", "accept-encoding")
        headers = {name: value for name, value in request.headers.items() if name.lower() not in dropped}
        url, body = self._server.url + request.path_qs, await request.read() or None
        async with self._session.request(request.method, url, headers=headers, data=body) as answer:
            kept = {name: value for name, value in answer.headers.items() if name.lower() in ("content-type", "retry-after")}
            if "watch=true" in request.query_string and answer.status == 200:
                return await self._stream(request, answer, kept)
            data = await answer.read()
        if fault and fault.half:
            return await _half(request, answer.status, kept, data)
        if fault and fault.status is not None:
            return _refuse(request, fault)
        return web.Response(status=answer.status, body=data, headers=kept)

    async def _stream(self, request: web.Request, answer: aiohttp.ClientResponse, headers: dict[str, str]) -> web.StreamResponse:
        self.watches.append(request.path)
        stream = web.StreamResponse(status=answer.status, headers=headers)
        await stream.prepare(request)
        end = self._streams[stream] = self._loop.create_future()
        copying = asyncio.create_task(self._copy(answer, stream))
        try:
            await asyncio.wait({copying, end}, return_when=asyncio.FIRST_COMPLETED)
            if end.done():
                await stream.write(end.result())
        finally:
            copying.cancel()
            del self._streams[stream]
        return stream

    async def _copy(self, answer: aiohttp.ClientResponse, stream: web.StreamResponse) -> None:
        with contextlib.suppress(ConnectionError, aiohttp.ClientError):
            async for chunk in answer.content.iter_any():
                if stream not in self._silent:
                    await stream.write(chunk)


def _status(code: int) -> dict[str, object]:
    about = {"kind": "Status", "apiVersion": "v1", "status": "Failure"}
    return about | {"code": code, "reason": REASONS.get(code, ""), "message": f"test {code}"}


def _refuse(request: web.Request, fault: Fault) -> web.StreamResponse:
    if not fault.status:
        return _cut(request)
    headers = {"Retry-After": fault.retry_after} if fault.retry_after else {}
    return web.json_response(_status(fault.status), status=fault.status, headers=headers)


def _cut(request: web.Request) -> web.StreamResponse:
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=502)


async def _half(request: web.Request, status: int, headers: dict[str, str], data: bytes) -> web.StreamResponse:
    stream = web.StreamResponse(status=status, headers={**headers, "Content-Length": str(len(data))})
    await stream.prepare(request)
    await stream.write(data[: len(data) // 2])
    return _cut(request)
