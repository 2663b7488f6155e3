"""What the operator does, for Prometheus. No label names a resource: there can be any number."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics, generate_latest
from prometheus_client.gc_collector import GCCollector
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector

SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class Own:
    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # the library does not say
        self.registry = found = CollectorRegistry()
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=found)
        self.calls = Counter(
            "carillon_operator_api_calls", "Calls to the API server; code 0: no answer.", ("verb", "resource", "code"), registry=found
        )
        self.passes = Counter("carillon_operator_passes", "Passes over a resource, by result.", ("result",), registry=found)
        self.seconds = Histogram("carillon_operator_pass_seconds", "How long a pass took.", buckets=SECONDS, registry=found)
        self.waiting = Gauge("carillon_operator_queue", "Resources that wait for a pass.", registry=found)
        self.resources = Gauge("carillon_operator_resources", "SignalingClusters that are served.", registry=found)
        self.leading = Gauge("carillon_operator_leading", "Whether this operator leads.", registry=found)
        self.silent_nodes = Gauge(
            "carillon_operator_silent_nodes", "Nodes that do not answer, around which new connections are led.", registry=found
        )
        self.lagging = Gauge(
            "carillon_operator_watch_lag_rounds",
            "Rounds in a row in which a LIST knew what the watch did not; from 2 on it is restarted.",
            registry=found,
        )
        for result in ("unchanged", "written", "failed"):
            self.passes.labels(result)

    def count(self, verb: str, resource: str, code: int) -> None:
        self.calls.labels(verb, resource, str(code)).inc()

    def text(self) -> bytes:
        return generate_latest(self.registry)
