"""What the operator says of a SignalingCluster."""

from typing import Annotated, Literal

from carillon_operator.spec.declare import Part, about

ConditionType = Literal["Ready", "Progressing", "Degraded", "RedisReady", "SecretsReady", "ScalerConflict"]
Timestamp = Annotated[str, about("Time, RFC 3339, UTC.", longest=32)]


class Condition(Part, frozen=True, kw_only=True):
    """One thing that holds or does not."""

    type: Annotated[ConditionType, about("What.")]
    status: Annotated[Literal["True", "False", "Unknown"], about("Whether it holds.")]
    reason: Annotated[
        str, about("Why, in one word for programs.", shortest=1, longest=128, pattern=r"^[A-Za-z]([A-Za-z0-9_]*[A-Za-z0-9])?$")
    ]
    message: Annotated[str, about("Why, and what to do, for people.", longest=2048)] = ""
    last_transition_time: Annotated[Timestamp, about("When status last changed.")]
    observed_generation: Annotated[int, about("The generation of which this is said.", least=0, most=2**53)] = 0


class ScalerStatus(Part, frozen=True, kw_only=True):
    """What the built-in scaler did."""

    replicas: (
        Annotated[int, about("The number it last wrote; another one in spec.replicas was written by somebody else.", least=0, most=100_000)]
        | None
    ) = None
    changed_at: Annotated[Timestamp, about("When it wrote that.")] | None = None
    previous: (
        Annotated[int, about("What stood there before; only while it is being written, should that be cut off.", least=0, most=100_000)]
        | None
    ) = None


class RolloutStatus(Part, frozen=True, kw_only=True):
    """How far a change of pods has come."""

    revision: Annotated[str, about("The revision that the Service points to.", longest=16)] = ""
    target: Annotated[str, about("The revision on its way; absent: none.", longest=16)] = ""
    started_at: Annotated[Timestamp, about("When the rollout under way began.")] | None = None
    ended_at: Annotated[Timestamp, about("When the last rollout ended.")] | None = None


class KeyringStatus(Part, frozen=True, kw_only=True):
    """How far a rotation of the generated JWT keyring has come."""

    rotation: Annotated[int, about("The rotation that is complete or under way.", least=0, most=1_000_000)] = 0
    phase: Annotated[
        Literal["Settled", "Verifying", "Retiring"], about("Verifying: the new key verifies only. Retiring: the old one still does.")
    ] = "Settled"
    since: Annotated[Timestamp, about("When that phase began.")] | None = None


class Status(Part, frozen=True, kw_only=True):
    """What the operator says."""

    observed_generation: Annotated[int, about("The generation of the spec that this speaks of.", least=0, most=2**53)] = 0
    replicas: Annotated[int, about("Pods of the revision that selector names.", least=0, most=100_000)] = 0
    ready_replicas: Annotated[int, about("Those of them that are ready.", least=0, most=100_000)] = 0
    selector: Annotated[str, about("Label selector of exactly one revision's pods, for the HPA.", longest=512)] = ""
    endpoint: Annotated[str, about("Where clients connect.", longest=512)] = ""
    conditions: Annotated[tuple[Condition, ...], about("What holds.", longest=16, keys=("type",))] = ()
    rollout: Annotated[RolloutStatus, about("How far a change of pods has come.")] | None = None
    scaler: Annotated[ScalerStatus, about("What the built-in scaler did.")] | None = None
    keyring: Annotated[KeyringStatus, about("How far a rotation of the generated JWT keyring has come.")] | None = None
