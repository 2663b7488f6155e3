"""How many pods there are, and how they give way to others."""

from typing import Annotated, Literal

from carillon_operator.spec.declare import Part, Rule, about
from carillon_operator.spec.values import CountOrPercent


class Rebalance(Part, frozen=True, kw_only=True):
    """Idle clients of overfull pods are asked to connect anew, so that new pods fill."""

    above_percent: Annotated[int, about("A pod is overfull when it has so much more than the mean.", least=5, most=1000)] = 25
    percent_per_second: Annotated[int, about("So many of its idle clients are asked each second.", least=1, most=100)] = 1


class Autoscaling(Part, frozen=True, kw_only=True):
    """The operator sets replicas by the number of connections. Leave it out where an HPA or KEDA does."""

    rules = (Rule("self.minReplicas <= self.maxReplicas", "minReplicas is greater than maxReplicas"),)
    max_replicas: Annotated[int, about("Never more pods.", least=1, most=1000)]
    min_replicas: Annotated[int, about("Never fewer pods.", least=1, most=1000)] = 2
    connections_per_pod: Annotated[int, about("Connections that a pod is meant to have.", least=1, most=1_000_000)] = 5000
    tolerance_percent: Annotated[int, about("Within so much of that number nothing changes.", least=0, most=90)] = 10
    scale_up_percent: Annotated[int, about("At most so much more in 15 s, or scaleUpPods if that is more.", least=1, most=1000)] = 100
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
