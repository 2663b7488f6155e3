"""What a call's turns mean for traces, metrics and the log. Each is told once, by the pod that committed it."""

from typing import Protocol

from carillon.telemetry.lines import call_ended
from carillon.telemetry.metrics import Metrics
from carillon.telemetry.tracing import Moment, Tracer, Value

SECOND = 1_000_000


class CallView(Protocol):
    """What is read of a call. Times are microseconds since 1970; 0: it did not happen."""

    @property
    def id(self) -> str: ...

    @property
    def users(self) -> tuple[str, str]:
        """caller, callee"""

    @property
    def created(self) -> int: ...

    @property
    def accepted(self) -> int: ...

    @property
    def ended(self) -> int: ...

    @property
    def cause(self) -> str | None: ...

    @property
    def ended_by(self) -> str: ...

    @property
    def note(self) -> str: ...

    @property
    def media(self) -> str | None: ...

    @property
    def trace(self) -> str: ...


class CallTelemetry:
    def __init__(self, tracer: Tracer, metrics: Metrics) -> None:
        self._tracer, self._metrics = tracer, metrics

    def begin(self, session_id: str) -> str:
        """The traceparent that a new call will carry."""
        return self._tracer.start_call(session_id)

    def started(self, call: CallView) -> None:
        self._metrics.calls_started.inc()

    def accepted(self, call: CallView) -> None:
        self._metrics.calls_accepted.inc()
        self._metrics.ring.observe((call.accepted - call.created) / SECOND, "accepted")

    def ended(self, call: CallView) -> None:
        """Its line, its numbers and the root of its trace."""
        cause = str(call.cause)
        rang = ((call.accepted or call.ended) - call.created) / SECOND
        talked = (call.ended - call.accepted) / SECOND if call.accepted else 0.0
        self._metrics.calls_ended.inc(cause)
        if call.accepted:
            self._metrics.duration.observe(talked)
        else:
            self._metrics.ring.observe(rang, cause)
        caller, callee = call.users
        call_ended(
            call.id,
            caller_id=caller,
            callee_id=callee,
            cause=cause,
            ended_by=call.ended_by,
            rang=rang,
            talked=talked,
            note=call.note,
            trace=call.trace,
        )
        if call.trace:
            self._write(call, cause)

    def _write(self, call: CallView, cause: str) -> None:
        caller, callee = call.users
        attributes: dict[str, Value] = {
            "carillon.session_id": call.id,
            "carillon.caller_id": caller,
            "carillon.callee_id": callee,
            "carillon.outcome": cause,
            "carillon.ended_by": call.ended_by,
        }
        if call.media:
            attributes["carillon.media"] = call.media
        if call.note:
            attributes["carillon.note"] = call.note
        moments = (Moment("accepted", call.accepted),) if call.accepted else ()
        self._tracer.settle(call.trace)
        # A lost call is nobody's wish; every other end is somebody's.
        failed = "lost" if cause == "lost" else ""
        self._tracer.end_call(call.trace, began=call.created, ended=call.ended, attributes=attributes, moments=moments, failed=failed)

    def refused(self, session_id: str, trace: str, code: str, *, began: int, now: int) -> None:
        """A start that became no call: its trace ends here. code: the error code that the caller was given."""
        if trace:
            attributes: dict[str, Value] = {"carillon.session_id": session_id, "carillon.outcome": code}
            self._tracer.end_call(trace, began=began, ended=now, attributes=attributes, failed=code)
