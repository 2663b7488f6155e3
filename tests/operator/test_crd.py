"""The CustomResourceDefinition: current, and such as API servers of any age and load can live with."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from carillon_operator.crd import definition
from carillon_operator.crd.__main__ import FILES

ROOT = Path(__file__).parents[2]


def parts(schema: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    yield path, schema
    for name, one in schema.get("properties", {}).items():
        yield from parts(one, f"{path}.{name}")
    for name in ("items", "additionalProperties"):
        if name in schema:
            yield from parts(schema[name], f"{path}[]")


@pytest.fixture(scope="module")
def version() -> dict[str, Any]:
    found: dict[str, Any] = definition()["spec"]["versions"][0]
    return found


@pytest.fixture(scope="module")
def root(version: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = version["schema"]["openAPIV3Schema"]
    return found


@pytest.mark.parametrize("path", FILES, ids=str)
def test_generated_files_are_current(path: Path) -> None:
    assert (ROOT / path).read_text() == FILES[path](), "run: python -m carillon_operator.crd write"


def test_every_field_is_described_and_every_value_bounded(root: dict[str, Any]) -> None:
    wrong = []
    for path, one in parts({"properties": {name: root["properties"][name] for name in ("spec", "status")}, "type": "object"}):
        if path and not path.endswith("[]") and not one.get("description", "").endswith((".", "…")):
            wrong.append(f"{path}: no sentence")
        kind = one.get("type")
        bounded = {
            "string": "maxLength" in one or "enum" in one,
            "integer": "minimum" in one and "maximum" in one,
            "array": "maxItems" in one,
            "object": "properties" in one or "maxProperties" in one,
            "boolean": True,
            None: one.get("x-kubernetes-int-or-string") and "maxLength" in one,
        }[kind]
        if not bounded:
            wrong.append(f"{path}: no bound")
    assert not wrong


def test_it_is_structural(root: dict[str, Any]) -> None:
    for path, one in parts(root):
        assert "x-kubernetes-preserve-unknown-fields" not in one, path
        assert not {"oneOf", "anyOf", "allOf", "$ref"} & one.keys(), path
        assert not ("properties" in one and "additionalProperties" in one), path
        for key in one.get("x-kubernetes-list-map-keys", []):
            assert key in one["items"]["required"], path


def test_optional_objects_take_null_and_redis_has_no_default(root: dict[str, Any]) -> None:
    spec = root["properties"]["spec"]
    assert spec["properties"]["redis"]["nullable"]
    assert "default" not in spec["properties"]["redis"]
    for name in ("managed", "external"):
        assert spec["properties"]["redis"]["properties"][name]["nullable"]
        assert "default" not in spec["properties"]["redis"]["properties"][name]


def test_rules_stand_on_fields_save_the_name(root: dict[str, Any]) -> None:
    assert [rule["rule"] for rule in root["x-kubernetes-validations"]] == [
        "self.metadata.name.matches('^[a-z]([-a-z0-9]{0,38}[a-z0-9])?$')"
    ]
    assert "x-kubernetes-validations" not in root["properties"]["spec"]
    assert {"rule": "has(self.managed) != has(self.external)", "message": "exactly one of managed and external"} in root["properties"][
        "spec"
    ]["properties"]["redis"]["x-kubernetes-validations"]


def test_it_scales(version: dict[str, Any], root: dict[str, Any]) -> None:
    assert version["subresources"]["scale"] == {
        "specReplicasPath": ".spec.replicas",
        "statusReplicasPath": ".status.replicas",
        "labelSelectorPath": ".status.selector",
    }
    replicas = root["properties"]["spec"]["properties"]["replicas"]
    assert (replicas["default"], replicas["minimum"]) == (2, 1)


def test_people_find_it() -> None:
    names = definition()["spec"]["names"]
    assert names["shortNames"] == ["sigc"]
    assert names["categories"] == ["carillon"]
