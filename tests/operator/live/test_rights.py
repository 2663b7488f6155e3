"""The operator's rights are what it uses, no more and no less: its recorded calls against `carillon_operator.rbac`."""

import asyncio
import base64
from typing import Any

from harness import foreign
from harness.apiserver import ApiServer
from harness.kubelet import Kubelet
from harness.operators import Cell, Operator, grant, until

from carillon_operator import rbac


def granted() -> set[tuple[str, str, str]]:
    found = set()
    for one in (*rbac.SCOPE, *rbac.HOME):
        found |= {(one.group, resource, verb) for resource in one.resources for verb in one.verbs}
    return found


def used(server: ApiServer, user: str) -> set[tuple[str, str, str]]:
    found = set()
    for one in server.audited(user):
        about = one.get("objectRef") or {}
        resource = about.get("resource", "") + (f"/{about['subresource']}" if about.get("subresource") else "")
        found.add((about.get("apiGroup", ""), resource, one["verb"]))
        if one["verb"] == "patch" and (one.get("responseStatus") or {}).get("code") == 201:
            # Server-side apply that makes an object needs both.
            found.add((about.get("apiGroup", ""), resource, "create"))
    return found


async def test_what_is_granted_is_what_is_used(own_api_server: ApiServer) -> None:
    """Each kind is made, found to be a stranger's, repaired, and removed; keys are rotated; the scaler writes."""
    server, cell = own_api_server, Cell(own_api_server, "default")
    for one in foreign.OPTIONAL:
        server.install(foreign.definition(*one))
    user, token = server.user()
    grant(server, user)
    everything = {
        "ingress": {"hosts": ["calls.example.com"]},
        "route": {"parentRefs": [{"name": "gateway"}]},
        "telemetry": {"serviceMonitor": {}},
        "redis": {"managed": {"storage": {}}},
        "autoscaling": {"minReplicas": 3, "maxReplicas": 5},
    }
    with Operator(server, "--home-namespace=default", token=token) as operator:
        async with Kubelet(server, "default") as kubelet:
            cell.declare(everything)

            async def wait(condition: Any, what: str) -> None:
                await asyncio.to_thread(until, condition, what, operator)

            await wait(lambda: cell.is_said("Ready", "True", "Serving"), "it serves")
            data = {"keyring.json": base64.b64encode(b'{"keys": [{"kid": "0", "secret": "%s", "use": "sign"}]}' % (b"x" * 40)).decode()}
            cell.change("Secret", {"data": data}, "calls-jwt")
            cell.change("SignalingCluster", {"spec": {"auth": {"rotation": 1}}})
            rest: dict[str, Any] = {"ingress": None, "route": None, "telemetry": None, "networkPolicy": {"enabled": False}}
            own = {"disruptionBudget": {"enabled": False}, "pod": {"serviceAccountName": "other"}}
            external = {"redis": {"managed": None, "external": {"url": "redis://redis.example.com"}}}
            cell.change("SignalingCluster", {"spec": rest | own | external})
            await wait(lambda: not cell.all("StatefulSet") and not cell.all("Ingress"), "what is not wanted goes")
            await wait(lambda: ("apps", "deployments", "delete") in used(server, user), "the old revision goes")
            await wait(lambda: ("", "secrets", "update") in used(server, user), "keys are rotated")
            assert kubelet.ready
    missing = used(server, user) - granted()
    assert not missing
    refused = [one for one in server.audited(user) if one.get("responseStatus", {}).get("code") == 403]
    assert not [one for one in refused if one["objectRef"]["resource"] != "scaledobjects"]
    # `get` of a child is for a stranger that has its name; KEDA is not here.
    spare = {one for one in granted() - used(server, user) if one[2] != "get" and one[0] != "keda.sh"}
    assert not spare, spare
