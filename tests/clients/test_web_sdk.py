"""The browser SDK: its own tests by Node's runner against real servers, its types, and that what is published is current."""

import gzip
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SDK = Path(__file__).resolve().parents[2] / "clients" / "web"


@pytest.fixture(scope="module")
def tools() -> Path:
    if not shutil.which("npm"):
        pytest.skip("needs Node 20 or later with npm: apt-get install nodejs npm")
    needed = json.loads((SDK / "package.json").read_text())["devDependencies"]
    if not all((SDK / "node_modules" / name).is_dir() for name in needed):
        run("npm", "ci", "--no-audit", "--no-fund")
    return SDK / "node_modules" / ".bin"


LARGEST = 12_800
"""Bytes, minified and gzipped: what a page pays for calls."""


def run(*command: str, seconds: float = 240) -> str:
    environ = os.environ | {"CARILLON_PYTHON": sys.executable}
    ran = subprocess.run(command, cwd=SDK, env=environ, capture_output=True, text=True, timeout=seconds, check=False)
    assert ran.returncode == 0, ran.stdout[-8000:] + ran.stderr[-4000:]
    return ran.stdout


@pytest.mark.parametrize("name", ["core", "session", "calls", "readme"])
def test_node_runner(tools: Path, name: str) -> None:
    run("node", "--test", "--test-timeout=200000", f"test/{name}.test.js")


def test_types_are_strict_and_the_published_ones_current(tools: Path, tmp_path: Path) -> None:
    run(str(tools / "tsc"), "-p", "tsconfig.json")
    run(str(tools / "tsc"), "-p", "tsconfig.types.json", "--outDir", str(tmp_path))
    made = {path.relative_to(tmp_path): path.read_text() for path in tmp_path.rglob("*.d.ts")}
    published = {path.relative_to(SDK / "types"): path.read_text() for path in (SDK / "types").rglob("*.d.ts")}
    assert made == published, "run: npm run types"


def test_a_page_pays_less_than_12_and_a_half_kib(tools: Path) -> None:
    assert len(gzip.compress(run("npm", "run", "--silent", "minify").encode(), 9)) < LARGEST
