"""Helm as its users run it, and other tools: on the PATH, else built once into the cache that `tests/cluster` fills."""

import functools
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from cluster.build import tool
from cluster.paths import BIN

CHARTS = Path(__file__).parents[2] / "charts"
KUBERNETES = "1.34.0"
"""What charts are rendered for where no cluster is asked."""


@functools.cache
def program(name: str = "helm") -> str:
    """One of cluster.build.TOOLS. Raises RuntimeError, saying how to get it, where it can neither be found nor built."""
    for place in (shutil.which(name), str(BIN / name)):
        if place and os.access(place, os.X_OK):
            return place
    if not shutil.which("go"):
        raise RuntimeError(f"no {name} on the PATH, and no Go to build it with: install one of them")
    return str(tool(name))


def helm(*words: object, kubeconfig: Path | None = None) -> "subprocess.CompletedProcess[str]":
    """Whose failure is an answer. Nothing of this machine's own configuration is read."""
    with tempfile.TemporaryDirectory() as home:
        environ = {"PATH": os.environ["PATH"], "HOME": home, "KUBECONFIG": str(kubeconfig or Path(home) / "none")}
        return subprocess.run([program(), *map(str, words)], capture_output=True, text=True, env=environ, timeout=120, check=False)


def render(chart: Path, values: Mapping[str, Any] | None = None, *, name: str = "calls", namespace: str = "voice", **more: str) -> str:
    """Everything, hooks included. Raises ValueError with Helm's words."""
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        yaml.safe_dump(dict(values or {}), file)
        file.flush()
        flags = [f"--{flag.replace('_', '-')}={value}" for flag, value in more.items()]
        done = helm("template", name, chart, "--namespace", namespace, "--kube-version", KUBERNETES, "--values", file.name, *flags)
    if done.returncode:
        raise ValueError(done.stderr)
    return done.stdout


def objects(text: str) -> list[dict[str, Any]]:
    # libyaml's is ten times faster: the CustomResourceDefinition is long.
    return [one for one in yaml.load_all(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)) if one]
