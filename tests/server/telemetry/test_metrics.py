import asyncio
import re
import time
import urllib.request
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from carillon.telemetry import Metrics, watch_loop
from carillon.telemetry.docs import markdown
from carillon.telemetry.instruments import MOST, Counter, Gauge, Histogram, Info
from carillon.telemetry.prometheus import MetricsServer

ROOT = Path(__file__).parents[3]
LABELS = {"checksum", "protocol", "result", "code", "type", "limit", "outcome", "path", "script", "kind", "provider"}


@pytest.fixture
def metrics():
    return Metrics()


@pytest.fixture
def server(metrics):
    server = MetricsServer(metrics, "", 0)
    yield server
    server.close()


def scrape(server, host="127.0.0.1"):
    with urllib.request.urlopen(f"http://{host}:{server.port}/metrics", timeout=5) as answer:
        text = answer.read().decode()
    return {(s.name, tuple(sorted(s.labels.items()))): s.value for f in text_string_to_metric_families(text) for s in f.samples}


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]"])
def test_a_scrape_of_the_real_port_shows_what_was_counted(metrics, server, host):
    metrics.connections.add(1, "v1")
    metrics.connections.add(1, "v1")
    metrics.connections.add(-1, "v1")
    metrics.messages.inc("call.start")
    metrics.closes.inc("1006")
    metrics.pushes.inc("apns", "ring", "failed")
    metrics.aborts.inc()
    metrics.ring.observe(4.0, "accepted")
    metrics.ring.observe(300.0, "accepted")
    seen = scrape(server, host)
    assert seen["carillon_connections", (("protocol", "v1"),)] == 1
    assert seen["carillon_messages_total", (("type", "call.start"),)] == 1
    assert seen["carillon_closes_total", (("code", "1006"),)] == 1
    assert seen["carillon_pushes_total", (("kind", "ring"), ("provider", "apns"), ("result", "failed"))] == 1
    assert seen["carillon_backlog_aborts_total", ()] == 1
    ring = (("outcome", "accepted"),)
    assert seen["carillon_call_ring_seconds_count", ring] == 2
    assert seen["carillon_call_ring_seconds_sum", ring] == 304
    assert seen["carillon_call_ring_seconds_bucket", (("le", "2.0"), *ring)] == 0
    assert seen["carillon_call_ring_seconds_bucket", (("le", "5.0"), *ring)] == 1
    assert seen["carillon_call_ring_seconds_bucket", (("le", "+Inf"), *ring)] == 2
    assert ("process_resident_memory_bytes", ()) in seen


def test_what_has_not_happened_yet_is_there_as_zero(server):
    seen = scrape(server)
    assert seen["carillon_calls_ended_total", (("outcome", "lost"),)] == 0
    assert seen["carillon_connects_total", (("result", "accepted"),)] == 0
    assert seen["carillon_call_setup_seconds_count", ()] == 0


def test_two_servers_cannot_take_one_port(metrics, server):
    with pytest.raises(OSError, match="in use"):
        MetricsServer(metrics, "", server.port)


def test_every_metric_is_explained_and_labelled_from_a_fixed_list(metrics):
    infos = [instrument.info for instrument in metrics]
    assert len({info.name for info in infos}) == len(infos)
    for info in infos:
        assert info.name.startswith("carillon.")
        assert info.help.endswith(".")
        assert set(info.labels) <= LABELS


def test_label_values_beyond_the_bound_are_counted_together():
    counter = Counter(Info("a", "1", "A.", ("x",)))
    histogram = Histogram(Info("b", "s", "B.", ("x",)), (1.0,))
    for i in range(MOST + 10):
        counter.inc(str(i))
        histogram.observe(0.5, str(i))
    assert len(counter.read()) == MOST + 1
    assert dict(counter.read())["other",] == 10
    assert {key: sum(counts) for key, counts, _ in histogram.read()}["other",] == 10


def test_a_gauge_can_follow_what_is_known_elsewhere():
    gauge, users = Gauge(Info("a", "1", "A.")), ["alice"]
    gauge.follow(lambda: len(users))
    users.append("bob")
    assert gauge.read() == [((), 2)]


async def test_a_stalled_event_loop_is_seen(metrics):
    task = asyncio.create_task(watch_loop(metrics.loop_lag, time.monotonic, 0.01))
    await asyncio.sleep(0.02)
    time.sleep(0.12)  # noqa: ASYNC251 - the stall itself
    async with asyncio.timeout(5):
        while not any(sum(counts[8:]) for _, counts, _ in metrics.loop_lag.read()):  # noqa: ASYNC110 - nobody signals an observation
            await asyncio.sleep(0.01)
    task.cancel()


def test_the_list_of_metrics_is_current():
    path = ROOT / "docs/metrics.md"
    assert path.read_text() == markdown(), "run: python -m carillon.telemetry.docs > docs/metrics.md"


def test_every_metric_is_fed_by_somebody(metrics):
    package = ROOT / "server/carillon"
    source = "".join(path.read_text() for path in package.rglob("*.py") if path.name != "metrics.py")
    names = [name for name in vars(metrics) if not re.search(rf"metrics\.{name}\b", source)]
    assert names == []


def test_a_gauge_can_tell_by_its_labels_alone():
    gauge, states = Gauge(Info("a", "1", "A.", ("state",))), [("one",)]
    gauge.follow_labels(lambda: states)
    states[0] = ("two",)
    assert gauge.read() == [(("two",), 1)]
