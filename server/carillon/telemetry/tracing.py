"""Spans as the service sees them: one trace per call, found again by any pod through the traceparent that the call's record carries.

    call                      the whole life; written once the call has ended, by the pod that committed the end
    ├── call.start            EVALSHA commit
    ├── push.send
    ├── call.accept           EVALSHA commit
    ├── call.relay            one per pod: how many messages of each type, and when the first
    └── call.end              EVALSHA commit

An empty traceparent is a call that is not traced: everything about it costs a comparison. No span holds a token, a device token or what
people send each other; exceptions leave their type, not their text.
"""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Literal, NamedTuple, Protocol

Value = str | bool | int | float
Attributes = Mapping[str, Value]
Kind = Literal["internal", "server", "client"]


class Span(Protocol):
    """A span that is under way."""

    def set(self, key: str, value: Value) -> None: ...

    def event(self, name: str, attributes: Attributes | None = None) -> None: ...

    def fail(self, error_type: str) -> None:
        """It did not do what it was for. error_type: of few distinct values, as in `timeout` or `user_busy`."""


class Moment(NamedTuple):
    """An event of a call that has ended. at: microseconds since 1970."""

    name: str
    at: int


class Tracer(Protocol):
    @property
    def on(self) -> bool:
        """False: nothing is ever traced."""

    def start_call(self, session_id: str) -> str:
        """Decide whether a new call is traced: its traceparent (W3C), or an empty string."""

    def child(
        self, name: str, traceparent: str, attributes: Attributes | None = None, kind: Kind = "internal"
    ) -> AbstractContextManager[Span]:
        """A span below the one under way in this task if that is of the same call, else below the call's root."""

    def command(self, script: str, traceparent: str = "") -> AbstractContextManager[Span]:
        """A script sent to Redis: below the span under way in this task, else below the call's root, else not traced."""

    def relayed(self, traceparent: str, name: str) -> None:
        """Count a message relayed in a call; `settle` writes down how many there were."""

    def settle(self, traceparent: str) -> None:
        """The call has ended, or left this pod: write `call.relay` if anything was counted."""

    def end_call(
        self,
        traceparent: str,
        *,
        began: int,
        ended: int,
        attributes: Attributes,
        moments: tuple[Moment, ...] = (),
        failed: str = "",
    ) -> None:
        """Write the root span of a call that has ended or was refused. began, ended: microseconds since 1970. failed: its error type."""


class _NoSpan:
    """Takes everything and keeps nothing."""

    __slots__ = ()

    def __enter__(self) -> "_NoSpan":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        return None

    def set(self, key: str, value: Value) -> None:
        pass

    def event(self, name: str, attributes: Attributes | None = None) -> None:
        pass

    def fail(self, error_type: str) -> None:
        pass


NO_SPAN = _NoSpan()


class Off:
    """Traces nothing."""

    __slots__ = ()
    on = False

    def start_call(self, session_id: str) -> str:
        return ""

    def child(
        self, name: str, traceparent: str, attributes: Attributes | None = None, kind: Kind = "internal"
    ) -> AbstractContextManager[Span]:
        return NO_SPAN

    def command(self, script: str, traceparent: str = "") -> AbstractContextManager[Span]:
        return NO_SPAN

    def relayed(self, traceparent: str, name: str) -> None:
        pass

    def settle(self, traceparent: str) -> None:
        pass

    def end_call(
        self,
        traceparent: str,
        *,
        began: int,
        ended: int,
        attributes: Attributes,
        moments: tuple[Moment, ...] = (),
        failed: str = "",
    ) -> None:
        pass


def trace_id(traceparent: str) -> str:
    """The 32 hexadecimal digits by which a tracing backend finds the call; empty where there are none."""
    return traceparent[3:35]
