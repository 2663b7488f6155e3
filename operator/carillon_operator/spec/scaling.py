"""How many pods there are, and how they give way to others."""

from typing import Annotated, Literal

from carillon_operator.spec.declare import Part, Rule, about
from carillon_operator.spec.values import CountOrPercent, Quantity


class Rebalance(Part, frozen=True, kw_only=True):
    """Idle clients of overfull pods are asked to connect anew, so that new pods fill."""

    above_percent: Annotated[int, about("A pod is overfull when it has so much more than the mean.", least=5, most=1000)] = 25
    percent_per_second: Annotated[int, about("So many of its idle clients are asked each second.", least=1, most=100)] = 1


class Schedule(Part, frozen=True, kw_only=True):
    """A peak that is known beforehand."""

    start: Annotated[str, about("When it begins, as cron writes it: minute, hour, day, month, weekday.", shortest=9, longest=128)]
    duration_seconds: Annotated[int, about("How long it lasts.", least=60, most=31 * 86_400)]
    min_replicas: Annotated[int, about("Never fewer pods while it lasts, within maxReplicas.", least=1, most=1000)]
    time_zone: Annotated[str, about("Of start: a name of the IANA time zone database.", shortest=1, longest=64)] = "UTC"


class Autoscaling(Part, frozen=True, kw_only=True):
    """The operator sets replicas by the load, of which connections are the measure. Leave it out where an HPA or KEDA does."""

    rules = (Rule("self.minReplicas <= self.maxReplicas", "minReplicas is greater than maxReplicas"),)
    max_replicas: Annotated[int, about("Never more pods.", least=1, most=1000)]
    min_replicas: Annotated[int, about("Never fewer pods.", least=1, most=1000)] = 2
    connections_per_pod: Annotated[int, about("Connections that a pod is meant to have.", least=1, most=1_000_000)] = 5000
    messages_per_pod: (
        Annotated[int, about("Messages a second that a pod is meant to take; absent: no target.", least=1, most=1_000_000)] | None
    ) = None
    cpu_per_pod: Annotated[Quantity, about("CPU that a pod is meant to use, as in 700m; absent: no target.")] | None = None
    schedules: Annotated[tuple[Schedule, ...], about("Peaks that are known beforehand.", longest=32)] = ()
    storm_lead_seconds: Annotated[
        int,
        about(
            "While connections grow beyond those of the last minute, there are pods for as many as there will be by then.",
            least=0,
            most=600,
        ),
    ] = 30
    tolerance_percent: Annotated[int, about("Within so much of a target nothing changes.", least=0, most=90)] = 10
    scale_up_window_seconds: Annotated[int, about("Pods are added when they were needed for so long.", least=0, most=3600)] = 0
    scale_up_percent: Annotated[int, about("At most so much more in 15 s, or scaleUpPods if that is more.", least=1, most=1000)] = 300
    scale_up_pods: Annotated[int, about("At most so many more pods in 15 s, or scaleUpPercent if that is more.", least=1, most=1000)] = 4
    scale_down_window_seconds: Annotated[
        int, about("Pods are taken away when they were not needed for so long; an outside decrease is held as long.", least=0, most=86_400)
    ] = 300
    scale_down_pods: Annotated[int, about("At most so many pods are taken away in a minute.", least=1, most=1000)] = 1
    rebalance: Annotated[Rebalance, about("Whether connections move to new pods; absent: they do not.")] | None = None


class Update(Part, frozen=True, kw_only=True):
    """How a new revision takes over."""

    strategy: Annotated[
        Literal["Switch", "Rolling"],
        about(
            "Switch: the new pods are all made ready, the Service turns to them once, then the old ones go: a client moves at most once, "
            "and for a while there are twice as many pods. Rolling: pod by pod, where capacity cannot be doubled."
        ),
    ] = "Switch"
    max_surge: Annotated[CountOrPercent, about("Rolling: so many pods more than replicas.")] = 1
    max_unavailable: Annotated[CountOrPercent, about("Rolling: so many pods fewer than replicas.")] = 0
    progress_deadline_seconds: Annotated[
        int, about("A rollout without progress for so long is reported as Degraded; the old revision serves on.", least=30, most=86_400)
    ] = 600


class DisruptionBudget(Part, frozen=True, kw_only=True):
    """How many pods a drained node may take at once."""

    enabled: Annotated[bool, about("Whether there is one.")] = True
    max_unavailable: Annotated[CountOrPercent, about("So many pods may be away.")] = 1
