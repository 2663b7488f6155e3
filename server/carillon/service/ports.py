"""What the service asks of those around it."""

from typing import Protocol

from carillon.call import Call, Command, Decision, Report, Start


class Pusher(Protocol):
    """Wakes sleeping devices (carillon.push behind it)."""

    def can_push(self, os: str | None) -> bool: ...

    async def ring(self, call: Call) -> Report:
        """What became of it: PUSH once a provider took it, FAILED when none did before the ring ends."""

    async def cancel(self, call: Call) -> None: ...

    def settle(self, session_id: str) -> None:
        """The call rings no more: make no further attempt to ring."""


class Limiter(Protocol):
    """Bounds what one user may do; raises Refused (RATE_LIMITED)."""

    def start(self, user_id: str, device_token: str | None) -> None: ...


class Watcher(Protocol):
    """Telemetry: told of what happens, never asked."""

    def begin(self, call_id: str) -> str:
        """A call is about to be committed; returns the traceparent it will carry."""

    def set_up(self, seconds: float) -> None:
        """A call rings, so long after its start was read."""

    def refused(self, start: Start, code: str, now: int) -> None:
        """A start became no call. now: microseconds."""

    def committed(self, decision: Decision, command: Command) -> None: ...

    def over(self, call: Call) -> None: ...

    def fired(self, deadline: str, late: float) -> None:
        """A deadline of this kind was acted upon, so many seconds late."""

    def message(self, name: str) -> None: ...

    def error(self, code: str) -> None: ...

    def relayed(self, call: Call, name: str, path: str, seconds: float) -> None:
        """path: `local`, `remote` or `inbox`."""
