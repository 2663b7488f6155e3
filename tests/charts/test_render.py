"""What the charts render, for every set of values in `values/`."""

import functools
import re
from collections.abc import Iterator
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
import yaml
from harness.helm import CHARTS, helm, objects, render

from carillon.config.declare import declared
from carillon.config.docs import sections
from carillon_operator import rbac
from carillon_operator.crd import definition
from carillon_operator.options import options
from carillon_operator.resources import Cluster, Defaults
from carillon_operator.resources.environment import environment
from carillon_operator.spec import decode

VALUES = Path(__file__).parent / "values"
CASES = [pytest.param(path.parent.name, path, id=f"{path.parent.name}-{path.stem}") for path in sorted(VALUES.glob("*/*.yaml"))]
each = pytest.mark.parametrize(("chart", "path"), CASES)


def load(path: Path) -> dict[str, Any]:
    return yaml.safe_load(path.read_text()) or {}


@functools.cache
def text(chart: str, path: Path, **more: Any) -> str:
    return render(CHARTS / chart, load(path), **more)


def rendered(chart: str, path: Path, **more: Any) -> list[dict[str, Any]]:
    return objects(text(chart, path, **more))


def pods(found: list[dict[str, Any]]) -> Iterator[tuple[str, dict[str, Any]]]:
    for one in found:
        if one["kind"] == "Pod":
            yield one["metadata"]["name"], one["spec"]
        elif "template" in one.get("spec", {}):
            yield one["metadata"]["name"], one["spec"]["template"]["spec"]


@each
def test_it_lints(chart: str, path: Path) -> None:
    done = helm("lint", CHARTS / chart, "--strict", "--kube-version", "1.34.0", "--values", path)
    assert done.returncode == 0, done.stdout


@each
def test_rendering_depends_on_nothing_but_the_values(chart: str, path: Path) -> None:
    assert render(CHARTS / chart, load(path)) == render(CHARTS / chart, load(path))


@pytest.mark.parametrize("chart", ["carillon", "carillon-operator"])
def test_no_template_asks_the_cluster_or_rolls_dice(chart: str) -> None:
    for path in (CHARTS / chart).rglob("*.*"):
        if path.suffix in (".tpl", ".yaml", ".txt"):
            found = re.findall(r"\b(lookup|rand[A-Z]\w+|gen[A-Z]\w+|uuidv4|now|bitnami)\b", path.read_text().split("values:begin")[0])
            assert not found, path


@each
def test_every_object_says_where_it_is_and_whose(chart: str, path: Path) -> None:
    found = rendered(chart, path)
    names = [(one["kind"], one["metadata"].get("namespace", ""), one["metadata"]["name"]) for one in found]
    assert len(set(names)) == len(names)
    for one in found:
        cluster_wide = one["kind"] in ("ClusterRole", "ClusterRoleBinding", "CustomResourceDefinition", "APIService")
        assert ("namespace" in one["metadata"]) != cluster_wide, one["kind"]
        assert one["metadata"]["labels"]["app.kubernetes.io/instance"] == "calls"
        assert one["metadata"]["labels"]["helm.sh/chart"].startswith(chart)


@each
def test_pods_carry_no_version_of_the_chart(chart: str, path: Path) -> None:
    for one in rendered(chart, path):
        labels = one.get("spec", {}).get("template", {}).get("metadata", {}).get("labels", {})
        assert not {"helm.sh/chart", "app.kubernetes.io/version"} & labels.keys()


@each
def test_selectors_find_their_pods_and_no_others(chart: str, path: Path) -> None:
    found = rendered(chart, path)
    labels = {one["metadata"]["name"]: one["spec"]["template"]["metadata"]["labels"] for one in found if "template" in one.get("spec", {})}
    labels |= {one["metadata"]["name"]: one["metadata"]["labels"] for one in found if one["kind"] == "Pod"}
    for one in found:
        if one["kind"] not in ("Service", "PodDisruptionBudget", "NetworkPolicy", "Deployment", "StatefulSet"):
            continue
        spec = one["spec"]
        wanted = spec["selector"] if one["kind"] == "Service" else (spec.get("podSelector") or spec.get("selector"))["matchLabels"]
        hit = [name for name, given in labels.items() if wanted.items() <= given.items()]
        assert hit == [one["metadata"]["name"].removesuffix("-metrics").removesuffix("-api")], one["kind"]


@each
def test_containers_reserve_memory_and_pods_leave_lost_nodes(chart: str, path: Path) -> None:
    for name, pod in pods(rendered(chart, path)):
        for container in pod["containers"]:
            assert "memory" in container["resources"]["requests"], name
        if name.endswith("-call"):
            continue
        keys = {one.get("key"): one.get("tolerationSeconds") for one in pod["tolerations"]}
        assert None in keys or {"node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"} <= keys.keys()


def test_a_long_name_still_makes_valid_ones() -> None:
    for chart in ("carillon", "carillon-operator"):
        for one in rendered(chart, VALUES / chart / "minimal.yaml", name="a" * 53):
            # Of a Role any path will do.
            assert len(one["metadata"]["name"]) <= 63 or "Role" in one["kind"] or one["kind"] == "CustomResourceDefinition"


# ---------------------------------------------------------------- the service


def as_spec(values: dict[str, Any]) -> dict[str, Any]:
    """The same in a SignalingCluster: an empty value is an absent one, and a part that is not enabled too."""
    names = ("access", "limits", "calls", "push", "turn", "auth", "drainDelaySeconds", "drainSeconds", "service", "ingress", "route")
    spec = {name: values[name] for name in names}
    spec["telemetry"] = {name: values["telemetry"][name] for name in ("logLevel", "otlp")}
    spec["pod"] = {"env": values["pod"]["env"]}
    external = values["redis"]["external"]
    spec["redis"] = {"external": external} if external["url"] or external["urlSecret"]["name"] else {"managed": {}}
    for name in ("ingress", "route"):
        spec[name] = {key: value for key, value in spec[name].items() if key != "enabled"} if spec[name]["enabled"] else None
    if not values["auth"]["existingSecret"]["name"]:
        spec["auth"] = spec["auth"] | {"existingSecret": None}
    if not values["auth"]["jwks"]["url"]:
        spec["auth"] = spec["auth"] | {"jwks": None}
    if not values["push"]["apns"]["bundleId"]:
        spec["push"] = spec["push"] | {"apns": None}
    if not values["turn"]["urls"]:
        spec["turn"] = None
    if not values["telemetry"]["otlp"]["endpoint"]:
        spec["telemetry"]["otlp"] = None
    return without_empty(spec) | {"redis": spec["redis"] if "managed" in spec["redis"] else without_empty(spec["redis"])}


def without_empty(value: Any) -> Any:
    if isinstance(value, dict):
        found = {key: without_empty(one) for key, one in value.items()}
        found = {key: one for key, one in found.items() if one not in (None, "", [], {})}
        return {} if found.keys() == {"key"} else found
    return value


def merged(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """As Helm does it, for what these tests give."""
    return below | {
        key: merged(below[key], value) if isinstance(value, dict) and isinstance(below.get(key), dict) else value
        for key, value in above.items()
    }


def server(found: list[dict[str, Any]]) -> dict[str, Any]:
    return next(
        one for one in found if one["kind"] == "Deployment" and one["spec"]["template"]["spec"]["containers"][0]["name"] == "server"
    )


@pytest.mark.parametrize("path", sorted((VALUES / "carillon").glob("*.yaml")), ids=lambda path: path.stem)
def test_the_servers_environment_is_what_the_operator_would_give_it(path: Path) -> None:
    deployment = server(rendered("carillon", path))
    values = merged(load(CHARTS / "carillon" / "values.yaml"), load(path))
    spec = decode({"spec": as_spec(values)}).spec
    cluster = Cluster(deployment["metadata"]["name"], "voice", "uid", spec, Defaults("server", "redis"))
    ours = {one["name"]: one for one in deployment["spec"]["template"]["spec"]["containers"][0]["env"]}
    assert ours == {one["name"]: one for one in environment(cluster)}


@pytest.mark.parametrize("path", sorted((VALUES / "carillon").glob("*.yaml")), ids=lambda path: path.stem)
def test_every_variable_is_one_of_the_servers(path: Path) -> None:
    known = {one.setting.env for section in sections() for one in declared(section)}
    given = {one["name"] for one in load(path).get("pod", {}).get("env", [])}
    for _, pod in pods(rendered("carillon", path)):
        for container in pod["containers"]:
            names = {one["name"] for one in container.get("env", [])} - given - {"CALLER_TOKEN", "CALLEE_TOKEN", "REDISCLI_AUTH"}
            assert {name for name in names - known if not name.startswith("OTEL_")} == set()


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"redis": {"external": {"username": "carillon"}}}, "give url or urlSecret"),
        ({"redis": {"external": {"url": "redis://a", "urlSecret": {"name": "b", "key": "c"}}}}, "only one of url and urlSecret"),
        ({"redis": {"external": {"url": "redis://a", "tls": {"caSecret": {"name": "b", "key": "c"}}}}}, "begins with rediss"),
        ({"auth": {"algorithms": ["ES256"]}}, "ES256 needs jwks.url"),
        ({"push": {"apns": {"bundleId": "a.b"}}}, "exactly one of keySecret and certificateSecret"),
        ({"push": {"apns": {"bundleId": "a.b", "keySecret": {"name": "a", "key": "b"}}}}, "needs keyId and teamId"),
        ({"turn": {"urls": ["turn:a"]}}, "TURN URLs need a secret"),
        ({"limits": {"bytes": "1000/10"}}, "limits.bytes allows less"),
        ({"autoscaling": {"enabled": True, "minReplicas": 11}}, "minReplicas is greater"),
        ({"autoscaling": {"enabled": True, "cpuPercent": 0}}, "nothing to scale by"),
        ({"update": {"maxSurge": "0%"}}, "no pod could ever be replaced"),
        ({"service": {"nodePort": 30000}}, "need type NodePort"),
        ({"ingress": {"enabled": True}}, "name at least one host"),
        ({"route": {"enabled": True}}, "name at least one Gateway"),
        ({"access": {"trustedProxies": ["10.0.0.0/8", "10.1.2.3/8"]}}, "access.trustedProxies: 10.1.2.3/8 is no network"),
        ({"access": {"trustedProxies": ["10.0.0.0/33"]}}, "10.0.0.0/33 is no network"),
        ({"access": {"trustedProxies": ["300.0.0.0/8"]}}, "300.0.0.0/8 is no network"),
        ({"service": {"type": "LoadBalancer", "loadBalancerSourceRanges": ["192.168.1.0/16"]}}, "192.168.1.0/16 is no network"),
        ({"pod": {"env": [{"name": "PORT", "value": "1"}]}}, "PORT is the chart's own"),
    ],
    ids=lambda one: one if isinstance(one, str) else "",
)
def test_what_cannot_work_is_told_before_anything_is_made(values: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=re.escape(said)):
        render(CHARTS / "carillon", values)


def test_every_network_is_taken() -> None:
    of_every_size = [str(ip_network(("203.255.113.171", bits), strict=False)) for bits in range(33)]
    render(CHARTS / "carillon", {"access": {"trustedProxies": [*of_every_size, "10.1.2.3", "fd00::/8"]}})


def test_two_of_one_release_share_no_pods() -> None:
    """As a parent chart's two dependencies on this one, by their aliases."""
    eu, us = (objects(render(CHARTS / "carillon", {"fullnameOverride": name})) for name in ("eu", "us"))
    labels = [one["spec"]["template"]["metadata"]["labels"] for one in eu if one["kind"] == "Deployment"]
    selectors = [one["spec"]["selector"] for one in us if one["kind"] == "Service"]
    assert labels
    assert selectors
    assert not [1 for selector in selectors for given in labels if selector.items() <= given.items()]


def test_secrets_are_made_by_a_hook_only_where_they_are_needed() -> None:
    def made(path: str) -> list[str]:
        jobs = [one for one in rendered("carillon", VALUES / "carillon" / f"{path}.yaml") if one["kind"] == "Job"]
        return [container["command"][-1] for job in jobs for container in job["spec"]["template"]["spec"]["containers"]]

    assert made("minimal") == ["calls-carillon-jwt", "calls-carillon-redis"]
    assert made("production") == ["signaling-redis"]
    assert made("external") == []
    assert not [one for one in rendered("carillon", VALUES / "carillon" / "minimal.yaml") if one["kind"] == "Secret"]


# ---------------------------------------------------------------- the operator


@pytest.mark.parametrize("path", sorted((VALUES / "carillon-operator").glob("*.yaml")), ids=lambda path: path.stem)
def test_the_operator_understands_its_arguments(path: Path) -> None:
    deployment = next(one for one in rendered("carillon-operator", path) if one["kind"] == "Deployment")
    container = deployment["spec"]["template"]["spec"]["containers"][0]
    told = options(container["args"], {"POD_NAME": "pod-1", "POD_NAMESPACE": "voice"})
    assert told.namespaces == tuple(load(path).get("watchNamespaces", ()))
    assert told.metrics_port == container["ports"][0]["containerPort"]
    assert (told.identity, told.home, told.lease) == ("pod-1", "voice", deployment["metadata"]["name"])
    served = load(path).get("metricsApi", {}).get("enabled", False)
    services = [one["metadata"]["name"] for one in rendered("carillon-operator", path) if one["kind"] == "APIService"]
    assert bool(told.metrics_api) == bool(services) == served
    assert ":" in told.server_image
    assert ":" in told.redis_image


def test_the_whole_cluster_is_served_by_one_cluster_role() -> None:
    found = rendered("carillon-operator", VALUES / "carillon-operator" / "minimal.yaml")
    roles = {one["metadata"]["name"]: one["rules"] for one in found if one["kind"] in ("Role", "ClusterRole")}
    assert roles["voice:calls-carillon-operator"] == rbac.rules(rbac.SCOPE)
    assert roles["calls-carillon-operator-home"] == rbac.rules(rbac.HOME)


def test_the_metrics_api_brings_its_rights_and_leads_to_the_operator() -> None:
    found = rendered("carillon-operator", VALUES / "carillon-operator" / "everything.yaml")
    rules = [one["rules"] for one in found if one["kind"] in ("Role", "ClusterRole")]
    assert rbac.rules(rbac.METRICS_API) in rules
    assert rbac.rules((*rbac.HOME, *rbac.METRICS_HOME)) in rules
    container = next(one for one in found if one["kind"] == "Deployment")["spec"]["template"]["spec"]["containers"][0]
    told = options(container["args"], {})
    assert {"name": "metrics-api", "containerPort": told.metrics_api_port, "protocol": "TCP"} in container["ports"]
    for one in (one for one in found if one["kind"] == "APIService"):
        assert (one["spec"]["service"]["name"], one["spec"]["service"]["namespace"]) == (told.metrics_api, "voice")
        assert one["metadata"]["name"] == f"{one['spec']['version']}.{one['spec']['group']}"


def test_named_namespaces_need_no_right_beyond_them() -> None:
    found = rendered("carillon-operator", VALUES / "carillon-operator" / "namespaced.yaml")
    assert not [one for one in found if one["kind"].startswith("Cluster") or one["kind"] == "CustomResourceDefinition"]
    roles = [one for one in found if one["kind"] == "Role" and one["rules"] == rbac.rules(rbac.SCOPE)]
    assert [one["metadata"]["namespace"] for one in roles] == ["voice", "video"]


def test_the_definition_is_the_generated_one_and_kept() -> None:
    found = rendered("carillon-operator", VALUES / "carillon-operator" / "minimal.yaml")
    crd = next(one for one in found if one["kind"] == "CustomResourceDefinition")
    assert crd["spec"] == definition()["spec"]
    assert crd["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"}


def test_the_test_declares_what_the_operator_decodes() -> None:
    found = rendered("carillon-operator", VALUES / "carillon-operator" / "everything.yaml")
    declared_ = next(one for one in found if one["kind"] == "SignalingCluster")
    assert decode(declared_).spec.replicas == 1
