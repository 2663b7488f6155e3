"""Metrics as Prometheus reads them, on a port of their own.

Served from a thread: a stalled event loop is one of the things to be seen there.
"""

import socket
from collections.abc import Iterator
from itertools import accumulate
from socketserver import ThreadingMixIn
from threading import Thread
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector, make_wsgi_app
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from carillon.telemetry.instruments import Counter, Histogram, Instrument
from carillon.telemetry.metrics import Metrics


class MetricsCollector(Collector):
    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def collect(self) -> Iterator[Metric]:
        for instrument in self._metrics:
            yield family(instrument)


def family(instrument: Instrument) -> Metric:
    info = instrument.info
    name, text, labels = info.prometheus, info.help, info.labels
    if isinstance(instrument, Histogram):
        histogram = HistogramMetricFamily(name, text, labels=labels)
        for key, counts, total in instrument.read():
            below = accumulate(counts)
            bounds = [str(bound) for bound in instrument.bounds] + ["+Inf"]
            histogram.add_metric(key, list(zip(bounds, below, strict=True)), total)
        return histogram
    numbers = (
        CounterMetricFamily(name, text, labels=labels) if isinstance(instrument, Counter) else GaugeMetricFamily(name, text, labels=labels)
    )
    for key, value in instrument.read():
        numbers.add_metric(key, value)
    return numbers


def registry(metrics: Metrics) -> CollectorRegistry:
    """The server's own metrics and those of its process (memory, CPU, open files, garbage collection)."""
    made = CollectorRegistry()
    made.register(MetricsCollector(metrics))
    ProcessCollector(registry=made)
    PlatformCollector(registry=made)
    GCCollector(registry=made)
    return made


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Quiet(WSGIRequestHandler):
    timeout = 10

    def log_message(self, format: str, *args: object) -> None:
        """Scrapes are not worth a line."""


class MetricsServer:
    def __init__(self, metrics: Metrics, host: str, port: int) -> None:
        """Listen at once. host: empty for all interfaces, IPv6 and IPv4. Raises OSError when the port is taken."""
        self._server = _Server((host, port), _Quiet, bind_and_activate=False)
        self._server.socket.close()
        self._server.socket = listen(host, port)
        self.port: int = self._server.socket.getsockname()[1]
        self._server.server_name, self._server.server_port = host, self.port
        self._server.setup_environ()
        self._server.set_app(make_wsgi_app(registry(metrics)))
        Thread(target=self._server.serve_forever, args=(0.1,), name="metrics", daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def listen(host: str, port: int) -> socket.socket:
    if not host and socket.has_dualstack_ipv6():
        return socket.create_server(("", port), family=socket.AF_INET6, dualstack_ipv6=True)
    return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
