"""`make bench` in its form of some seconds, so that it does not rot. Its figures are not looked at."""

import json
import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

ROOT = Path(__file__).parents[2]


def test_a_short_run_measures_everything_and_leaves_its_report(tmp_path: Path) -> None:
    environ = {name: value for name, value in os.environ.items() if name != "GORING_BIN"} | {"PYTHONPATH": "bench"}
    command = [sys.executable, "-m", "carillon_bench", "--short", "--out", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    figures = json.loads((tmp_path / "results.json").read_text())
    assert {"CPU", "Python", "Redis"} <= figures["machine"].keys()
    for samples in figures["calls"].values():
        assert all(sample["complete"] == sample["calls"] > 0 for sample in samples)
    assert all(sample["messages"] > 0 for samples in figures["relay"].values() for sample in samples)
    page = (tmp_path / "README.md").read_text()
    for row in ("Relay on one server", "v1 relay", "Complete call", "Memory of an idle user", "accepts", "users at once", "traced"):
        assert row in page, row
    for plot in ("relay.svg", "connections.svg"):
        assert plot in page
        ElementTree.parse(tmp_path / plot)
