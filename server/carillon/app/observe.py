"""What happens, told to metrics, traces and the log."""

from carillon.call import Accept, Call, Command, Decision, Recall, Start
from carillon.errors import Close
from carillon.telemetry import CallTelemetry, Telemetry, connection_closed, connection_opened, connection_refused
from carillon.telemetry.instruments import OTHER
from carillon.ws.ports import Refusal

_RESULTS = {
    Close.UNAUTHORIZED: "unauthorized",
    Close.TOKEN_EXPIRED: "unauthorized",
    Close.FORBIDDEN: "forbidden",
    Close.FLOODING: "rate_limited",
    Close.OVERLOADED: "overloaded",
    Close.TRY_AGAIN: "unavailable",
    Close.RESTART: "leaving",
}
_WHY = {int(code): code.reason for code in Close.all()}
_NOTHING_SAID = 1005
SDK_CODES = (4000, 4001, 4010)
"""What the browser SDK (clients/web/src/connection.js) closes with: a dead socket, one that it has moved from, a page that is hidden."""
_LABELS = {code: str(code) for code in (*_WHY, _NOTHING_SAID, *SDK_CODES)}
"""Close codes that are counted each by itself. Clients may close with a thousand others, and would use up the labels of all."""


class Observer:
    """Fulfils `carillon.service.ports.Watcher` and `carillon.ws.ports.Observer`."""

    def __init__(self, telemetry: Telemetry) -> None:
        self._metrics, self._tracer = telemetry.metrics, telemetry.tracer
        self._calls = CallTelemetry(telemetry.tracer, telemetry.metrics)

    # ---------------------------------------------------------------- connections

    def opened(self, user_id: str, address: str, *, v1: bool, recovered: bool | None, replayed: int) -> None:
        protocol = "v1" if v1 else "reference"
        self._metrics.connects.inc("accepted")
        self._metrics.connections.add(1, protocol)
        if recovered is not None:
            self._metrics.resumes.inc("recovered" if recovered else "unrecovered")
            self._metrics.replayed.inc(by=replayed)
        connection_opened(user_id, address=address, protocol=protocol, recovered=recovered)

    def closed(self, user_id: str, *, v1: bool, code: int, clean: bool, seconds: float, received: int, sent: int) -> None:
        self._metrics.connections.add(-1, "v1" if v1 else "reference")
        self._metrics.closes.inc(_LABELS.get(code, OTHER))
        if code == Close.SLOW and not clean:
            self._metrics.aborts.inc()
        by = "client" if clean else "network" if code == Close.ABNORMAL else "server"
        why = _WHY.get(code, "") if by == "server" else ""
        connection_closed(user_id, code=code, by=by, why=why, seconds=seconds, received=received, sent=sent)

    def turned_away(self, refusal: Refusal, address: str) -> None:
        self._metrics.connects.inc(_RESULTS[refusal.code])
        connection_refused(refusal.text, address=address, status=refusal.status)

    def not_upgraded(self, address: str) -> None:
        self._metrics.connects.inc("not_upgraded")
        connection_refused("No WebSocket handshake: a proxy may not pass Upgrade on", address=address, status=426)

    # ---------------------------------------------------------------- messages

    def message(self, name: str) -> None:
        self._metrics.messages.inc(name)

    def error(self, code: str) -> None:
        self._metrics.refusals.inc(code)

    def relayed(self, call: Call, name: str, path: str, seconds: float) -> None:
        """path: `local`, `remote` or `inbox`."""
        self._metrics.relay.observe(seconds, path)
        if call.trace:
            self._tracer.relayed(call.trace, name)

    def set_up(self, seconds: float) -> None:
        self._metrics.setup.observe(seconds)

    # ---------------------------------------------------------------- calls

    def begin(self, call_id: str) -> str:
        return self._calls.begin(call_id)

    def over(self, call: Call) -> None:
        """A user of this pod knows that the call has ended."""
        if call.trace:
            self._tracer.settle(call.trace)

    def fired(self, deadline: str, late: float) -> None:
        self._metrics.lateness.observe(late, deadline)

    def refused(self, start: Start, code: str, now: int) -> None:
        self._calls.refused(start.call_id, start.trace, code, began=start.begun, now=now)

    def committed(self, decision: Decision, command: Command) -> None:
        call = decision.call
        if call is None or isinstance(command, Recall):
            return  # a recalled call was told of when it ended
        if isinstance(command, Start) and decision.reserve:
            self._calls.started(call)
        elif not call.live:
            self._calls.ended(call)
        elif isinstance(command, Accept | Start):
            self._calls.accepted(call)
