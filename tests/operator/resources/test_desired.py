"""What holds for every cluster, and what a change of the resource does to its pods."""

import base64
import json
from typing import Any

import pytest
from harness.clusters import cluster, specs
from hypothesis import HealthCheck, given, settings

from carillon_operator.resources import ROLLING, Object, Observed, desired, generated, new_secret, revision, unserved
from carillon_operator.resources.environment import cell
from carillon_operator.spec.quantity import amount


def children(spec: dict[str, Any] | None = None, observed: Observed | None = None) -> dict[tuple[str, str], Object]:
    return {(one["kind"], one["metadata"]["name"]): one for one in desired(cluster(spec), observed or Observed())}


def server(spec: dict[str, Any] | None = None, observed: Observed | None = None) -> Object:
    """The server's Deployment."""
    found = [one for (kind, _), one in children(spec, observed).items() if kind == "Deployment" and _component(one) == "server"]
    (only,) = found
    return only


def _component(one: Object) -> str:
    return str(one["metadata"]["labels"]["carillon.dev/component"])


def env(spec: dict[str, Any] | None = None) -> dict[str, Any]:
    container = server(spec)["spec"]["template"]["spec"]["containers"][0]
    return {one["name"]: one.get("value", one.get("valueFrom")) for one in container["env"]}


def test_another_password_of_the_managed_redis_makes_other_pods_of_it_and_of_the_server() -> None:
    one, other = (Observed(checksums={"calls-redis/password": checksum}) for checksum in ("a", "b"))
    assert revision(cluster(), one) != revision(cluster(), other)
    pods = [children(observed=observed)["Deployment", "calls-redis"]["spec"]["template"] for observed in (one, one, other)]
    assert pods[0] == pods[1] != pods[2]


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
)
@given(specs())
def test_every_cluster_gets_sound_children(spec: dict[str, Any]) -> None:
    first, again = desired(cluster(spec), Observed()), desired(cluster(spec), Observed())
    assert first == again
    json.dumps(first)
    assert len({(one["kind"], one["metadata"]["name"]) for one in first}) == len(first)
    for one in first:
        assert one["metadata"]["labels"]["carillon.dev/cluster"] == "calls"
        assert [owner["controller"] for owner in one["metadata"]["ownerReferences"]] == [True]
        if one["kind"] in ("Deployment", "StatefulSet"):
            _sound_pods(one)


def _sound_pods(workload: Object) -> None:
    """The Pod Security Standard `restricted`; a selector that finds its own pods; names that are unique."""
    template = workload["spec"]["template"]
    pod = template["spec"]
    assert pod["securityContext"]["runAsNonRoot"]
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert not pod["automountServiceAccountToken"]
    assert workload["spec"]["selector"]["matchLabels"].items() <= template["metadata"]["labels"].items()
    for container in pod["containers"]:
        assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
        assert not container["securityContext"]["allowPrivilegeEscalation"]
        names = [one["name"] for one in container["env"]]
        assert len(set(names)) == len(names)
        mounts = {one["name"] for one in container["volumeMounts"]}
        given_volumes = {one["name"] for one in pod["volumes"]} | {
            one["metadata"]["name"] for one in workload["spec"].get("volumeClaimTemplates", [])
        }
        assert mounts <= given_volumes


@pytest.mark.parametrize(
    ("change", "moves"),
    [
        ({"replicas": 7}, False),
        ({"autoscaling": {"maxReplicas": 9}}, False),
        ({"disruptionBudget": {"maxUnavailable": 2}}, False),
        ({"service": {"type": "NodePort"}}, False),
        ({"auth": {"rotation": 3}}, False),
        ({"paused": True}, False),
        ({"networkPolicy": {"enabled": False}}, False),
        ({"redis": {"managed": {"maxMemory": "1Gi"}}}, False),
        ({"image": {"reference": "example.com/carillon:2"}}, True),
        ({"calls": {"graceSeconds": 40}}, True),
        ({"pod": {"labels": {"team": "voice"}}}, True),
        ({"drainSeconds": 60}, True),
    ],
)
def test_pods_change_only_for_what_they_cannot_take_over(change: dict[str, Any], moves: bool) -> None:
    assert (revision(cluster(change), Observed()) != revision(cluster(), Observed())) is moves


def test_a_secret_that_is_read_again_moves_no_pod_and_one_that_is_not_does() -> None:
    spec = {"auth": {"existingSecret": {"name": "tokens"}}, "turn": {"urls": ["turn:a"], "secret": {"name": "coturn", "key": "s"}}}
    before = revision(cluster(spec), Observed(checksums={"coturn/s": "1", "tokens/keyring.json": "1"}))
    assert revision(cluster(spec), Observed(checksums={"coturn/s": "1", "tokens/keyring.json": "2"})) == before
    assert revision(cluster(spec), Observed(checksums={"coturn/s": "2", "tokens/keyring.json": "1"})) != before


def test_kubectl_rollout_restart_is_a_new_revision() -> None:
    restarted = Observed(restarted_at="2026-11-24T10:00:00Z")
    assert revision(cluster(), restarted) != revision(cluster(), Observed())
    annotations = server(observed=restarted)["spec"]["template"]["metadata"]["annotations"]
    assert annotations["kubectl.kubernetes.io/restartedAt"] == "2026-11-24T10:00:00Z"


def test_the_service_stays_with_the_revision_that_serves() -> None:
    service = children(observed=Observed(serving="0123456789"))["Service", "calls"]
    assert service["spec"]["selector"]["carillon.dev/revision"] == "0123456789"
    fresh = children()["Service", "calls"]
    assert fresh["spec"]["selector"]["carillon.dev/revision"] == revision(cluster(), Observed())


def test_rolling_keeps_one_deployment() -> None:
    rolling = {"update": {"strategy": "Rolling"}}
    changed = rolling | {"image": {"reference": "example.com/carillon:2"}}
    assert revision(cluster(rolling), Observed()) == revision(cluster(changed), Observed()) == ROLLING
    assert server(rolling)["metadata"]["name"] == server(changed)["metadata"]["name"] == "calls-rolling"
    stuck = {"update": {"strategy": "Rolling", "maxSurge": "0%", "maxUnavailable": "0%"}}
    assert server(stuck)["spec"]["strategy"]["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": "0%"}


@pytest.mark.parametrize(
    ("spec", "seconds"), [({}, 40), ({"drainSeconds": 300}, 315), ({"drainDelaySeconds": 30}, 65), ({"drainDelaySeconds": 0}, 40)]
)
def test_a_draining_pod_is_given_the_time(spec: dict[str, Any], seconds: int) -> None:
    assert server(spec)["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] == seconds


def test_pods_leave_lost_nodes_after_30_seconds_unless_told_otherwise() -> None:
    def patience(spec: dict[str, Any]) -> dict[str, int]:
        tolerations = server(spec)["spec"]["template"]["spec"]["tolerations"]
        return {one["key"].rpartition("/")[2]: one["tolerationSeconds"] for one in tolerations if one.get("effect") == "NoExecute"}

    assert patience({}) == {"not-ready": 30, "unreachable": 30}
    own = {"key": "node.kubernetes.io/unreachable", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 90}
    assert patience({"pod": {"tolerations": [own]}}) == {"not-ready": 30, "unreachable": 90}
    assert patience({"pod": {"tolerations": [own | {"effect": "NoSchedule"}]}}) == {"not-ready": 30, "unreachable": 30}


def test_overrides_are_merged_by_name() -> None:
    found = env({"pod": {"env": [{"name": "LOG_LEVEL", "value": "debug"}, {"name": "HTTPS_PROXY", "value": "http://proxy"}]}})
    assert (found["LOG_LEVEL"], found["HTTPS_PROXY"], found["PORT"]) == ("debug", "http://proxy", "8080")


def test_own_labels_win() -> None:
    found = server({"pod": {"labels": {"carillon.dev/cluster": "other", "team": "voice"}}})["spec"]["template"]["metadata"]["labels"]
    assert (found["carillon.dev/cluster"], found["team"]) == ("calls", "voice")


@pytest.mark.parametrize(
    ("spec", "known"),
    [
        ({}, False),
        ({"service": {"type": "LoadBalancer", "externalTrafficPolicy": "Local"}}, True),
        ({"service": {"type": "NodePort", "externalTrafficPolicy": "Local"}, "ingress": {"hosts": ["a.example.com"]}}, False),
        ({"access": {"trustedProxies": ["10.0.0.0/8"]}, "ingress": {"hosts": ["a.example.com"]}}, True),
    ],
)
def test_limits_per_address_are_on_only_where_addresses_are_known(spec: dict[str, Any], known: bool) -> None:
    assert (env(spec)["LIMIT_CONNECTIONS_PER_ADDRESS"] != "0") is known
    assert (env(spec)["LIMIT_UNAUTHENTICATED"] != "off") is known


def test_clusters_that_share_a_redis_keep_apart() -> None:
    shared = {"redis": {"external": {"url": "redis://redis"}}}
    assert cell(cluster(shared)) == "prod.calls"
    long = [cell(cluster(shared, name="a" * 40, namespace=letter * 63)) for letter in "ab"]
    assert len(set(long)) == 2
    assert all(len(one) <= 63 for one in long)


def test_managed_redis_refuses_rather_than_forgets() -> None:
    text = children()["ConfigMap", "calls-redis"]["data"]["redis.conf"]
    assert "maxmemory-policy noeviction\n" in text
    assert "appendonly no\n" in text
    assert "appendonly yes\n" in children({"redis": {"managed": {"storage": {}}}})["ConfigMap", "calls-redis"]["data"]["redis.conf"]


def test_redis_without_storage_moves_and_with_storage_stays() -> None:
    assert children()["Deployment", "calls-redis"]["spec"]["strategy"] == {"type": "Recreate"}
    stored = children({"redis": {"managed": {"storage": {"size": "2Gi"}}}})
    assert ("Deployment", "calls-redis") not in stored
    assert stored["StatefulSet", "calls-redis"]["spec"]["persistentVolumeClaimRetentionPolicy"] == {
        "whenDeleted": "Delete",
        "whenScaled": "Retain",
    }
    assert not [one for one in desired(cluster({"redis": {"external": {"url": "redis://r"}}}), Observed()) if _component(one) == "redis"]


def test_every_pod_may_fetch_its_image() -> None:
    found = desired(cluster({"image": {"pullSecrets": [{"name": "registry"}]}}), Observed())
    pods = [one["spec"]["template"]["spec"] for one in found if "template" in one.get("spec", {})]
    assert [one["imagePullSecrets"] for one in pods] == [[{"name": "registry"}]] * 2


def test_optional_kinds_wait_for_their_api() -> None:
    spec = {"telemetry": {"serviceMonitor": {}}, "route": {"parentRefs": [{"name": "g"}]}}
    kinds = {kind for kind, _ in children(spec)}
    assert not {"ServiceMonitor", "HTTPRoute"} & kinds
    apis = frozenset({"monitoring.coreos.com/ServiceMonitor", "gateway.networking.k8s.io/HTTPRoute"})
    assert {"ServiceMonitor", "HTTPRoute"} <= {kind for kind, _ in children(spec, Observed(apis=apis))}


def test_a_route_where_nobody_knows_routes_is_told() -> None:
    routed = cluster({"route": {"parentRefs": [{"name": "g"}]}})
    (told,) = unserved(routed, Observed())
    assert told == "HTTPRoute calls: this cluster has no Gateway API. Install it, or take spec.route out."
    assert not unserved(routed, Observed(apis=frozenset({"gateway.networking.k8s.io/HTTPRoute"})))
    assert not unserved(cluster({"telemetry": {"serviceMonitor": {}}}), Observed())


def test_the_metrics_port_is_not_in_the_public_service() -> None:
    assert [port["name"] for port in children()["Service", "calls"]["spec"]["ports"]] == ["signaling"]


@pytest.mark.parametrize(
    ("spec", "names"),
    [
        ({}, {"calls-jwt", "calls-redis"}),
        ({"auth": {"existingSecret": {"name": "mine"}}}, {"calls-redis"}),
        ({"auth": {"jwks": {"url": "https://login.example.com/keys"}}, "redis": {"external": {"url": "redis://r"}}}, set()),
    ],
)
def test_only_secrets_that_nobody_gave_are_generated(spec: dict[str, Any], names: set[str]) -> None:
    assert set(generated(cluster(spec))) == names


def test_generated_secrets_are_what_their_readers_expect() -> None:
    entropy = bytes(range(32))
    keyring = new_secret(cluster(), "calls-jwt", entropy)
    (key,) = json.loads(base64.b64decode(keyring["data"]["keyring.json"]))["keys"]
    assert key["use"] == "sign"
    assert len(key["secret"]) >= 32
    assert "stringData" not in keyring
    redis = {name: base64.b64decode(value).decode() for name, value in new_secret(cluster(), "calls-redis", entropy)["data"].items()}
    assert redis["auth.conf"] == f"requirepass {redis['password']}\n"
    with pytest.raises(ValueError, match="32 bytes"):
        new_secret(cluster(), "calls-jwt", entropy[:16])


@pytest.mark.parametrize(("text", "number"), [("256Mi", 2**28), ("1.5Gi", 3 * 2**29), ("1500m", 2), (7, 7), ("2k", 2000), ("1G", 10**9)])
def test_quantities(text: int | str, number: int) -> None:
    assert amount(text) == number


@pytest.mark.parametrize("text", ["", "Mi", "1X", "1MiMi"])
def test_what_is_no_quantity(text: str) -> None:
    with pytest.raises(ValueError, match="no quantity"):
        amount(text)
