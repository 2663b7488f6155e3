"""Alerts and dashboards: they ask for metrics that there are, and alerts fire when they should and only then."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from harness.helm import CHARTS, program

from carillon.telemetry import Metrics
from carillon.telemetry.instruments import Counter, Histogram
from carillon_operator.metrics import Own

ROOT = Path(__file__).parents[2]
ALERTS = {"carillon": "server", "carillon-operator": "operator"}
"""The chart whose own alerts they are → the file of their data."""
DASHBOARDS = [CHARTS / "carillon" / "files" / "dashboard.json", CHARTS / "carillon-operator" / "files" / "dashboard.json"]
TARGET = {"namespace", "job", "pod"}
"""Labels that a ServiceMonitor gives to all it reads."""
SELECTED = re.compile(r"\b((?:carillon|process|aggregator)_[a-z_]+)(?:\{([^}]*)\})?")
MATCHER = re.compile(r'(\w+)\s*(=~|=)\s*"([^"]*)"')
GROUPED = re.compile(r"\bby \(([^)]*)\)")


def exported() -> dict[str, set[str]]:
    """Name of every series that server and operator serve → its labels."""
    found: dict[str, set[str]] = {"process_cpu_seconds_total": set(), "process_resident_memory_bytes": set()}
    # Of the API server (staging/src/k8s.io/kube-aggregator/pkg/controllers/status/metrics).
    found["aggregator_unavailable_apiservice"] = {"name"}
    for one in Metrics():
        suffix = "_total" if isinstance(one, Counter) else "_bucket" if isinstance(one, Histogram) else ""
        found[one.info.prometheus + suffix] = {*one.info.labels, *({"le"} if isinstance(one, Histogram) else ())}
    for family in Own().registry.collect():
        if family.name.startswith("carillon_"):
            suffix = {"counter": "_total", "histogram": "_bucket"}.get(family.type, "")
            found[family.name + suffix] = {"le"} if suffix == "_bucket" else set()
    # prometheus-client shows no labels before the first count.
    found["carillon_operator_api_calls_total"] = {"verb", "resource", "code"}
    found["carillon_operator_passes_total"] = {"result"}
    return found


def values() -> dict[tuple[str, str], set[str]]:
    """(series, label) → the values that it has from the start."""
    found: dict[tuple[str, str], set[str]] = {}
    for one in Metrics():
        suffix = "_total" if isinstance(one, Counter) else "_bucket" if isinstance(one, Histogram) else ""
        for key in [entry[0] for entry in one.read()]:
            for label, value in zip(one.info.labels, key, strict=True):
                found.setdefault((one.info.prometheus + suffix, label), set()).add(value)
    return found


def rules(chart: str) -> list[dict[str, Any]]:
    found = yaml.safe_load((CHARTS / chart / "files" / "alerts.yaml").read_text())
    return [rule for group in found["groups"] for rule in group["rules"]]


def queries() -> Iterator[tuple[str, str]]:
    for chart in ALERTS:
        for rule in rules(chart):
            yield rule["alert"], rule["expr"]
    for path in DASHBOARDS:
        for panel in json.loads(path.read_text())["panels"]:
            for target in panel.get("targets", []):
                yield f"{path.parts[-3]} {panel['title']} {target['refId']}", target["expr"]


@pytest.mark.parametrize(("name", "query"), [pytest.param(*one, id=one[0]) for one in queries()])
def test_a_query_asks_for_what_is_exported(name: str, query: str) -> None:
    known, some = exported(), values()
    asked = SELECTED.findall(query)
    assert asked, name
    labels = set(TARGET)
    for metric, matchers in asked:
        assert metric in known, metric
        labels |= known[metric]
        for label, how, value in MATCHER.findall(matchers):
            assert label in known[metric] | TARGET, f"{metric} has no label {label}"
            if (metric, label) in some:
                wanted = set(value.split("|")) if how == "=~" else {value}
                assert wanted <= some[metric, label], f"{metric} has no {label} of {wanted}"
    for group in GROUPED.findall(query):
        assert {one.strip() for one in group.split(",")} <= labels, group


def test_prometheus_takes_every_query_of_the_dashboards(tmp_path: Path) -> None:
    found = [{"record": f"q:{at}", "expr": query.replace("$__rate_interval", "5m")} for at, (_, query) in enumerate(queries())]
    path = tmp_path / "queries.yaml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "queries", "rules": found}]}))
    done = subprocess.run([program("promtool"), "check", "rules", path], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr + done.stdout


@pytest.mark.parametrize("data", ALERTS.values())
def test_alerts_fire_when_they_should_and_for_nobody_else(data: str) -> None:
    path = Path(__file__).parent / "alerts" / f"{data}.yaml"
    done = subprocess.run([program("promtool"), "test", "rules", path], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("chart", ALERTS)
def test_every_alert_has_data_that_it_is_tried_on_and_a_page(chart: str) -> None:
    names = [rule["alert"] for rule in rules(chart)]
    data = yaml.safe_load((Path(__file__).parent / "alerts" / f"{ALERTS[chart]}.yaml").read_text())
    assert list(dict.fromkeys(one["name"].split(",")[0] for one in data["tests"])) == names
    pages = re.findall(r"^## (Carillon\w+)$", (ROOT / "docs" / "runbook.md").read_text(), re.MULTILINE)
    assert [one for one in pages if one in names] == names
    every = {rule["alert"] for one in ALERTS for rule in rules(one)}
    assert set(pages) == every


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.parts[-3])
def test_panels_of_a_dashboard_do_not_overlap(path: Path) -> None:
    taken: set[tuple[int, int]] = set()
    found = json.loads(path.read_text())
    for panel in found["panels"]:
        place = panel["gridPos"]
        cells = {(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])}
        assert not cells & taken, panel["title"]
        assert place["x"] + place["w"] <= 24
        taken |= cells
    assert len({panel["id"] for panel in found["panels"]}) == len(found["panels"])
