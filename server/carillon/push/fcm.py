"""Firebase Cloud Messaging, HTTP v1 API: data messages of high priority."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

from carillon.config import FcmSettings
from carillon.push.connections import Connections, failure, provider_tls
from carillon.push.fcm_tokens import AccessTokens, NoToken
from carillon.push.message import Kind, PushRequest, TooLarge, fcm_body
from carillon.push.outcome import Attempt, Outcome, fcm_attempt


class Fcm:
    name = "fcm"

    def __init__(
        self,
        settings: FcmSettings,
        ca_file: Path | None = None,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
    ) -> None:
        """Reads the service account; raises ConfigError in words. clock: monotonic seconds. now: Unix seconds."""
        self._endpoint, self._now = settings.endpoint, now
        self._connections = Connections(lambda: provider_tls(ca_file))
        # Apart, so that a hanging endpoint of the one does not cost the other its connection.
        self._token_connections = Connections(lambda: provider_tls(ca_file))
        self._tokens = AccessTokens(settings, self._token_connections, clock, now)
        self.remarks: list[str] = []

    async def attempt(self, request: PushRequest, kind: Kind, timeout: float) -> tuple[Attempt, tuple[str, ...]]:
        """One push, sent again at once if only our own token was stale. Returns what came of it and what was left out of the push."""
        if not request.device_token:
            return Attempt(Outcome.BAD_TOKEN, reason="malformed"), ()
        try:
            built = fcm_body(request, kind, self._now())
        except TooLarge:
            return Attempt(Outcome.PAYLOAD_TOO_LARGE), ()
        until = asyncio.get_running_loop().time() + timeout
        result, token = await self._post(built.body, until)
        if result.status == 401 and result.reason != "THIRD_PARTY_AUTH_ERROR" and token:
            self._tokens.refused(token)
            result, _ = await self._post(built.body, until)
        return result, built.dropped

    async def _post(self, body: bytes, until: float) -> tuple[Attempt, str]:
        """(what came of it, the access token it was sent with; empty: not sent)"""
        try:
            async with asyncio.timeout_at(until):
                token = await self._tokens.current()
        except NoToken as error:
            return error.attempt, ""
        except TimeoutError:
            return Attempt(Outcome.TIMEOUT, reason="token_timeout"), ""
        url = f"{self._endpoint}/v1/projects/{self._tokens.account.project}/messages:send"
        headers = {"authorization": f"Bearer {token}", "content-type": "application/json; charset=utf-8"}
        try:
            response = await self._connections.post(url, headers, body, until)
        except Exception as error:  # httpx lets errors of h2 and ssl through; none may end a ring unsaid
            return failure(error), token
        return fcm_attempt(response.status_code, response.headers, response.content, self._now()), token

    async def close(self) -> None:
        await self._tokens.close()
        await self._connections.close()
        await self._token_connections.close()
