"""What the charts render, as a real API server takes it: strictly, and under the Pod Security Standard `restricted`."""

import functools
import ssl
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from harness.apiserver import ApiServer
from harness.helm import CHARTS, objects, render

from carillon.secret import NotMade, create, manifest
from carillon_operator.crd import definition

VALUES = Path(__file__).parent / "values"
CASES = [pytest.param(path.parent.name, path, id=f"{path.parent.name}-{path.stem}") for path in sorted(VALUES.glob("*/*.yaml"))]
RESTRICTED = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "warn")}


@pytest.fixture(scope="module")
def server(api: ApiServer) -> ApiServer:
    api.install(definition())
    for name in ("voice", "video"):
        api.call("POST", "/api/v1/namespaces", {"metadata": {"name": name, "labels": RESTRICTED}})
    return api


@functools.cache
def kinds(server: ApiServer, version: str) -> dict[str, tuple[str, bool]]:
    """Kind → plural and whether it is namespaced."""
    found = server.call("GET", root(version))["resources"]
    return {one["kind"]: (one["name"], one["namespaced"]) for one in found if "/" not in one["name"]}


def root(version: str) -> str:
    return f"/api/{version}" if version == "v1" else f"/apis/{version}"


def refusal(server: ApiServer, body: dict[str, Any]) -> str:
    plural, namespaced = kinds(server, body["apiVersion"])[body["kind"]]
    place = f"/namespaces/{body['metadata']['namespace']}" if namespaced else ""
    return server.refusal("POST", f"{root(body['apiVersion'])}{place}/{plural}?dryRun=All&fieldValidation=Strict", body)


@functools.cache
def text(chart: str, path: Path) -> str:
    return render(CHARTS / chart, yaml.safe_load(path.read_text()) or {})


def rendered(chart: str, path: Path) -> list[dict[str, Any]]:
    return objects(text(chart, path))


@pytest.mark.parametrize(("chart", "path"), CASES)
def test_every_object_is_taken(server: ApiServer, chart: str, path: Path) -> None:
    for one in rendered(chart, path):
        if one["kind"] == "CustomResourceDefinition":
            # There already; that it is valid was seen when it was installed.
            continue
        assert refusal(server, one) == "", (one["kind"], one["metadata"]["name"])


@pytest.mark.parametrize(("chart", "path"), CASES)
def test_every_pod_is_restricted(server: ApiServer, chart: str, path: Path) -> None:
    for one in rendered(chart, path):
        template = one if one["kind"] == "Pod" else one.get("spec", {}).get("template")
        if template and "containers" in template.get("spec", {}):
            for claim in one["spec"].get("volumeClaimTemplates", []):
                template["spec"]["volumes"].append({"name": claim["metadata"]["name"], "emptyDir": {}})
            metadata = {"name": "pod", "namespace": "voice", "labels": template["metadata"].get("labels", {})}
            assert refusal(server, {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]}) == ""


def test_an_api_server_would_have_refused_others(server: ApiServer) -> None:
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "pod", "namespace": "voice"}}
    assert "PodSecurity" in refusal(server, pod | {"spec": {"containers": [{"name": "a", "image": "b"}]}})
    assert "unknown field" in refusal(server, pod | {"spec": {"containers": [], "bogus": 1}})


def test_the_hook_may_make_secrets_and_do_nothing_else(server: ApiServer) -> None:
    """By the account and the rights that the chart gives it; a second run changes nothing."""
    made = {"ServiceAccount": "serviceaccounts", "Role": "roles", "RoleBinding": "rolebindings"}
    for one in rendered("carillon", VALUES / "carillon" / "minimal.yaml"):
        if one["metadata"]["name"].endswith("-secrets") and one["kind"] in made:
            server.call("POST", f"{root(one['apiVersion'])}/namespaces/voice/{made[one['kind']]}", one)
    request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
    token = server.call("POST", "/api/v1/namespaces/voice/serviceaccounts/calls-carillon-secrets/token", request)["status"]["token"]
    secrets = "/api/v1/namespaces/voice/secrets"
    with httpx.Client(
        base_url=server.url, headers={"Authorization": f"Bearer {token}"}, verify=ssl.create_default_context(cafile=server.ca)
    ) as client:
        attempts = iter([True] * 50)
        assert create(client, "voice", manifest("keyring", "calls-jwt", {"a": "b"}), lambda: next(attempts))
        first = server.call("GET", f"{secrets}/calls-jwt")
        assert not create(client, "voice", manifest("keyring", "calls-jwt", {}), lambda: False)
        assert server.call("GET", f"{secrets}/calls-jwt") == first
        assert client.get(f"{secrets}/calls-jwt").status_code == 403
        with pytest.raises(NotMade, match="403"):
            create(client, "default", manifest("keyring", "calls-jwt", {}), lambda: False)
