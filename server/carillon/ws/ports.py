"""What the endpoint asks of those around it, and how somebody is turned away."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from carillon.errors import CloseCode


class Refusal(Exception):
    """A connection that is not let in: HTTP status for clients of the reference's protocol, close code for v1."""

    def __init__(self, status: int, text: str, code: CloseCode, retry_after: float | None = None) -> None:
        super().__init__(text)
        self.status, self.text, self.code, self.retry_after = status, text, code, retry_after

    @property
    def headers(self) -> dict[str, str]:
        """Of the HTTP answer: whole seconds, and never 0 (RFC 9110 §10.2.3)."""
        return {} if self.retry_after is None else {"Retry-After": str(max(1, math.ceil(self.retry_after)))}


Meter = Callable[[int], CloseCode | None]
"""Told of each message by its size in bytes: the code to close with if there were far too many. Raises Refused for one too many."""


class Door(Protocol):
    """Origin, rates and numbers of connections."""

    def knock(self, peer: str, headers: list[tuple[bytes, bytes]]) -> str:
        """Before any token is read; returns the client's address. Raises Refusal."""

    async def enter(self, address: str, user_id: str) -> None:
        """For an authenticated user, waits its turn. Raises Refusal."""

    def leave(self, address: str, user_id: str) -> None: ...

    def refused(self, address: str) -> None:
        """A token was not accepted."""

    def meter(self) -> Meter:
        """For one connection."""


class Observer(Protocol):
    def opened(self, user_id: str, address: str, *, v1: bool, recovered: bool | None, replayed: int) -> None:
        """recovered: None for those who resumed nothing."""

    def closed(self, user_id: str, *, v1: bool, code: int, clean: bool, seconds: float, received: int, sent: int) -> None: ...

    def turned_away(self, refusal: Refusal, address: str) -> None: ...

    def not_upgraded(self, address: str) -> None:
        """Somebody with a good token asked for `/ws` by plain HTTP."""


@dataclass(frozen=True, slots=True)
class SocketSettings:
    hello: float
    """Seconds a v1 client has to say `session.resume`."""
    attach: float
    close_on_expiry: bool
    queue: float
    """Seconds that a message may wait for those before it."""
    freeze: float
    """Seconds of a standing event loop after which nothing that queued up meanwhile counts."""
