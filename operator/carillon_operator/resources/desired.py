"""Everything that a resource wants to exist."""

from carillon_operator.resources.deployment import deployment
from carillon_operator.resources.disruption import disruption_budget
from carillon_operator.resources.ingress import ROUTE_API, ingress, route
from carillon_operator.resources.inputs import Cluster, Object, Observed
from carillon_operator.resources.network_policy import network_policies
from carillon_operator.resources.redis import redis
from carillon_operator.resources.service import metrics_service, service
from carillon_operator.resources.service_account import service_account
from carillon_operator.resources.service_monitor import service_monitor


def desired(cluster: Cluster, observed: Observed) -> list[Object]:
    """The children to be applied, those first that others need. Pure: the same arguments give the same objects.

    Not among them: Secrets, which are never applied (`secrets`), and Deployments of older revisions, which keep their template.
    """
    found = [
        service_account(cluster),
        *network_policies(cluster),
        *redis(cluster, observed),
        service(cluster, observed),
        metrics_service(cluster),
        disruption_budget(cluster),
        deployment(cluster, observed),
        ingress(cluster),
        route(cluster, observed),
        service_monitor(cluster, observed),
    ]
    return [one for one in found if one]


def unserved(cluster: Cluster, observed: Observed) -> list[str]:
    """What cannot exist since the cluster knows no such kind, in words. Not the ServiceMonitor: that is asked for where there is one."""
    if cluster.spec.route is None or ROUTE_API in observed.apis:
        return []
    return [f"HTTPRoute {cluster.name}: this cluster has no Gateway API. Install it, or take spec.route out."]
