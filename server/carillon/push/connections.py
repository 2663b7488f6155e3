"""HTTP/2 to one provider, over connections that are given up as soon as they are in doubt.

httpx alone would send the next push into the same dead connection: a NAT that forgot it answers nothing, so nothing fails but our patience.
"""

import asyncio
import logging
import ssl
from collections.abc import Callable, Mapping
from pathlib import Path

import h2.events
import httpcore
import httpx

from carillon.push.outcome import Attempt, Outcome, apns_attempt

IDLE = 120.0
"""Seconds an unused connection is kept. Cloud NATs forget one after 240 to 350 s, and a forgotten one costs a ring an attempt."""
_TALKATIVE = ("httpx", "httpcore", "hpack", "h2")
"""Loggers that print request URLs (device tokens of APNs) or whole header blocks (provider tokens)."""


def provider_tls(ca_file: Path | None) -> ssl.SSLContext:
    """Trusts the authorities in `ca_file`, else those that come with httpx (SSL_CERT_FILE and SSL_CERT_DIR go before)."""
    context = httpx.create_ssl_context() if ca_file is None else ssl.create_default_context(cafile=ca_file)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


class Connections:
    """make_tls: called for the first connection and after each `renew`; reading the authorities takes 20 ms."""

    def __init__(self, make_tls: Callable[[], ssl.SSLContext]) -> None:
        self._make_tls = make_tls
        self._tls: ssl.SSLContext | None = None
        self._current: _Client | None = None
        for name in _TALKATIVE:
            logger = logging.getLogger(name)
            logger.setLevel(max(logger.level, logging.WARNING))

    async def post(self, url: str, headers: Mapping[str, str], content: bytes, until: float) -> httpx.Response:
        """Raises TimeoutError, or whatever httpx, httpcore, h2 or ssl raise (see `failure`). until: seconds of the event loop's clock."""
        if asyncio.get_running_loop().time() >= until:
            raise TimeoutError
        client = self._current
        if client is None:
            self._tls = self._tls or self._make_tls()
            client = self._current = _Client(self._tls)
        client.users += 1
        try:
            async with asyncio.timeout_at(until):
                return await client.http.post(url, headers=headers, content=content)
        except TimeoutError:
            self._give_up(client)
            raise
        finally:
            client.users -= 1
            await client.close_if_done()

    async def renew(self) -> None:
        """Use a new connection and fresh TLS settings from now on; what is under way on the old connection ends there."""
        self._tls = None
        client = self._current
        if client is not None:
            self._give_up(client)
            await client.close_if_done()

    def _give_up(self, client: "_Client") -> None:
        client.retired = True
        if self._current is client:
            self._current = None

    async def close(self) -> None:
        client, self._current = self._current, None
        if client is not None:
            await client.http.aclose()


class _Client:
    def __init__(self, tls: ssl.SSLContext) -> None:
        # The timeouts of httpx fail all streams of a connection when one is slow; each request has its own instead.
        self.http = httpx.AsyncClient(
            http2=True,
            verify=tls,
            timeout=None,  # noqa: S113 - see above
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=None, keepalive_expiry=IDLE),
        )
        self.users = 0
        self.retired = False

    async def close_if_done(self) -> None:
        if self.retired and not self.users:
            await self.http.aclose()


def failure(error: Exception) -> Attempt:
    """What an exception of `Connections.post` means."""
    causes = list(_causes(error))
    for cause in causes:
        if isinstance(cause, httpcore.RemoteProtocolError) and cause.args and isinstance(cause.args[0], h2.events.ConnectionTerminated):
            return _goodbye(cause.args[0])
    if isinstance(error, TimeoutError | httpx.TimeoutException):
        return Attempt(Outcome.TIMEOUT, reason="timeout")
    for cause in causes:
        if isinstance(cause, ssl.SSLError):
            certificate = isinstance(cause, ssl.SSLCertVerificationError) or "alert" in str(cause.reason or "").lower()
            # The provider's certificate is not trusted, or it does not trust ours: no later attempt of this ring changes that.
            return Attempt(Outcome.AUTH if certificate else Outcome.UNREACHABLE, reason=(cause.reason or "tls").lower())
    if isinstance(error, httpx.ConnectError | httpx.ProxyError):
        return Attempt(Outcome.UNREACHABLE, reason="connect")
    return Attempt(Outcome.INTERRUPTED, reason=type(error).__name__)


def _goodbye(event: h2.events.ConnectionTerminated) -> Attempt:
    """A GOAWAY while waiting for an answer. Apple names its reason as JSON in it (BadCertificateEnvironment comes this way alone)."""
    told = apns_attempt(0, {}, event.additional_data or b"", 0)
    if told.outcome is Outcome.AUTH:
        return told
    return Attempt(Outcome.INTERRUPTED, reason=told.reason or "goaway")


def _causes(error: BaseException | None) -> "list[BaseException]":
    found: list[BaseException] = []
    while error is not None and error not in found:
        found.append(error)
        error = error.__cause__ or error.__context__
    return found
