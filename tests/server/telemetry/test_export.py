"""OTLP over real sockets: HTTP and gRPC, a collector that hangs, and one that is not there."""

import socket

import pytest
from harness.collector import Collector, grpc_collector, http_collector

from carillon.config import Settings
from carillon.telemetry import Off, Telemetry

SECRET = {"JWT_SECRET": "0123456789abcdef0123456789abcdef"}


def started(monkeypatch, **environ: str) -> Telemetry:
    """The exporters read the process's own environment."""
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    return Telemetry(Settings.from_env(SECRET | environ))


@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
async def test_traces_and_metrics_arrive_at_a_collector(monkeypatch, protocol):
    collector = Collector()
    if protocol == "grpc":
        server, port = grpc_collector(collector)
        stop = lambda: server.stop(1).wait()  # noqa: E731 - one of two
    else:
        http = http_collector(collector)
        port = http.server_address[1]
        stop = http.shutdown
    telemetry = started(
        monkeypatch,
        OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{port}",
        OTEL_EXPORTER_OTLP_PROTOCOL=protocol,
        OTEL_EXPORTER_OTLP_HEADERS="x-api-key=k",
        OTEL_RESOURCE_ATTRIBUTES="deployment.environment.name=test",
        OTEL_SERVICE_NAME="ring-ring",
        SERVER_ID="pod-7",
    )
    call = telemetry.tracer.start_call("s-1")
    telemetry.tracer.end_call(call, began=1, ended=2, attributes={"carillon.session_id": "s-1"})
    telemetry.tracer.relayed(call, "webrtc.ice")
    telemetry.metrics.calls_ended.inc("hangup")
    telemetry.metrics.connections.set(3, "v1")
    telemetry.metrics.ring.observe(4.0, "accepted")
    await telemetry.close(patience=10)
    stop()

    assert {span.name for span in collector.spans} == {"call", "call.relay"}
    resource = collector.resources[0]
    assert resource["service.name"] == "ring-ring"
    assert resource["service.instance.id"] == "pod-7"
    assert resource["deployment.environment.name"] == "test"
    ended = {p.attributes[0].value.string_value: p.as_int for p in collector.metrics["carillon.calls.ended"].sum.data_points}
    assert ended["hangup"] == 1
    assert collector.metrics["carillon.calls.ended"].sum.is_monotonic
    assert max(point.as_int for point in collector.metrics["carillon.connections"].gauge.data_points) == 3
    ring = collector.metrics["carillon.call.ring"]
    (point,) = [point for point in ring.histogram.data_points if point.count]
    assert (ring.unit, point.sum, sum(point.bucket_counts)) == ("s", 4.0, 1)
    if protocol == "http/protobuf":
        assert all(headers["x-api-key"] == "k" for headers in collector.headers)


@pytest.mark.parametrize("answers", [False, True])
async def test_a_collector_that_is_away_or_hangs_does_not_keep_the_server(monkeypatch, answers):
    with socket.create_server(("127.0.0.1", 0)) as hanging:
        port = hanging.getsockname()[1]
        if not answers:
            hanging.close()
        telemetry = started(monkeypatch, OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{port}", OTEL_EXPORTER_OTLP_TIMEOUT="2")
        telemetry.tracer.end_call(telemetry.tracer.start_call("s"), began=1, ended=2, attributes={})
        await telemetry.close(patience=0.05)


async def test_without_variables_nothing_is_opened():
    telemetry = Telemetry(Settings.from_env(SECRET))
    assert isinstance(telemetry.tracer, Off)
    assert telemetry.metrics_port is None
    await telemetry.close()


async def test_the_metrics_port_is_given_back():
    telemetry = Telemetry(Settings.from_env(SECRET | {"METRICS_PORT": "0", "HOST": "127.0.0.1"}))
    port = telemetry.metrics_port
    with socket.create_connection(("127.0.0.1", port)):
        pass
    await telemetry.close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))
