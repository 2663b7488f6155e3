"""What the service tells of itself."""

from typing import Annotated, Literal

from msgspec import field

from carillon_operator.spec.declare import Part, about
from carillon_operator.spec.values import Labels, SecretKey


class Otlp(Part, frozen=True, kw_only=True):
    """Where traces and metrics go."""

    endpoint: Annotated[str, about("A collector, or any backend that takes OTLP.", longest=1024, pattern=r"^https?://[^\s@]+$")]
    protocol: Annotated[Literal["grpc", "http/protobuf"], about("Absent: grpc at port 4317, else http/protobuf.")] | None = None
    sampling_percent: Annotated[int, about("So many calls of a hundred are traced.", least=0, most=100)] = 100
    headers_secret: Annotated[SecretKey, about("Headers with credentials: name=value,name=value. Pods restart when it changes.")] | None = (
        None
    )
    metrics: Annotated[bool, about("Whether metrics go there too; they are served to Prometheus in any case.")] = False


class ServiceMonitor(Part, frozen=True, kw_only=True):
    """A ServiceMonitor of the Prometheus operator, made where its CRD exists."""

    labels: Annotated[Labels, about("Labels by which your Prometheus chooses it.")] = field(default_factory=dict)
    interval_seconds: Annotated[int, about("How often metrics are read.", least=1, most=3600)] = 30


class Telemetry(Part, frozen=True, kw_only=True):
    """Logs, traces and metrics."""

    log_level: Annotated[Literal["debug", "info", "warning", "error"], about("One line per connection and call at info.")] = "info"
    otlp: Annotated[Otlp, about("Where traces and metrics go; absent: nothing is traced.")] | None = None
    service_monitor: Annotated[ServiceMonitor, about("A ServiceMonitor of the Prometheus operator, made where its CRD exists.")] | None = (
        None
    )
