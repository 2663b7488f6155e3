"""A TCP proxy that spoils what goes through it: delay, cut, silence, lost answers. Stands in front of any server; ends TLS if asked."""

import asyncio
import contextlib
import ssl


class FaultProxy:
    """`async with FaultProxy(port) as proxy`; clients connect to `proxy.port`. What is set applies to bytes that come from then on.

    delay: seconds that every piece of data waits, in each direction.
    refusing: new connections are closed at once.
    """

    def __init__(self, upstream_port: int, *, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1") -> None:
        self.upstream_port, self._tls, self._host = upstream_port, tls, host
        self._server: asyncio.Server
        self._pairs: set[_Pair] = set()
        self.delay = 0.0
        self.refusing = False
        self.accepted = 0
        self.port = 0

    async def __aenter__(self) -> "FaultProxy":
        self._server = await asyncio.start_server(self._accept, self._host, 0, ssl=self._tls)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        self.resume()
        self.cut()
        await asyncio.gather(*(pair.closed.wait() for pair in self._pairs))

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        if self.refusing:
            writer.transport.abort()
            return
        try:
            upstream = await asyncio.open_connection("127.0.0.1", self.upstream_port)
        except OSError:
            writer.transport.abort()
            return
        pair = _Pair(self, (reader, writer), upstream)
        self._pairs.add(pair)
        try:
            await pair.run()
        finally:
            self._pairs.discard(pair)

    # ---------------------------------------------------------------- faults

    def cut(self) -> None:
        """Reset every connection; new ones are served."""
        for pair in self._pairs:
            pair.abort()

    def silence(self) -> None:
        """A black hole: the connections there are stay open and carry nothing any more, either way; new ones are served (half-open)."""
        for pair in self._pairs:
            pair.requests.clear()
            pair.replies.clear()

    def silence_replies(self) -> None:
        """Requests still arrive and run; what the server answers from now on is lost."""
        for pair in self._pairs:
            pair.replies.clear()

    def lose_replies(self, after: int = 0) -> None:
        """Requests arrive and run; after so many bytes of answers on each connection it is cut, and the rest is lost."""
        for pair in self._pairs:
            pair.left = after

    def resume(self) -> None:
        """Connections that were silenced carry on; what was held back arrives."""
        for pair in self._pairs:
            pair.requests.set()
            pair.replies.set()


class _Pair:
    """One client's connection and the one made for it."""

    def __init__(
        self,
        proxy: FaultProxy,
        client: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        upstream: tuple[asyncio.StreamReader, asyncio.StreamWriter],
    ) -> None:
        self._proxy, self._client, self._upstream = proxy, client, upstream
        self.requests, self.replies = asyncio.Event(), asyncio.Event()
        self.requests.set()
        self.replies.set()
        self.closed = asyncio.Event()
        self.left: int | None = None
        """Bytes of answers that may pass before the cut; None: all."""

    async def run(self) -> None:
        pumps = [
            asyncio.create_task(self._pump(self._client[0], self._upstream[1], self.requests, answers=False)),
            asyncio.create_task(self._pump(self._upstream[0], self._client[1], self.replies, answers=True)),
        ]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
            for _, writer in (self._client, self._upstream):
                writer.close()
            self.closed.set()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, gate: asyncio.Event, *, answers: bool) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65_536):
                if self._proxy.delay:
                    await asyncio.sleep(self._proxy.delay)
                await gate.wait()
                if answers and self.left is not None:
                    data, self.left = data[: self.left], self.left - len(data)
                writer.write(data)
                await writer.drain()
                if answers and self.left is not None and self.left < 0:
                    self.abort()
                    return

    def abort(self) -> None:
        for _, writer in (self._client, self._upstream):
            writer.transport.abort()
