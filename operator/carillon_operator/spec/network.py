"""How clients reach the service, and who may."""

from typing import Annotated, Literal

from msgspec import Meta, field

from carillon_operator.spec.auth import Cidr
from carillon_operator.spec.declare import Part, Rule, about
from carillon_operator.spec.pods import LabelSelector
from carillon_operator.spec.values import Annotations, Labels, Name

Hostname = Annotated[
    str, Meta(min_length=1, max_length=253, pattern=r"^(\*\.)?[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$")
]


class Service(Part, frozen=True, kw_only=True):
    """The Service in front of the pods."""

    rules = (
        Rule("!has(self.nodePort) || self.type != 'ClusterIP'", "nodePort needs type NodePort or LoadBalancer"),
        Rule(
            "self.type == 'LoadBalancer' || !(has(self.loadBalancerClass) || has(self.loadBalancerSourceRanges))",
            "loadBalancerClass and loadBalancerSourceRanges need type LoadBalancer",
        ),
        Rule("!has(self.externalTrafficPolicy) || self.type != 'ClusterIP'", "externalTrafficPolicy needs type NodePort or LoadBalancer"),
    )
    type: Annotated[Literal["ClusterIP", "NodePort", "LoadBalancer"], about("Its type.")] = "ClusterIP"
    port: Annotated[int, about("Its port.", least=1, most=65_535)] = 80
    node_port: Annotated[int, about("The port of the nodes; absent: chosen by the cluster.", least=1, most=65_535)] | None = None
    labels: Annotated[Labels, about("More labels.")] = field(default_factory=dict)
    annotations: Annotated[Annotations, about("More annotations, as load balancers of clouds read them.")] = field(default_factory=dict)
    external_traffic_policy: (
        Annotated[Literal["Cluster", "Local"], about("Local: the server sees the clients' addresses. Absent: Cluster.")] | None
    ) = None
    load_balancer_class: Annotated[str, about("Who provides the load balancer.", longest=253)] | None = None
    load_balancer_source_ranges: Annotated[tuple[Cidr, ...], about("Networks that may come in.", longest=64)] = ()


class Ingress(Part, frozen=True, kw_only=True):
    """An Ingress to the Service."""

    hosts: Annotated[tuple[Hostname, ...], about("Names under which clients come.", shortest=1, longest=16)]
    class_name: Annotated[str, about("Ingress class; absent: the cluster's default.", longest=253)] = ""
    tls_secret: Annotated[Name, about("A Secret of type kubernetes.io/tls with the certificate; absent: no TLS.")] | None = None
    annotations: Annotated[Annotations, about("Annotations, as ingress controllers read them.")] = field(default_factory=dict)


class ParentRef(Part, frozen=True, kw_only=True):
    """A Gateway."""

    name: Annotated[Name, about("Its name.")]
    namespace: Annotated[Annotated[str, Meta(max_length=63)], about("Its namespace; absent: this one.")] | None = None
    section_name: Annotated[Annotated[str, Meta(max_length=253)], about("Which of its listeners; absent: all.")] | None = None


class Route(Part, frozen=True, kw_only=True):
    """An HTTPRoute of the Gateway API to the Service."""

    parent_refs: Annotated[tuple[ParentRef, ...], about("The Gateways.", shortest=1, longest=8)]
    hostnames: Annotated[tuple[Hostname, ...], about("Names under which clients come; absent: those of the Gateway.", longest=16)] = ()
    annotations: Annotated[Annotations, about("Annotations.")] = field(default_factory=dict)


class Peer(Part, frozen=True, kw_only=True):
    """Pods of some namespaces."""

    namespace_selector: Annotated[LabelSelector, about("Their namespaces; absent: this one.")] | None = None
    pod_selector: Annotated[LabelSelector, about("Which pods there; absent: all.")] | None = None


class NetworkPolicy(Part, frozen=True, kw_only=True):
    """Who may reach the pods. What they may reach is left to you."""

    enabled: Annotated[bool, about("Whether there are policies, for the server and the managed Redis.")] = True
    clients_from: Annotated[tuple[Peer, ...], about("Who may reach the signaling port; absent: everybody.", longest=16)] = ()
    metrics_from: Annotated[
        tuple[Peer, ...], about("Who may reach the metrics port, beside the operator; absent: every pod of the cluster.", longest=16)
    ] = ()
