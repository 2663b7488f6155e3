"""Every file that is generated without Helm, with what it is to hold."""

import json
from pathlib import Path

from carillon_operator.charts import readme, rules
from carillon_operator.charts.dashboard import dashboard
from carillon_operator.charts.schema import schema
from carillon_operator.charts.values import read
from carillon_operator.crd import as_yaml

LIKE_SPEC = {"carillon": True, "carillon-operator": False}
"""The charts, and whether the values have the names and meanings of a SignalingCluster's spec."""


def files(root: Path) -> dict[Path, str]:
    """root: of the repository. Raises ValueError for a README without marks."""
    found = {}
    for name, like_spec in LIKE_SPEC.items():
        chart = root / "charts" / name
        values = read(chart / "values.yaml")
        made = schema(values, f"Values of the chart {name}", like_spec=like_spec)
        found[chart / "values.schema.json"] = json.dumps(made, indent=2, ensure_ascii=False) + "\n"
        found[chart / "README.md"] = readme.renewed((chart / "README.md").read_text(), values, made)
    operator = root / "charts" / "carillon-operator"
    found[operator / "files" / "crd.yaml"] = as_yaml()
    found[operator / "templates" / "_rules.tpl"] = rules.template()
    service = root / "charts" / "carillon"
    # The operator's chart watches the servers, too.
    found[operator / "files" / "server-alerts.yaml"] = (service / "files" / "alerts.yaml").read_text()
    found[service / "files" / "dashboard.json"] = found[operator / "files" / "server-dashboard.json"] = dashboard("carillon")
    found[operator / "files" / "dashboard.json"] = dashboard("carillon-operator")
    return found
