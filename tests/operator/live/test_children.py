"""What the operator makes of a resource, against a real API server."""

import base64
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from harness import foreign
from harness.apiserver import ApiServer
from harness.kubelet import Kubelet
from harness.operators import Cell, Operator, wait


@pytest.fixture
async def kubelet(cell: Cell) -> AsyncIterator[Kubelet]:
    async with Kubelet(cell.server, cell.namespace) as found:
        yield found


async def serving(cell: Cell, operator: Operator) -> str:
    """The revision, once it serves and nothing is under way."""
    await wait(lambda: cell.is_said("Ready", "True", "Serving") and cell.is_said("Progressing", "False"), "it serves", operator)
    (name,) = cell.servers()
    return name


async def stalled(cell: Cell, operator: Operator, kubelet: Kubelet, change: dict[str, Any]) -> str:
    """The revision that serves, while that of a changed spec is there beside it and does not get ready."""
    old = await serving(cell, operator)
    kubelet.ready = lambda labels: labels.get("carillon.dev/revision") in (old, None)
    cell.change("SignalingCluster", {"spec": change})
    await wait(lambda: len(cell.servers()) == 2 and cell.is_said("Progressing", "True", "RollingOut"), "both revisions are there", operator)
    return old


async def test_ten_lines_give_a_service(cell: Cell, operator: Operator, kubelet: Kubelet) -> None:
    resource = cell.declare()
    revision = await serving(cell, operator)
    service = cell.get("Service")
    assert service
    assert service["spec"]["selector"]["carillon.dev/revision"] == revision
    status = (cell.get("SignalingCluster") or {})["status"]
    assert (status["replicas"], status["readyReplicas"], status["observedGeneration"]) == (2, 2, 1)
    assert status["endpoint"] == f"ws://calls.{cell.namespace}.svc/ws"
    assert cell.is_said("RedisReady", "True")
    assert set(cell.all("Secret")) == {"calls-jwt", "calls-redis"}
    for kind in ("Deployment", "Service", "Secret", "ConfigMap", "ServiceAccount", "PodDisruptionBudget", "NetworkPolicy"):
        for one in cell.all(kind).values():
            if one["metadata"]["name"] != "kube-root-ca.crt":
                assert one["metadata"]["ownerReferences"][0]["uid"] == resource["metadata"]["uid"]
    after = cell.get("SignalingCluster")
    assert after
    assert "annotations" not in after["metadata"]
    assert "finalizers" not in after["metadata"]
    reasons = {one["reason"] for one in cell.all("Event").values()}
    assert {"NoPodReady", "Serving"} <= reasons


async def test_drift_is_repaired_and_what_others_added_stays(cell: Cell, operator: Operator, kubelet: Kubelet) -> None:
    cell.declare()
    revision = await serving(cell, operator)
    cell.change("Service", {"metadata": {"labels": {"theirs": "1"}}, "spec": {"selector": {"carillon.dev/revision": "wrong"}}})
    cell.change("ConfigMap", {"data": {"redis.conf": "appendonly no\n", "other": "kept"}}, "calls-redis")
    cell.delete("PodDisruptionBudget")
    cell.change("Deployment", {"spec": {"replicas": 7}}, f"calls-{revision}")

    def repaired() -> bool:
        service, settings = cell.get("Service") or {}, cell.get("ConfigMap", "calls-redis") or {}
        return (
            service["spec"]["selector"]["carillon.dev/revision"] == revision
            and "noeviction" in settings["data"]["redis.conf"]
            and settings["data"]["other"] == "kept"
            and service["metadata"]["labels"]["theirs"] == "1"
            and cell.get("PodDisruptionBudget") is not None
        )

    await wait(repaired, "drift is repaired", operator)


async def test_a_label_that_is_wanted_no_more_goes(cell: Cell, operator: Operator, kubelet: Kubelet) -> None:
    cell.declare({"service": {"labels": {"team": "voice"}}})
    await serving(cell, operator)
    assert (cell.get("Service") or {})["metadata"]["labels"]["team"] == "voice"
    cell.change("SignalingCluster", {"spec": {"service": None}})
    await wait(lambda: "team" not in (cell.get("Service") or {})["metadata"]["labels"], "the label is gone", operator)


async def test_what_is_wanted_no_more_is_removed(cell: Cell, operator: Operator, kubelet: Kubelet) -> None:
    cell.declare({"ingress": {"hosts": ["calls.example.com"]}})
    await serving(cell, operator)
    assert cell.get("Ingress")
    cell.change("SignalingCluster", {"spec": {"ingress": None, "redis": {"external": {"url": "redis://redis.example.com"}}}})
    await wait(lambda: not cell.get("Ingress") and not cell.get("Service", "calls-redis"), "they are gone", operator)
    # Nobody can make the same password again: it stays until the resource goes.
    assert cell.get("Secret", "calls-redis")


async def test_what_the_old_revision_needs_stays_as_long_as_it_serves(cell: Cell, operator: Operator, kubelet: Kubelet) -> None:
    cell.declare()
    external = {"redis": {"managed": None, "external": {"url": "redis://redis.example.com"}}}
    old = await stalled(cell, operator, kubelet, external | {"pod": {"serviceAccountName": "default"}})
    cell.change("SignalingCluster", {"spec": {"replicas": 3}})
    await wait(lambda: [one["spec"]["replicas"] for one in cell.servers().values()] == [3, 3], "a pass later", operator)
    assert "calls-redis" in cell.all("Deployment")
    assert cell.get("Service", "calls-redis")
    assert cell.get("ServiceAccount")
    kubelet.ready = lambda labels: True
    await wait(lambda: set(cell.servers()) - {old} == set(cell.servers()), "the old one is gone", operator)
    await wait(lambda: not cell.get("Service", "calls-redis") and not cell.get("ServiceAccount"), "they are gone", operator)
    assert "calls-redis" not in cell.all("Deployment")


async def test_a_rolling_revision_keeps_what_its_old_pods_need_too(cell: Cell, operator: Operator, kubelet: Kubelet) -> None:
    cell.declare({"update": {"strategy": "Rolling"}})
    await serving(cell, operator)
    kubelet.renewed = False
    cell.change("SignalingCluster", {"spec": {"redis": {"managed": None, "external": {"url": "redis://redis.example.com"}}}})
    await wait(lambda: cell.is_said("Progressing", "True", "RollingOut"), "it rolls", operator)
    cell.change("SignalingCluster", {"spec": {"replicas": 3}})
    await wait(lambda: [one["spec"]["replicas"] for one in cell.servers().values()] == [3], "a pass later", operator)
    assert cell.get("Service", "calls-redis")
    kubelet.renewed = True
    await wait(lambda: not cell.get("Service", "calls-redis"), "it is gone", operator)


async def test_a_service_that_is_deleted_in_a_rollout_leads_to_who_served(cell: Cell, operator: Operator, kubelet: Kubelet) -> None:
    cell.declare()
    old = await stalled(cell, operator, kubelet, {"image": {"reference": "example.com/carillon:2"}})
    cell.delete("Service")
    await wait(lambda: cell.get("Service"), "there is one again", operator)
    assert (cell.get("Service") or {})["spec"]["selector"]["carillon.dev/revision"] == old
    assert cell.servers()[old]["spec"]["replicas"] == 2


async def test_a_stranger_is_reported_and_left_alone(cell: Cell, operator: Operator, kubelet: Kubelet) -> None:
    stranger = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "calls-redis"}, "data": {"theirs": "1"}}
    before = cell.server.call("POST", cell.path("ConfigMap"), stranger)
    cell.declare()
    await wait(lambda: cell.is_said("Degraded", "True", "ForeignObject"), "the stranger is reported", operator)
    assert "ConfigMap calls-redis" in cell.condition("Degraded")["message"]
    after = cell.get("ConfigMap", "calls-redis")
    assert after
    assert after["metadata"]["resourceVersion"] == before["metadata"]["resourceVersion"]
    cell.delete("ConfigMap", "calls-redis")
    await wait(lambda: cell.is_said("Degraded", "False"), "it is well again", operator)


async def test_a_new_revision_takes_over_when_all_its_pods_are_ready(cell: Cell, operator: Operator, kubelet: Kubelet) -> None:
    cell.declare()
    old = await stalled(cell, operator, kubelet, {"image": {"reference": "example.com/carillon:2"}})
    new = next(name for name in cell.servers() if name != old)
    assert (cell.get("Service") or {})["spec"]["selector"]["carillon.dev/revision"] == old
    assert old in (cell.get("SignalingCluster") or {})["status"]["selector"]
    kubelet.ready = lambda labels: True
    await wait(lambda: set(cell.servers()) == {new}, "the old one is gone", operator)
    assert (cell.get("Service") or {})["spec"]["selector"]["carillon.dev/revision"] == new
    await wait(lambda: new in (cell.get("SignalingCluster") or {})["status"]["selector"], "the status names the new one", operator)


async def test_kubectl_rollout_restart_moves_clients_once(cell: Cell, operator: Operator, kubelet: Kubelet) -> None:
    cell.declare()
    old = await serving(cell, operator)
    restarted = {"spec": {"template": {"metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": "2026-11-25T10:00:00Z"}}}}}
    cell.change("Deployment", restarted, f"calls-{old}")
    await wait(lambda: cell.servers() and old not in cell.servers(), "another revision serves", operator)
    assert await serving(cell, operator) != old


async def test_paused_changes_nothing_and_reports(cell: Cell, operator: Operator, kubelet: Kubelet) -> None:
    cell.declare()
    await serving(cell, operator)
    cell.change("SignalingCluster", {"spec": {"paused": True}})
    await wait(lambda: cell.is_said("Progressing", "False", "Paused"), "it is paused", operator)
    cell.change("Service", {"spec": {"ports": [{"name": "signaling", "port": 81, "targetPort": "signaling", "protocol": "TCP"}]}})
    cell.change("SignalingCluster", {"spec": {"replicas": 5}})
    generation = (cell.get("SignalingCluster") or {})["metadata"]["generation"]
    await wait(lambda: (cell.get("SignalingCluster") or {})["status"]["observedGeneration"] == generation, "the change is seen", operator)
    assert (cell.get("Service") or {})["spec"]["ports"][0]["port"] == 81
    assert [one["spec"]["replicas"] for one in cell.servers().values()] == [2]
    cell.change("SignalingCluster", {"spec": {"paused": False}})
    await wait(lambda: [one["spec"]["replicas"] for one in cell.servers().values()] == [5], "it goes on", operator)


async def test_generated_secrets_are_made_once(cell: Cell, operator: Operator, kubelet: Kubelet) -> None:
    own = base64.b64encode(b'{"keys": [{"kid": "mine", "secret": "mine-mine-mine-mine-mine-mine-mine", "use": "sign"}]}').decode()
    kept = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "calls-jwt"}, "data": {"keyring.json": own}}
    cell.server.call("POST", cell.path("Secret"), kept)
    cell.declare()
    await serving(cell, operator)
    cell.change("SignalingCluster", {"spec": {"replicas": 3}})
    await serving(cell, operator)
    assert (cell.get("Secret", "calls-jwt") or {})["data"] == {"keyring.json": own}
    password = (cell.get("Secret", "calls-redis") or {})["data"]
    cell.change("Secret", {"metadata": {"labels": None}}, "calls-redis")
    cell.change("SignalingCluster", {"spec": {"replicas": 2}})
    await serving(cell, operator)
    assert (cell.get("Secret", "calls-redis") or {})["data"] == password


async def test_a_bad_credential_is_told_in_words_and_quotes_nothing(cell: Cell, operator: Operator, kubelet: Kubelet) -> None:
    cell.declare({"push": {"fcm": {"secret": {"name": "firebase", "key": "key.json"}}}, "auth": {"existingSecret": {"name": "tokens"}}})
    await wait(lambda: cell.is_said("SecretsReady", "False", "SecretMissing"), "they are missed", operator)
    message = cell.condition("SecretsReady")["message"]
    assert "there is no Secret tokens" in message
    assert "there is no Secret firebase" in message

    def secret(name: str, key: str, value: str) -> None:
        data = {key: base64.b64encode(value.encode()).decode()}
        cell.server.call("POST", cell.path("Secret"), {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "data": data})

    secret("firebase", "key.json", '{"type": "service_account", "hidden-value": "hidden-value"}')
    secret("tokens", "keyring.json", json.dumps({"keys": [{"kid": "a", "secret": "hidden-value-hidden", "use": "sign"}]}))
    await wait(lambda: cell.is_said("SecretsReady", "False", "SecretInvalid"), "it is judged", operator)
    assert "lacks client_email" in cell.condition("SecretsReady")["message"]
    assert "hidden-value" not in json.dumps([cell.get("SignalingCluster"), cell.all("Event"), cell.all("Deployment")])
    assert "hidden-value" not in operator.log


async def test_a_secret_that_cannot_be_reloaded_moves_the_pods(cell: Cell, operator: Operator, kubelet: Kubelet) -> None:
    data = {"secret": base64.b64encode(b"one").decode()}
    cell.server.call("POST", cell.path("Secret"), {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "coturn"}, "data": data})
    cell.declare({"turn": {"urls": ["turn:turn.example.com"], "secret": {"name": "coturn", "key": "secret"}}})
    old = await serving(cell, operator)
    cell.change("Secret", {"data": {"secret": base64.b64encode(b"two").decode()}}, "coturn")
    await wait(lambda: cell.servers() and old not in cell.servers(), "another revision serves", operator)


async def test_a_change_that_storage_does_not_allow_is_said_and_nothing_re_created(
    cell: Cell, operator: Operator, kubelet: Kubelet
) -> None:
    cell.declare({"redis": {"managed": {"storage": {"size": "1Gi"}}}})
    await serving(cell, operator)
    before = cell.get("StatefulSet", "calls-redis")
    assert before
    cell.change("SignalingCluster", {"spec": {"redis": {"managed": {"storage": {"size": "2Gi"}}}}})
    await wait(lambda: cell.is_said("Degraded", "True", "Unchangeable"), "it is said", operator)
    assert (cell.get("StatefulSet", "calls-redis") or {})["metadata"]["uid"] == before["metadata"]["uid"]


async def test_deleting_leaves_nothing(cell: Cell, operator: Operator, kubelet: Kubelet) -> None:
    cell.declare({"ingress": {"hosts": ["calls.example.com"]}})
    await serving(cell, operator)
    cell.delete("SignalingCluster")

    def gone() -> bool:
        kubelet.collect()
        kinds = ("Deployment", "Service", "Secret", "PodDisruptionBudget", "NetworkPolicy", "ServiceAccount", "Ingress", "Pod")
        return not any(cell.all(kind) for kind in kinds)

    await wait(gone, "everything is gone", operator)


async def test_no_replica_count_of_a_person_is_overwritten(cell: Cell, operator: Operator, kubelet: Kubelet) -> None:
    cell.declare()
    await serving(cell, operator)
    scale = cell.path("SignalingCluster", "calls") + "/scale"
    cell.server.call("PATCH", scale, {"spec": {"replicas": 4}}, kind="application/merge-patch+json")
    await wait(lambda: (cell.get("SignalingCluster") or {})["status"].get("readyReplicas") == 4, "four serve", operator)
    assert cell.server.call("GET", scale)["status"]["selector"].startswith("carillon.dev/cluster=calls")


async def test_a_route_that_the_cluster_cannot_have_is_told_until_it_can(own_api_server: ApiServer) -> None:
    server, cell = own_api_server, Cell(own_api_server, "default")
    with Operator(server, "--home-namespace=default") as operator:
        async with Kubelet(server, "default"):
            cell.declare({"route": {"parentRefs": [{"name": "gateway"}]}, "telemetry": {"serviceMonitor": {}}})
            await wait(lambda: cell.is_said("Ready", "True") and cell.is_said("Degraded", "True", "Refused"), "it is told", operator)
            assert cell.condition("Degraded")["message"].startswith("HTTPRoute calls: this cluster has no Gateway API.")
            for one in reversed(foreign.OPTIONAL):
                server.install(foreign.definition(*one))
            await wait(lambda: cell.is_said("Degraded", "False"), "it is well again", operator)
            for group, _, plural in foreign.OPTIONAL:
                assert server.call("GET", f"/apis/{group}/v1/namespaces/default/{plural}/calls")
