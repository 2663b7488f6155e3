"""The resource as a whole."""

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec

from carillon_operator.spec.auth import Access, Auth
from carillon_operator.spec.calls import Calls, Limits
from carillon_operator.spec.declare import Part, Rule, about
from carillon_operator.spec.image import Image
from carillon_operator.spec.network import Ingress, NetworkPolicy, Route, Service
from carillon_operator.spec.pods import PodOverrides
from carillon_operator.spec.push import Push, Turn
from carillon_operator.spec.redis import ManagedRedis, Redis
from carillon_operator.spec.scaling import Autoscaling, DisruptionBudget, Update
from carillon_operator.spec.status import Status
from carillon_operator.spec.telemetry import Telemetry

GROUP, VERSION, KIND, PLURAL = "carillon.dev", "v1alpha1", "SignalingCluster", "signalingclusters"
API_VERSION = f"{GROUP}/{VERSION}"
NAME_RULE = Rule(
    "self.metadata.name.matches('^[a-z]([-a-z0-9]{0,38}[a-z0-9])?$')",
    "the name gives its children theirs: at most 40 lower-case letters, digits and dashes, a letter first, no dash last",
)
NOT_ZERO = Rule("self >= 1", "without a pod nobody could connect, and nothing would ever start one: delete the resource instead")


class Spec(Part, frozen=True, kw_only=True):
    """What you want."""

    image: Annotated[Image, about("The server's image.")] = Image()
    replicas: Annotated[
        int,
        about("Pods. Leave it out where something scales: taking it out later sets it back.", least=1, most=1000, rules=(NOT_ZERO,)),
    ] = 2
    autoscaling: (
        Annotated[
            Autoscaling,
            about("The operator sets replicas by the load. Leave it out where an HPA or KEDA does."),
        ]
        | None
    ) = None
    redis: Annotated[Redis, about("Where the state of the calls is kept; absent: a managed Redis without storage.")] | None = None
    auth: Annotated[Auth, about("Whose tokens are believed. With neither existingSecret nor jwks a keyring is generated.")] = Auth()
    access: Annotated[Access, about("From where clients may come.")] = Access()
    push: Annotated[Push, about("Pushes to devices that sleep.")] = Push()
    turn: Annotated[Turn, about("ICE servers given to clients, with time-limited credentials as coturn checks them.")] | None = None
    calls: Annotated[Calls, about("Times of a call.")] = Calls()
    limits: Annotated[Limits, about("How much anybody may ask for.")] = Limits()
    devices: Annotated[int, about("Devices of one user that may be connected at once.", least=1, most=1)] = 1
    telemetry: Annotated[Telemetry, about("Logs, traces and metrics.")] = Telemetry()
    service: Annotated[Service, about("The Service in front of the pods.")] = Service()
    ingress: Annotated[Ingress, about("An Ingress to the Service; absent: none.")] | None = None
    route: Annotated[Route, about("An HTTPRoute of the Gateway API to the Service; absent: none.")] | None = None
    network_policy: Annotated[NetworkPolicy, about("Who may reach the pods.")] = NetworkPolicy()
    pod: Annotated[PodOverrides, about("What differs from the operator's own pod template; lists with names are merged by name.")] = (
        PodOverrides()
    )
    disruption_budget: Annotated[DisruptionBudget, about("How many pods a drained node may take at once.")] = DisruptionBudget()
    update: Annotated[Update, about("How a new revision takes over.")] = Update()
    drain_delay_seconds: Annotated[
        int, about("A pod that is told to leave serves on for so long, until load balancers have taken it out.", least=0, most=300)
    ] = 5
    drain_seconds: Annotated[int, about("Then it sends its clients away, spread over this time.", least=0, most=3600)] = 25
    paused: Annotated[bool, about("The operator leaves everything as it is and only reports.")] = False

    @property
    def managed_redis(self) -> ManagedRedis | None:
        """The Redis that the operator runs; None where it is external. Absent and null read as managed."""
        if self.redis is None:
            return ManagedRedis()
        return None if self.redis.external else self.redis.managed or ManagedRedis()


class SignalingCluster(Part, frozen=True, kw_only=True):
    """Call signaling: rings, relays WebRTC negotiation and ends calls. The operator makes everything that it needs."""

    rules = (NAME_RULE,)
    spec: Annotated[Spec, about("What you want.")] = Spec()
    status: Annotated[Status, about("What the operator says.")] | None = None


def without_nulls(value: Any) -> Any:
    """Null reads as absent: appliers send null for an emptied object that they owned the inside of."""
    if isinstance(value, Mapping):
        return {key: without_nulls(one) for key, one in value.items() if one is not None}
    if isinstance(value, list | tuple):
        return [without_nulls(one) for one in value]
    return value


def decode(body: Mapping[str, Any]) -> SignalingCluster:
    """A resource as the API server gives it. Raises msgspec.ValidationError, which names the field and what it should be."""
    return msgspec.convert(without_nulls({name: body[name] for name in ("spec", "status") if name in body}), SignalingCluster)
