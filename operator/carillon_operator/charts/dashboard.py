"""The dashboards for Grafana: what their panels ask, laid out by rule."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

WIDTH, ROW = 24, 8
"""Of Grafana's grid, and the height of a panel."""
HERE = 'namespace=~"$namespace", job=~"$job"'
"""What the variables at the top choose."""


@dataclass(frozen=True, slots=True)
class Panel:
    """queries: legend → PromQL, in which HERE stands for the chosen services. unit: as Grafana names it. wide: of WIDTH."""

    title: str
    queries: dict[str, str]
    unit: str = "short"
    about: str = ""
    wide: int = 8


def _rate(metric: str, by: str = "", more: str = "") -> str:
    return f"sum{f' by ({by})' if by else ''} (rate({metric}{{HERE{more}}}[$__rate_interval]))"


def _quantile(metric: str, quantile: float, by: str = "", more: str = "") -> str:
    return f"histogram_quantile({quantile}, {_rate(f'{metric}_bucket', f'{by}, le' if by else 'le', more)})"


def _quantiles(metric: str, more: str = "") -> dict[str, str]:
    return {f"p{quantile * 100:g}": _quantile(metric, quantile, more=more) for quantile in (0.5, 0.99)}


SERVER = (
    ("Now", (
        Panel("Connections", {"{{protocol}}": "sum by (protocol) (carillon_connections{HERE})"}, about="What scaling goes by."),
        Panel("Connections per pod", {"{{pod}}": "sum by (pod) (carillon_connections{HERE})"}),
        Panel("Redis", {"{{pod}}": "min by (pod) (carillon_redis_up{HERE})"}, about="1: the pod's lease was renewed at its last try."),
    )),
    ("Calls", (
        Panel("Calls", {
            "started": _rate("carillon_calls_started_total"),
            "accepted": _rate("carillon_calls_accepted_total"),
        }, "cps"),
        Panel("Calls ended, by cause", {"{{outcome}}": _rate("carillon_calls_ended_total", "outcome")}, "cps", "`lost`: nobody did."),
        Panel("Set-up", _quantiles("carillon_call_setup_seconds"), "s", "What callers wait for until the other side is called."),
        Panel("Ringing", {"{{outcome}}": _quantile("carillon_call_ring_seconds", 0.5, "outcome")}, "s", "Half rang no longer."),
        Panel("Duration", _quantiles("carillon_call_duration_seconds"), "s"),
        Panel("Relay", {"p99 {{path}}": _quantile("carillon_relay_seconds", 0.99, "path")}, "s", "From read to delivered."),
    )),
    ("Connections", (
        Panel("Attempts to connect", {"{{result}}": _rate("carillon_connects_total", "result")}, "cps"),
        Panel("Closes, by code", {"{{code}}": _rate("carillon_closes_total", "code")}, "cps"),
        Panel("Comebacks", {
            "{{result}}": _rate("carillon_resumes_total", "result"),
            "replayed messages": _rate("carillon_replayed_total"),
        }, "cps"),
        Panel("Messages", {"{{type}}": _rate("carillon_messages_total", "type")}, "cps"),
        Panel("Refusals and limits", {
            "{{code}}": _rate("carillon_refusals_total", "code"),
            "limit {{limit}}": _rate("carillon_limited_total", "limit"),
        }, "cps"),
        Panel("Slow readers cut off", {"{{pod}}": _rate("carillon_backlog_aborts_total", "pod")}, "cps"),
    )),
    ("Redis and deadlines", (
        Panel("Redis, p99 by script", {"{{script}}": _quantile("carillon_redis_command_seconds", 0.99, "script")}, "s"),
        Panel("Redis errors", {"{{kind}}": _rate("carillon_redis_errors_total", "kind")}, "cps"),
        Panel("Lateness, p99", {"{{kind}}": _quantile("carillon_deadline_lateness_seconds", 0.99, "kind")}, "s"),
        Panel("Holds", {"holds": "sum (increase(carillon_ledger_holds_total{HERE}[$__rate_interval]))"}, about="Redis was away."),
    )),
    ("Push", (
        Panel("Pushes", {"{{provider}} {{kind}} {{result}}": _rate("carillon_pushes_total", "provider, kind, result")}, "cps", wide=12),
        Panel("Providers, p99", {"{{provider}}": _quantile("carillon_push_request_seconds", 0.99, "provider")}, "s", wide=12),
    )),
    ("Pods", (
        Panel("CPU", {"{{pod}}": _rate("process_cpu_seconds_total", "pod")}, about="Cores; one is all that a pod can use."),
        Panel("Memory", {"{{pod}}": "sum by (pod) (process_resident_memory_bytes{HERE})"}, "bytes"),
        Panel("Event loop, p99", {"{{pod}}": _quantile("carillon_loop_lag_seconds", 0.99, "pod")}, "s", "How late it ran what was due."),
        Panel("Draining", {"{{pod}}": "max by (pod) (carillon_draining{HERE})"}, about="1: the pod is sending its clients away."),
    )),
)  # fmt: skip

OPERATOR = (
    ("Operator", (
        Panel("SignalingClusters", {"served": "max (carillon_operator_resources{HERE})"}),
        Panel("Leader", {"{{pod}}": "max by (pod) (carillon_operator_leading{HERE})"}),
        Panel("Waiting for a pass", {"{{pod}}": "max by (pod) (carillon_operator_queue{HERE})"}),
        Panel("Passes", {"{{result}}": _rate("carillon_operator_passes_total", "result")}, "cps", wide=6),
        Panel("Length of a pass", _quantiles("carillon_operator_pass_seconds"), "s", wide=6),
        Panel("Rounds that the watch lags", {"{{pod}}": "max by (pod) (carillon_operator_watch_lag_rounds{HERE})"}, wide=6),
        Panel("Silent nodes", {"nodes": "max (carillon_operator_silent_nodes{HERE})"}, about="Led around.", wide=6),
        Panel("API calls", {"{{verb}} {{resource}}": _rate("carillon_operator_api_calls_total", "verb, resource")}, "cps", "", 12),
        Panel("Answers", {"{{code}}": _rate("carillon_operator_api_calls_total", "code")}, "cps", wide=12),
        Panel("CPU", {"{{pod}}": _rate("process_cpu_seconds_total", "pod")}, wide=12),
        Panel("Memory", {"{{pod}}": "sum by (pod) (process_resident_memory_bytes{HERE})"}, "bytes", wide=12),
    )),
)  # fmt: skip

DASHBOARDS = {
    "carillon": ("Carillon", "carillon_redis_up", SERVER),
    "carillon-operator": ("Carillon operator", "carillon_operator_leading", OPERATOR),
}
"""By name: title, the metric that every pod has, and rows of panels."""


def dashboard(name: str) -> str:
    """As JSON for Grafana 10 and later; the Prometheus is chosen at the top."""
    title, witness, rows = DASHBOARDS[name]
    found = {
        "uid": name,
        "title": title,
        "tags": ["carillon"],
        "timezone": "browser",
        "schemaVersion": 39,
        "refresh": "30s",
        "time": {"from": "now-3h", "to": "now"},
        "templating": {"list": [_source(), _variable("namespace", witness, ""), _variable("job", witness, 'namespace=~"$namespace"')]},
        "panels": _panels(rows),
    }
    return json.dumps(found, indent=1) + "\n"


def _panels(rows: Sequence[tuple[str, Sequence[Panel]]]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    top = 0
    for title, panels in rows:
        found.append({"id": len(found) + 1, "type": "row", "title": title, "gridPos": {"x": 0, "y": top, "w": WIDTH, "h": 1}, "panels": []})
        top, left = top + 1, 0
        for one in panels:
            if left + one.wide > WIDTH:
                top, left = top + ROW, 0
            found.append(_panel(one, len(found) + 1, {"x": left, "y": top, "w": one.wide, "h": ROW}))
            left += one.wide
        top += ROW
    return found


def _panel(panel: Panel, number: int, place: dict[str, int]) -> dict[str, Any]:
    targets = [
        {"refId": chr(ord("A") + at), "expr": query.replace("HERE", HERE), "legendFormat": legend}
        for at, (legend, query) in enumerate(panel.queries.items())
    ]
    return {
        "id": number,
        "type": "timeseries",
        "title": panel.title,
        "description": panel.about,
        "datasource": {"type": "prometheus", "uid": "${source}"},
        "gridPos": place,
        "fieldConfig": {"defaults": {"unit": panel.unit, "min": 0}, "overrides": []},
        "targets": targets,
    }


def _source() -> dict[str, Any]:
    return {"name": "source", "label": "Prometheus", "type": "datasource", "query": "prometheus"}


def _variable(name: str, witness: str, within: str) -> dict[str, Any]:
    query = f"label_values({witness}{f'{{{within}}}' if within else ''}, {name})"
    return {
        "name": name,
        "type": "query",
        "datasource": {"type": "prometheus", "uid": "${source}"},
        "query": {"query": query, "refId": name},
        "refresh": 2,
        "multi": True,
        "includeAll": True,
    }
