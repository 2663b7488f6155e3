"""Google's access tokens: a service account signs an assertion, the token endpoint answers with a token for an hour (RFC 7523)."""

import asyncio
import json
import time
import urllib.parse
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import google.auth.jwt
import msgspec
from google.oauth2 import service_account

from carillon.config import FcmSettings
from carillon.errors import CarillonError, ConfigError
from carillon.push.connections import Connections, failure
from carillon.push.outcome import Attempt, Outcome, retry_after, word

SCOPE = "https://www.googleapis.com/auth/firebase.messaging"
AUDIENCE = "https://oauth2.googleapis.com/token"
"""`aud` of assertions, whichever address the endpoint is reached at."""
LIFETIME = 3600
"""Seconds an assertion may be valid at most."""
MARGIN = 300.0
"""Seconds before a token's end at which the next is fetched, with the old one still in use."""
PATIENCE = 5.0
"""Seconds for one fetch of a token."""


class NoToken(CarillonError):
    """The token endpoint gave none; `attempt` says why."""

    def __init__(self, attempt: Attempt) -> None:
        super().__init__(attempt.reason)
        self.attempt = attempt


@dataclass(frozen=True, slots=True)
class ServiceAccount:
    email: str
    project: str
    token_url: str
    key_id: str
    signer: Any = field(repr=False)


def read_account(settings: FcmSettings) -> ServiceAccount:
    """Raises ConfigError in words; nothing of the key is in them."""
    name = "FCM_SERVICE_ACCOUNT_FILE" if settings.service_account_file else "FCM_SERVICE_ACCOUNT_JSON"
    try:
        content = settings.service_account_file.read_text() if settings.service_account_file else settings.service_account_json
        info = json.loads(content)
        made = service_account.Credentials.from_service_account_info(info)  # type: ignore[no-untyped-call] # google-auth has no hints here
    except (ValueError, AttributeError, TypeError, OSError):
        raise ConfigError([f"{name} is no service account key. Take the JSON file as Google made it, private_key included."]) from None
    project = settings.project_id or str(info.get("project_id") or "")
    if not project:
        raise ConfigError([f"FCM_PROJECT_ID is missing, and {name} names no project_id. Set it to the Firebase project's id."])
    token_url = settings.token_url or str(info.get("token_uri") or AUDIENCE)
    return ServiceAccount(made.service_account_email, project, token_url, str(info.get("private_key_id") or ""), made.signer)


class AccessTokens:
    """The current access token. One fetch at a time, for all who wait.

    clock: monotonic seconds. now: Unix seconds, for the assertion.
    """

    def __init__(
        self,
        settings: FcmSettings,
        connections: Connections,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
    ) -> None:
        """Raises ConfigError."""
        self.account = read_account(settings)
        self._settings, self._connections, self._clock, self._now = settings, connections, clock, now
        self._token = ""
        self._until = 0.0
        self._fetch: asyncio.Task[None] | None = None

    async def current(self) -> str:
        """Raises NoToken. Who is cancelled while waiting does not take the fetch from the others."""
        left = self._until - self._clock()
        if left <= MARGIN and self._fetch is None:
            self._fetch = asyncio.get_running_loop().create_task(self._refresh(), name="access token")
            self._fetch.add_done_callback(self._fetched)
        if left > 0:
            return self._token
        assert self._fetch is not None
        await asyncio.shield(self._fetch)
        return self._token

    def refused(self, token: str) -> None:
        """Google did not accept `token`: the next one to ask gets another."""
        if token == self._token:
            self._until = 0.0

    async def close(self) -> None:
        if self._fetch is not None:
            self._fetch.cancel()

    def _fetched(self, task: "asyncio.Task[None]") -> None:
        self._fetch = None
        if not task.cancelled():
            task.exception()  # Taken by those who wait; with an old token still good there may be nobody.

    async def _refresh(self) -> None:
        began = self._clock()
        with suppress(ConfigError):  # a mounted Secret that changes while the server runs, and may be half there
            self.account = read_account(self._settings)
        form = {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": self._assertion()}
        headers = {"content-type": "application/x-www-form-urlencoded"}
        until = asyncio.get_running_loop().time() + PATIENCE
        try:
            response = await self._connections.post(self.account.token_url, headers, urllib.parse.urlencode(form).encode(), until)
        except Exception as error:  # httpx lets errors of h2 and ssl through
            raise NoToken(failure(error)) from None
        content = _object(response.content)
        token, seconds = content.get("access_token"), content.get("expires_in")
        if response.status_code != 200 or not isinstance(token, str) or not isinstance(seconds, int | float):
            raise NoToken(_refusal(response.status_code, content, retry_after(response.headers, self._now())))
        self._token, self._until = token, began + seconds

    def _assertion(self) -> str:
        issued = int(self._now())
        claims = {"iss": self.account.email, "aud": AUDIENCE, "scope": SCOPE, "iat": issued, "exp": issued + LIFETIME}
        signed: bytes = google.auth.jwt.encode(self.account.signer, claims)  # type: ignore[no-untyped-call] # google-auth has no hints here
        return signed.decode()


def _refusal(status: int, content: dict[str, Any], wait: float | None) -> Attempt:
    """RFC 6749 §5.2: 400 or 401 with a word; a signing key that was deleted is `invalid_grant`."""
    reason = word(content.get("error")) or "no_token"
    if status == 429 or status >= 500:
        return Attempt(Outcome.THROTTLED if status == 429 else Outcome.PROVIDER_ERROR, status, reason, wait)
    return Attempt(Outcome.AUTH, status, reason)


def _object(body: bytes) -> dict[str, Any]:
    try:
        content = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return {}
    return content if isinstance(content, dict) else {}
