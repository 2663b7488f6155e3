"""Where the cluster keeps its things, which addresses it takes, and how it runs commands."""

import os
import subprocess
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
CACHE = Path(os.environ.get("CLUSTER_CACHE", Path.home() / ".cache/carillon-cluster"))
STATE = Path(os.environ.get("CLUSTER_STATE", "/var/lib/carillon-cluster"))
BIN = CACHE / "bin"
ADMIN = STATE / "admin.conf"
PKI = STATE / "pki"

BRIDGE, HOST_IP, NODES = "carillon0", "198.18.0.1", "198.18.0.0/15"
"""Of RFC 2544, for tests between machines: no network that this machine is in uses it."""
SERVICES, PODS = "10.96.0.0/16", "10.244.0.0/16"
API_PORT = 6443
PAUSE_IMAGE = "localhost/pause:1"
VOLUMES = Path("/tmp/hostpath_pv")
"""Fixed in the controller manager's host-path provisioner."""


def node_ip(index: int) -> str:
    return f"198.18.0.{index + 1}"


def pods_of(index: int) -> str:
    return f"10.244.{index}.0/24"


def stock() -> bool:
    """Whether Kubernetes' own delays are kept."""
    return (STATE / "stock").exists()


def run(*command: object, **options: Any) -> "subprocess.CompletedProcess[str]":
    """Raises CalledProcessError."""
    return subprocess.run([str(part) for part in command], check=True, text=True, **options)


def quiet(*command: object) -> "subprocess.CompletedProcess[str]":
    """Whose failure is an answer."""
    return subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False)


def write(path: Path | str, text: str) -> Path:
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path
