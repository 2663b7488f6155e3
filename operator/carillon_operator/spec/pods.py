"""Kubernetes' own types, as far as the pods' template can be overridden. Field for field those of core/v1, with bounds."""

from typing import Annotated, Literal

from msgspec import Meta, field

from carillon_operator.spec.declare import Part, Rule, about
from carillon_operator.spec.values import Annotations, DataKey, Labels, LabelValue, Name, Quantity

LabelKey = Annotated[str, Meta(min_length=1, max_length=317)]
ResourceAmounts = Annotated[dict[str, Quantity], Meta(max_length=16)]
Namespaces = Annotated[tuple[Annotated[str, Meta(min_length=1, max_length=63)], ...], Meta(max_length=32)]
RESERVED = Rule(
    "self.all(one, !(one.name in ['HOST', 'PORT', 'METRICS_PORT', 'CELL']))", "HOST, PORT, METRICS_PORT and CELL are the operator's"
)


class LabelRequirement(Part, frozen=True, kw_only=True):
    """One condition on a label."""

    key: Annotated[LabelKey, about("The label.")]
    operator: Annotated[Literal["In", "NotIn", "Exists", "DoesNotExist"], about("How the label relates to the values.")]
    values: Annotated[tuple[LabelValue, ...], about("For In and NotIn.", longest=32)] = ()


class LabelSelector(Part, frozen=True, kw_only=True):
    """Objects chosen by their labels; an empty selector chooses all."""

    match_labels: Annotated[Labels, about("Labels that must all have these values.")] = field(default_factory=dict)
    match_expressions: Annotated[tuple[LabelRequirement, ...], about("Conditions that must all hold.", longest=16)] = ()


class NodeRequirement(Part, frozen=True, kw_only=True):
    """One condition on a label or field of a node."""

    key: Annotated[LabelKey, about("The label or field.")]
    operator: Annotated[Literal["In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"], about("How it relates to the values.")]
    values: Annotated[tuple[Annotated[str, Meta(max_length=253)], ...], about("One value for Gt and Lt.", longest=32)] = ()


class NodeTerm(Part, frozen=True, kw_only=True):
    """Nodes that meet every condition."""

    match_expressions: Annotated[tuple[NodeRequirement, ...], about("Conditions on labels.", longest=16)] = ()
    match_fields: Annotated[tuple[NodeRequirement, ...], about("Conditions on fields (metadata.name).", longest=4)] = ()


class NodeTerms(Part, frozen=True, kw_only=True):
    """Nodes that meet one term at least."""

    node_selector_terms: Annotated[tuple[NodeTerm, ...], about("Any of these.", shortest=1, longest=16)]


class PreferredNodes(Part, frozen=True, kw_only=True):
    """Nodes to be preferred."""

    weight: Annotated[int, about("Weight against other preferences.", least=1, most=100)]
    preference: Annotated[NodeTerm, about("The nodes.")]


class NodeAffinity(Part, frozen=True, kw_only=True):
    """Nodes that the pods need or prefer."""

    required_during_scheduling_ignored_during_execution: Annotated[NodeTerms, about("Nodes that will do.")] | None = None
    preferred_during_scheduling_ignored_during_execution: Annotated[
        tuple[PreferredNodes, ...], about("Nodes that would be better.", longest=16)
    ] = ()


class PodTerm(Part, frozen=True, kw_only=True):
    """Pods by whose places the place of this one is judged."""

    topology_key: Annotated[LabelKey, about("The node label whose values are the places.")]
    label_selector: Annotated[LabelSelector, about("Which pods; absent: none.")] | None = None
    namespaces: Annotated[Namespaces, about("Namespaces of those pods; absent: this one.")] = ()
    namespace_selector: Annotated[LabelSelector, about("Namespaces of those pods, by label.")] | None = None
    match_label_keys: Annotated[tuple[LabelKey, ...], about("Labels whose values are taken from this pod.", longest=8)] = ()


class PreferredPods(Part, frozen=True, kw_only=True):
    """Places to be preferred."""

    weight: Annotated[int, about("Weight against other preferences.", least=1, most=100)]
    pod_affinity_term: Annotated[PodTerm, about("The pods.")]


class PodAffinity(Part, frozen=True, kw_only=True):
    """Places near to, or away from, other pods."""

    required_during_scheduling_ignored_during_execution: Annotated[
        tuple[PodTerm, ...], about("What every place must satisfy.", longest=16)
    ] = ()
    preferred_during_scheduling_ignored_during_execution: Annotated[
        tuple[PreferredPods, ...], about("What a better place satisfies.", longest=16)
    ] = ()


class Affinity(Part, frozen=True, kw_only=True):
    """Where pods may run."""

    node_affinity: Annotated[NodeAffinity, about("By nodes.")] | None = None
    pod_affinity: Annotated[PodAffinity, about("Near to other pods.")] | None = None
    pod_anti_affinity: Annotated[PodAffinity, about("Away from other pods.")] | None = None


class Toleration(Part, frozen=True, kw_only=True):
    """A taint of nodes that the pods put up with."""

    key: Annotated[str, about("The taint; absent with Exists: all.", longest=317)] = ""
    operator: Annotated[Literal["Exists", "Equal"], about("Whether the value matters.")] = "Equal"
    value: Annotated[str, about("The taint's value, for Equal.", longest=63)] = ""
    effect: Annotated[Literal["NoSchedule", "PreferNoSchedule", "NoExecute"], about("The taint's effect; absent: all.")] | None = None
    toleration_seconds: Annotated[int, about("For NoExecute: evicted after so many seconds.", least=0, most=2**31 - 1)] | None = None


class TopologySpread(Part, frozen=True, kw_only=True):
    """How evenly pods are spread. The operator adds the selector of the server's pods."""

    topology_key: Annotated[LabelKey, about("The node label whose values are the places.")]
    max_skew: Annotated[int, about("So many more pods in one place than in another.", least=1, most=1000)] = 1
    when_unsatisfiable: Annotated[Literal["DoNotSchedule", "ScheduleAnyway"], about("What if it cannot be.")] = "ScheduleAnyway"
    min_domains: Annotated[int, about("At least so many places, with DoNotSchedule.", least=1, most=1000)] | None = None
    node_affinity_policy: Annotated[Literal["Honor", "Ignore"], about("Whether unsuitable nodes count.")] | None = None
    node_taints_policy: Annotated[Literal["Honor", "Ignore"], about("Whether tainted nodes count.")] | None = None


class KeySelector(Part, frozen=True, kw_only=True):
    """One key of a Secret or ConfigMap."""

    name: Annotated[Name, about("Name of the object.")]
    key: Annotated[DataKey, about("Key inside it.")]
    optional: Annotated[bool, about("Whether pods start without it.")] = False


class FieldSelector(Part, frozen=True, kw_only=True):
    """A field of the pod."""

    field_path: Annotated[str, about("For instance status.podIP.", shortest=1, longest=253)]


class EnvSource(Part, frozen=True, kw_only=True):
    """Where a variable's value comes from."""

    rules = (
        Rule(
            "[has(self.secretKeyRef), has(self.configMapKeyRef), has(self.fieldRef)].exists_one(x, x)",
            "exactly one of secretKeyRef, configMapKeyRef and fieldRef",
        ),
    )
    secret_key_ref: Annotated[KeySelector, about("A Secret's key.")] | None = None
    config_map_key_ref: Annotated[KeySelector, about("A ConfigMap's key.")] | None = None
    field_ref: Annotated[FieldSelector, about("A field of the pod.")] | None = None


class EnvVar(Part, frozen=True, kw_only=True):
    """A variable of the server's environment; it goes before what the operator sets."""

    rules = (Rule("!(has(self.value) && has(self.valueFrom))", "only one of value and valueFrom"),)
    name: Annotated[str, about("Its name.", shortest=1, longest=253, pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
    value: Annotated[str, about("Its value; secrets belong in valueFrom.", longest=4096)] | None = None
    value_from: Annotated[EnvSource, about("Where its value comes from.")] | None = None


class Resources(Part, frozen=True, kw_only=True):
    """What a container reserves and may take."""

    requests: Annotated[ResourceAmounts, about("What it reserves.")] = field(default_factory=dict)
    limits: Annotated[ResourceAmounts, about("What it may take; without a CPU limit nothing throttles it.")] = field(default_factory=dict)


class Scheduling(Part, frozen=True, kw_only=True):
    """Where pods run, and what they carry."""

    labels: Annotated[Labels, about("More labels; the operator's own win.")] = field(default_factory=dict)
    annotations: Annotated[Annotations, about("More annotations.")] = field(default_factory=dict)
    node_selector: Annotated[Labels, about("Labels that nodes must have.")] = field(default_factory=dict)
    affinity: Annotated[Affinity, about("Where pods may run.")] | None = None
    tolerations: Annotated[
        tuple[Toleration, ...],
        about(
            "Taints that the pods put up with, beside not-ready and unreachable nodes for 30 s, which naming them here changes.", longest=32
        ),
    ] = ()
    priority_class_name: Annotated[str, about("Priority class; absent: the cluster's default.", longest=253)] = ""


class PodOverrides(Scheduling, frozen=True, kw_only=True):
    """What differs from the operator's own pod template; lists with names are merged by name."""

    env: Annotated[
        tuple[EnvVar, ...], about("More variables of the server's environment.", longest=64, keys=("name",), rules=(RESERVED,))
    ] = ()
    resources: Annotated[Resources, about("What the server reserves and may take.")] | None = None
    topology_spread_constraints: Annotated[
        tuple[TopologySpread, ...],
        about("How evenly pods are spread; replaces the operator's own spread over nodes.", longest=8),
    ] = ()
    service_account_name: Annotated[
        str, about("A service account of yours; absent: one without rights, made by the operator.", longest=253)
    ] = ""
    runtime_class_name: Annotated[str, about("Runtime class; absent: the node's default.", longest=253)] = ""
