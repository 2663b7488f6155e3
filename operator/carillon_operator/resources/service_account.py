"""The server's ServiceAccount: it has no rights, and its token is not mounted."""

from carillon_operator.resources.inputs import Cluster, Object
from carillon_operator.resources.metadata import SERVER, child


def service_account(cluster: Cluster) -> Object | None:
    """None where the resource names one of the user's."""
    if cluster.spec.pod.service_account_name:
        return None
    return child(cluster, "v1", "ServiceAccount", cluster.name, SERVER) | {"automountServiceAccountToken": False}
