"""The kinds that the operator handles, and where the API server has them."""

from dataclasses import dataclass
from typing import Any

from carillon_operator.spec import GROUP, KIND, PLURAL, VERSION


@dataclass(frozen=True, slots=True)
class Kind:
    """optional: served only where somebody installed it."""

    group: str
    version: str
    kind: str
    plural: str
    optional: bool = False

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def api(self) -> str:
        return f"{self.group}/{self.kind}"

    def path(self, namespace: str | None, name: str = "", sub: str = "") -> str:
        """namespace: None for all of them."""
        root = f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"
        place = f"/namespaces/{namespace}" if namespace else ""
        return root + place + f"/{self.plural}" + (f"/{name}" if name else "") + (f"/{sub}" if sub else "")


RESOURCE = Kind(GROUP, VERSION, KIND, PLURAL)
POD = Kind("", "v1", "Pod", "pods")
SECRET = Kind("", "v1", "Secret", "secrets")
SERVICE = Kind("", "v1", "Service", "services")
SERVICE_ACCOUNT = Kind("", "v1", "ServiceAccount", "serviceaccounts")
DEPLOYMENT = Kind("apps", "v1", "Deployment", "deployments")
STATEFUL_SET = Kind("apps", "v1", "StatefulSet", "statefulsets")
LEASE = Kind("coordination.k8s.io", "v1", "Lease", "leases")
EVENT = Kind("events.k8s.io", "v1", "Event", "events")
AUTOSCALER = Kind("autoscaling", "v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers")
SCALED_OBJECT = Kind("keda.sh", "v1alpha1", "ScaledObject", "scaledobjects", optional=True)

CONFIG_MAP = Kind("", "v1", "ConfigMap", "configmaps")
API_SERVICE = Kind("apiregistration.k8s.io", "v1", "APIService", "apiservices")
ACCESS_REVIEW = Kind("authorization.k8s.io", "v1", "SubjectAccessReview", "subjectaccessreviews")

CHILDREN = (
    SERVICE_ACCOUNT,
    CONFIG_MAP,
    SERVICE,
    DEPLOYMENT,
    STATEFUL_SET,
    Kind("policy", "v1", "PodDisruptionBudget", "poddisruptionbudgets"),
    Kind("networking.k8s.io", "v1", "NetworkPolicy", "networkpolicies"),
    Kind("networking.k8s.io", "v1", "Ingress", "ingresses"),
    Kind("gateway.networking.k8s.io", "v1", "HTTPRoute", "httproutes", optional=True),
    Kind("monitoring.coreos.com", "v1", "ServiceMonitor", "servicemonitors", optional=True),
)
"""What is applied and pruned. Secrets are neither."""
_BY_NAME = {(one.api_version, one.kind): one for one in (*CHILDREN, SECRET, POD)}


def kind_of(found: dict[str, Any]) -> Kind:
    """Raises KeyError for a kind that is not handled."""
    return _BY_NAME[found["apiVersion"], found["kind"]]
