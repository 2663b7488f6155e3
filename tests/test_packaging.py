"""What is shipped: the wheel's contents, locks, the Dockerfile, the compose file."""

import re
import subprocess
import sys
import tomllib
import zipfile
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest
import yaml

import carillon

ROOT = Path(__file__).parents[1]


def test_the_wheel_holds_scripts_and_both_packages(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)], cwd=ROOT, check=True, capture_output=True
    )
    (wheel,) = tmp_path.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {
        "carillon/store/lua/commit.lua",
        "carillon/store/lua/_prelude.lua",
        "carillon/py.typed",
    } <= names
    assert any(name.startswith("carillon_operator/") for name in names)
    assert not any(name.startswith(("tests/", "bench/", "examples/", "clients/")) for name in names)


def test_everything_bears_the_same_version() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert carillon.__version__ == version
    for chart in ("carillon", "carillon-operator"):
        described = yaml.safe_load((ROOT / "charts" / chart / "Chart.yaml").read_text())
        assert (described["version"], described["appVersion"]) == (version, version)
    assert f"TAG={version} " in (ROOT / "README.md").read_text()
    assert version in (ROOT / "CHANGELOG.md").read_text()


@pytest.mark.parametrize("name", ["dev", "server", "operator", "build"])
def test_locks_pin_every_package_with_hashes_and_name_no_registry(name: str) -> None:
    text = (ROOT / "requirements" / f"{name}.lock").read_text()
    pinned = re.findall(r"^[a-zA-Z0-9._-]+==[^\s;\\]+", text, re.MULTILINE)
    assert pinned
    assert text.count("--hash=sha256:") >= len(pinned)
    assert "http://" not in text
    assert "https://" not in text
    assert not re.search(r"^--?(index|extra-index|find-links|i |f )", text, re.MULTILINE)


def test_locks_satisfy_what_the_project_asks_for() -> None:
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    for extra in ("server", "operator"):
        locked = (ROOT / "requirements" / f"{extra}.lock").read_text().lower()
        for requirement in wanted[extra]:
            name = re.split(r"[\[<>=~; ]", requirement)[0].lower()
            assert re.search(rf"^{re.escape(name)}==", locked, re.MULTILINE), f"{name} is not in {extra}.lock: make lock"


def test_the_image_runs_as_nobody_and_needs_no_shell() -> None:
    text = (ROOT / "Dockerfile").read_text()
    assert text.splitlines()[0] == "ARG PYTHON_IMAGE=python:3.13-slim"
    assert "USER 65532:65532" in text
    for line in re.findall(r"^(?:ENTRYPOINT|CMD|\s+CMD) (.*)$", text, re.MULTILINE):
        assert line.startswith("["), line
    assert {"server", "operator"} <= set(re.findall(r"^FROM \S+ AS (\S+)$", text, re.MULTILINE))


def test_compose_has_the_reference_profile() -> None:
    services = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
    assert services["server"]["read_only"]
    assert services["server-2"]["profiles"] == services["caddy"]["profiles"] == ["scaling"]
    assert services["redis"]["healthcheck"]
    assert "profiles" not in services["server"]


def test_compose_trusts_its_own_proxy_and_nobody_else() -> None:
    """Without it all users behind Caddy share its address, and the limits of one another."""
    compose = yaml.safe_load((ROOT / "compose.yaml").read_text())
    caddy = compose["services"]["caddy"]["networks"]["default"]["ipv4_address"]
    for name in ("server", "server-2"):
        assert compose["services"][name]["environment"]["TRUSTED_PROXIES"] == f"${{TRUSTED_PROXIES:-{caddy}}}"
    (pool,) = compose["networks"]["default"]["ipam"]["config"]
    assert ip_address(caddy) in ip_network(pool["subnet"])
    assert ip_address(caddy) not in ip_network(pool["ip_range"])


def test_every_link_between_documents_leads_somewhere() -> None:
    pages = [
        ROOT / "README.md",
        ROOT / "ARCHITECTURE.md",
        *ROOT.glob("docs/*.md"),
        *ROOT.glob("docs/decisions/*.md"),
        *ROOT.glob("clients/web/*.md"),
    ]
    broken = []
    for page in pages:
        for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text()):
            written_by_make_bench = target.startswith("docs/benchmarks/")
            if "://" not in target and not written_by_make_bench and not (page.parent / target).exists():
                broken.append(f"{page.relative_to(ROOT)}: {target}")
    assert broken == []
