"""What is counted and measured. No label holds a user id, an address or anything else that a client can choose."""

from collections.abc import Iterator, Sequence

from carillon.telemetry.instruments import Counter, Gauge, Histogram, Info, Instrument

QUICK = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Seconds a machine takes."""
PATIENT = (1.0, 2.0, 5.0, 10.0, 15.0, 20.0, 30.0, 45.0, 60.0, 90.0, 120.0)
"""Seconds a person takes to answer."""
LONG = (10.0, 30.0, 60.0, 180.0, 300.0, 600.0, 1800.0, 3600.0, 7200.0, 14400.0)
"""Seconds people talk."""

OUTCOMES = ("hangup", "cancelled", "rejected", "no_answer", "lost", "left", "superseded")
CONNECTS = ("accepted", "unauthorized", "forbidden", "rate_limited", "overloaded", "unavailable", "leaving", "not_upgraded")
PROTOCOLS = ("v1", "reference")
PUSHES = [
    (provider, kind, result) for provider in ("fcm", "apns") for kind in ("ring", "cancel") for result in ("sent", "dead_token", "failed")
]


def _each(values: Sequence[str]) -> list[tuple[str]]:
    return [(value,) for value in values]


class Metrics:
    """Every instrument of the server. Those with labels take their values after the number, in the order declared."""

    def __init__(self) -> None:
        self.connections = Gauge(
            Info("carillon.connections", "{connection}", "Open connections; the number that autoscaling goes by.", ("protocol",)),
            _each(PROTOCOLS),
        )
        self.connects = Counter(
            Info("carillon.connects", "{connection}", "Attempts to connect, by what came of them.", ("result",)), _each(CONNECTS)
        )
        self.closes = Counter(
            Info("carillon.closes", "{connection}", "Connections closed or lost, by close code; `other`: an app's own.", ("code",))
        )
        self.aborts = Counter(
            Info("carillon.backlog.aborts", "{connection}", "Connections cut because their client read too slowly (BACKLOG_BYTES).")
        )
        self.messages = Counter(Info("carillon.messages", "{message}", "Messages from clients.", ("type",)))
        self.refusals = Counter(Info("carillon.refusals", "{message}", "Messages answered with an error.", ("code",)))
        self.limited = Counter(Info("carillon.limited", "{event}", "What a limit refused or delayed.", ("limit",)))
        self.calls_started = Counter(Info("carillon.calls.started", "{call}", "Calls that began to ring."))
        self.calls_accepted = Counter(Info("carillon.calls.accepted", "{call}", "Calls that were answered."))
        self.calls_ended = Counter(
            Info("carillon.calls.ended", "{call}", "Calls that ended, by cause; `lost` ones nobody ended.", ("outcome",)), _each(OUTCOMES)
        )
        self.setup = Histogram(
            Info("carillon.call.setup", "s", "From a `call.start` that was read to its `call.ringing`: what callers wait for."), QUICK
        )
        self.ring = Histogram(
            Info("carillon.call.ring", "s", "How long calls rang.", ("outcome",)), PATIENT, _each(("accepted", *OUTCOMES))
        )
        self.duration = Histogram(Info("carillon.call.duration", "s", "How long answered calls lasted."), LONG)
        self.relay = Histogram(
            Info("carillon.relay", "s", "From a WebRTC message that was read to its delivery, or to the other pod's channel.", ("path",)),
            QUICK,
            _each(("local", "remote", "inbox")),
        )
        self.redis = Histogram(Info("carillon.redis.command", "s", "Round trips to Redis, by script.", ("script",)), QUICK)
        self.redis_errors = Counter(
            Info("carillon.redis.errors", "{command}", "Commands that Redis did not answer as it should.", ("kind",)),
            _each(("timeout", "disconnected", "full", "error")),
        )
        self.redis_up = Gauge(Info("carillon.redis.up", "1", "Whether this pod renewed its lease at the last try, and hears its channel."))
        self.holds = Counter(
            Info("carillon.ledger.holds", "{hold}", "Times that leases were held because Redis had been away or had lost its data.")
        )
        self.lateness = Histogram(
            Info("carillon.deadline.lateness", "s", "How late deadlines were acted upon.", ("kind",)),
            QUICK,
            _each(("ring", "lease", "confirm", "push")),
        )
        self.resumes = Counter(
            Info("carillon.resumes", "{connection}", "v1 clients that came back, by whether all they missed was there.", ("result",)),
            _each(("recovered", "unrecovered")),
        )
        self.replayed = Counter(Info("carillon.replayed", "{message}", "Messages replayed to v1 clients that came back."))
        self.pushes = Counter(Info("carillon.pushes", "{push}", "Pushes, by what became of them.", ("provider", "kind", "result")), PUSHES)
        self.push_time = Histogram(
            Info("carillon.push.request", "s", "Requests to push providers.", ("provider",)), QUICK, _each(("fcm", "apns"))
        )
        self.loop_lag = Histogram(Info("carillon.loop.lag", "s", "How late the event loop ran what was due."), QUICK)
        self.keyring = Gauge(
            Info(
                "carillon.keyring",
                "1",
                "The JWT keyring in force, by the beginning of its file's SHA-256; an operator waits for it.",
                ("checksum",),
            )
        )
        self.draining = Gauge(Info("carillon.draining", "1", "Whether this pod is sending its clients away."))

    def __iter__(self) -> Iterator[Instrument]:
        return iter(vars(self).values())
