"""Apple Push Notification service: VoIP pushes over HTTP/2."""

import asyncio
import logging
import os
import re
import ssl
import time
from collections.abc import Callable
from pathlib import Path

from carillon.config import ApnsSettings
from carillon.errors import ConfigError
from carillon.push.apns_identity import ProviderTokens, read_certificate, today
from carillon.push.connections import Connections, failure, provider_tls
from carillon.push.message import Kind, PushRequest, TooLarge, apns_body, apns_headers
from carillon.push.outcome import Attempt, Outcome, apns_attempt

log = logging.getLogger(__name__)

_TOKEN = re.compile(r"[0-9A-Fa-f]{2,400}")
"""Device tokens come from callers and go into a path. Apple: of variable length, do not assume one; hexadecimal."""
_STALE = ("ExpiredProviderToken", "InvalidProviderToken")


class Apns:
    name = "apns"

    def __init__(self, settings: ApnsSettings, ca_file: Path | None = None, now: Callable[[], float] = time.time) -> None:
        """Reads certificate or key; raises ConfigError in words. now: Unix seconds."""
        self._url = settings.url
        self._topic = f"{settings.bundle_id}.voip"
        self._ca_file, self._now = ca_file, now
        self._tokens: ProviderTokens | None = None
        self._certificate: _CertificateFile | None = None
        self.remarks: list[str] = []
        if settings.key_path is not None:
            self._tokens = ProviderTokens(settings.key_path, settings.key_id, settings.team_id, now)
        elif settings.cert_path is not None:
            self._certificate = _CertificateFile(settings.cert_path, settings.cert_passphrase)
            self.remarks = self._certificate.content.remarks(settings.bundle_id, today(now()))
        else:
            raise ConfigError(["APNS_CERT_PATH or APNS_KEY_PATH is missing."])
        self._connections = Connections(self._tls)

    async def attempt(self, request: PushRequest, kind: Kind, timeout: float) -> tuple[Attempt, tuple[str, ...]]:
        """One push, sent again at once if only our own token was stale. Returns what came of it and what was left out of the push."""
        if not _TOKEN.fullmatch(request.device_token):
            return Attempt(Outcome.BAD_TOKEN, reason="malformed"), ()
        try:
            built = apns_body(request, kind)
        except TooLarge:
            return Attempt(Outcome.PAYLOAD_TOO_LARGE), ()
        if self._certificate is not None:
            if self._certificate.changed():
                await self._connections.renew()
            if today(self._now()) >= self._certificate.content.leaf.not_valid_after_utc:
                # TLS 1.3 would tell so only after the first write, if at all: a broken connection, tried again for a whole ring.
                return Attempt(Outcome.AUTH, reason="certificate_expired"), ()
        url = f"{self._url}/3/device/{request.device_token}"
        headers = apns_headers(request, kind, self._topic, self._now())
        until = asyncio.get_running_loop().time() + timeout
        result = await self._post(url, headers, built.body, until)
        token = headers.get("authorization", "").removeprefix("bearer ")
        if result.reason in _STALE and self._tokens is not None and self._tokens.refused(token):
            result = await self._post(url, headers, built.body, until)
        return result, built.dropped

    async def _post(self, url: str, headers: dict[str, str], body: bytes, until: float) -> Attempt:
        if self._tokens is not None:
            headers["authorization"] = f"bearer {self._tokens.current()}"
        try:
            response = await self._connections.post(url, headers, body, until)
        except Exception as error:  # httpx lets errors of h2 and ssl through; none may end a ring unsaid
            result = failure(error)
        else:
            result = apns_attempt(response.status_code, response.headers, response.content, self._now())
        if result.outcome is Outcome.AUTH and self._tokens is None:
            # Apple judges certificates per connection: one that was replaced since, or a passing refusal, needs another connection.
            await self._connections.renew()
        return result

    def _tls(self) -> ssl.SSLContext:
        context = provider_tls(self._ca_file)
        if self._certificate is not None:
            self._certificate.content.load_into(context)
        return context

    async def close(self) -> None:
        await self._connections.close()


class _CertificateFile:
    """A mounted Secret changes while the server runs."""

    def __init__(self, path: Path, passphrase: str) -> None:
        self._path, self._passphrase = path, passphrase
        self._seen = _signature(path)
        self.content = read_certificate(path, passphrase)

    def changed(self) -> bool:
        """Take up another content of the file; an unusable one is told of once and leaves the old in use."""
        seen = _signature(self._path)
        if seen == self._seen:
            return False
        self._seen = seen
        try:
            self.content = read_certificate(self._path, self._passphrase)
        except ConfigError as error:
            log.warning("the changed APNs certificate cannot be used; the one before stays in use", extra={"why": str(error)})
            return False
        log.info("the APNs certificate was replaced")
        return True


def _signature(path: Path) -> tuple[int, int, int]:
    try:
        found = os.stat(path)
    except OSError:
        return 0, 0, 0
    return found.st_ino, found.st_mtime_ns, found.st_size
