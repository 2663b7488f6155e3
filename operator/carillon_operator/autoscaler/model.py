"""What a scaling decision rests on, and what it is. Times are Unix seconds."""

from dataclasses import dataclass

from carillon_operator.spec.cluster import Spec

STALE = 45.0
"""Seconds after which a sample tells nothing any more: three scrapes missed."""
DEFAULT_REPLICAS = Spec().replicas
"""What `spec.replicas` reads when a manifest without it is applied."""
DELETION_COST = -1000
"""Kubernetes deletes pods of lower `controller.kubernetes.io/pod-deletion-cost` first; without the annotation it is 0."""


@dataclass(frozen=True, slots=True)
class Sample:
    """A pod of the revision that serves, as it was `age` seconds ago; those that terminate are left out.

    connections, messages (per second), cpu (cores): None where the pod could not be asked, or has not been asked twice for a rate.
    """

    pod: str
    connections: int | None
    ready: bool = True
    messages: float | None = None
    cpu: float | None = None
    age: float = 0.0

    @property
    def known(self) -> bool:
        return self.connections is not None and self.age <= STALE

    @property
    def held(self) -> int:
        """Connections that are known of. An unknown pod has unknown ones, which count for nothing when pods are added."""
        return self.connections if self.connections is not None and self.age <= STALE else 0


@dataclass(frozen=True, slots=True)
class Recommendation:
    """How many pods would have been right at a time."""

    at: float
    replicas: int


@dataclass(frozen=True, slots=True)
class Point:
    """How many connections there were at a time."""

    at: float
    connections: int


@dataclass(frozen=True, slots=True)
class Scale:
    """written: `spec.replicas` as it is. running: replicas of the Deployment that serves. last, changed_at: what this scaler last wrote
    there, and when. rivals: HPAs and ScaledObjects that name this resource. rollout: whether one is under way.
    """

    written: int
    running: int
    last: int | None = None
    changed_at: float = 0.0
    rivals: tuple[str, ...] = ()
    rollout: bool = False


@dataclass(frozen=True, slots=True)
class History:
    """Recommendations of one window and connections of the last minute, oldest first; since when an outside decrease has been held.

    past: those that rest on all pods. needed: others too, for which some pods could not be asked: so many at least were needed.
    """

    past: tuple[Recommendation, ...] = ()
    needed: tuple[Recommendation, ...] = ()
    seen: tuple[Point, ...] = ()
    held_since: float | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """replicas: pods to run. write: what to write to `/scale`; None: nothing. victims: the pods that are to go, when fewer are to run.
    conflict: who else writes there, in words; empty: nobody. why: for the event of a change. again: seconds after which more pods that are
    needed may be added; None: no more are needed.
    """

    replicas: int
    history: History
    write: int | None = None
    victims: tuple[str, ...] = ()
    conflict: str = ""
    why: str = ""
    again: float | None = None
