"""Values: nothing unknown, nothing undescribed, and all that is generated from them current."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from harness.helm import CHARTS, render

from carillon_operator.charts.__main__ import stale
from carillon_operator.charts.files import files
from carillon_operator.charts.values import read

both = pytest.mark.parametrize("chart", ["carillon", "carillon-operator"])
UNKNOWN = "bogus"


def schema(chart: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((CHARTS / chart / "values.schema.json").read_text())
    return found


def parts(found: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    yield path, found
    for name, one in found.get("properties", {}).items():
        yield from parts(one, f"{path}.{name}")
    for one in [*found.get("anyOf", []), *([found["items"]] if "items" in found else [])]:
        yield from parts(one, path)


def test_what_is_generated_is_current() -> None:
    assert stale(files(Path(__file__).parents[2])) == [], "run: python -m carillon_operator.charts write"


@both
def test_every_object_is_closed(chart: str) -> None:
    for path, found in parts(schema(chart)):
        if found.get("type") == "object" and path != ".global":
            assert found.get("additionalProperties", True) is not True, path


@both
def test_every_value_is_described_and_bounded(chart: str) -> None:
    for value in (leaf for one in read(CHARTS / chart / "values.yaml") for leaf in one.leaves()):
        assert value.about.endswith((".", "?")) or value.about.endswith("`"), value.name
        assert len(value.about) > 8, value.name


@both
def test_helm_refuses_what_is_unknown_at_every_level(chart: str) -> None:
    def spoiled(found: dict[str, Any]) -> dict[str, Any]:
        inside = {name: spoiled(one) for name, one in found["properties"].items() if "properties" in one and name != "global"}
        return {**inside, UNKNOWN: 1}

    places = [path for path, found in parts(schema(chart)) if "properties" in found and "anyOf" not in found]
    with pytest.raises(ValueError, match="additional properties") as refused:
        render(CHARTS / chart, spoiled(schema(chart)))
    for path in {place for place in places if _direct(schema(chart), place)}:
        assert f"at '{path.replace('.', '/')}': additional properties '{UNKNOWN}' not allowed" in str(refused.value)


def _direct(found: dict[str, Any], path: str) -> bool:
    """Whether the place is reached by names alone, not through the items of a list."""
    for name in filter(None, path.split(".")):
        found = found.get("properties", {}).get(name, {})
    return "properties" in found


@both
@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"image": {"pullPolicy": "Sometimes"}}, "/image/pullPolicy"),
        ({"replicas": 0}, "/replicas"),
        ({"replicas": "two"}, "/replicas"),
        ({"pod": {"resources": {"requests": {"memory": "much"}}}}, "/pod/resources/requests/memory"),
        ({"pod": {"tolerations": [{"kee": "x"}]}}, "/pod/tolerations/0"),
        ({"image": {"digest": "sha256:abc"}}, "/image/digest"),
        ({"fullnameOverride": "A_b"}, "/fullnameOverride"),
        ({"image": {"repository": None}}, "missing property 'repository'"),
    ],
    ids=lambda one: one if isinstance(one, str) else "",
)
def test_helm_refuses_what_is_wrong(chart: str, values: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        render(CHARTS / chart, values)


def test_a_parent_chart_may_hand_down_its_globals() -> None:
    render(CHARTS / "carillon", {"global": {"imageRegistry": "x"}})
