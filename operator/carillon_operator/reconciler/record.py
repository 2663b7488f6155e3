"""How the status is written."""

import msgspec

from carillon_operator.kube import Client
from carillon_operator.kube.kinds import RESOURCE
from carillon_operator.resources import Object
from carillon_operator.spec import API_VERSION, KIND, Status


async def record(client: Client, resource: Object, status: Status, *, unchanged_since: str | None = None) -> Object:
    """Returns the resource as it is then. unchanged_since: its version that must still hold, else Conflict is raised."""
    about = resource["metadata"]
    metadata = {"name": about["name"], "namespace": about["namespace"]}
    if unchanged_since:
        metadata["resourceVersion"] = unchanged_since
    body = {"apiVersion": API_VERSION, "kind": KIND, "metadata": metadata, "status": msgspec.to_builtins(status)}
    return await client.apply(body, RESOURCE, about["uid"], sub="status")
