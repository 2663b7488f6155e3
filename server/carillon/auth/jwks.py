"""Public keys of an identity provider, fetched from the one URL that the settings name (a token's `jku` and `x5u` are never followed)."""

import asyncio
import logging
from collections.abc import Sequence

import httpx

from carillon.auth.keys import Key, match, read_jwks

log = logging.getLogger(__name__)

TIMEOUT = 5.0
"""Seconds for one fetch: a connection waits for it."""
MOST_BYTES = 1_048_576
"""Of an answer; real ones have a few KiB."""


class Jwks:
    """refetch: least seconds between two fetches. lifetime: seconds after which keys are fetched anew: withdrawn ones must stop working."""

    def __init__(self, url: str, *, refetch: float, lifetime: float, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._url, self._refetch, self._lifetime, self._transport = url, refetch, lifetime, transport
        self._keys: tuple[Key, ...] = ()
        self._tried = self._fetched = float("-inf")
        self._fetching: asyncio.Task[bool] | None = None

    def find(self, kid: str, algorithm: str, now: float) -> Sequence[Key]:
        return match(self._keys, kid, algorithm)

    def stale(self, now: float) -> bool:
        return not 0 <= now - self._fetched <= self._lifetime

    def wait(self, now: float) -> float | None:
        """Seconds until the next fetch where the last one failed, so that a key which is not found may well exist."""
        failed = self._tried != self._fetched
        return min(max(self._tried + self._refetch - now, 1.0), self._refetch) if failed else None

    async def refresh(self, kid: str, now: float) -> bool:
        """One fetch for all who wait; at most every `refetch` seconds."""
        if self._fetching is None or self._fetching.done():
            # A clock may go back, too.
            if 0 <= now - self._tried < self._refetch:
                return False
            self._tried = now
            self._fetching = asyncio.get_running_loop().create_task(self._fetch(now))
        return await asyncio.shield(self._fetching)

    async def _fetch(self, now: float) -> bool:
        try:
            async with httpx.AsyncClient(timeout=TIMEOUT, transport=self._transport) as client, client.stream("GET", self._url) as answer:
                answer.raise_for_status()
                body = b""
                async for chunk in answer.aiter_bytes():
                    body += chunk
                    if len(body) > MOST_BYTES:
                        raise ValueError(f"more than {MOST_BYTES} bytes")
            self._keys = read_jwks(body)
        except (httpx.HTTPError, ValueError) as error:
            log.warning(
                "the JWKS cannot be fetched; the keys before it stay in force", extra={"why": f"{type(error).__name__}: {error}"[:200]}
            )
            return False
        self._fetched = now
        log.info("JWKS fetched", extra={"keys": len(self._keys)})
        return True
