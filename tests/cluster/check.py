"""Whether this machine can have a cluster: tried, not guessed."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from cluster import lifecycle
from cluster.build import build
from cluster.images import base_image
from cluster.paths import STATE, quiet

NODE = ("containerd", "ctr", "runc", "iptables", "conntrack", "ip", "nsenter", "unshare", "pkill", "mount")
IMAGES = ("buildah", "debootstrap")
PLUGINS = Path("/usr/lib/cni/bridge")
NAMESPACES = ("unshare", "--mount", "--net", "--pid", "--fork", "--mount-proc", "true")
LAST = 2000
"""Characters of a failed program's words."""


def obstacle(nodes: int) -> str:
    """Why there can be no cluster of so many nodes with images built here, in words; empty: there can. Leaves nothing running."""
    if os.geteuid():
        return "it needs root"
    lacking = [name for name in (*NODE, *IMAGES) if not shutil.which(name)] + ([] if PLUGINS.exists() else [str(PLUGINS)])
    if lacking:
        return f"not installed: {', '.join(lacking)}"
    if (denied := quiet(*NAMESPACES)).returncode:
        return f"no namespaces: {denied.stderr.strip()}"
    if lifecycle.is_up():
        return ""
    try:
        build()
        base_image()
        lifecycle.up(nodes)
    except (subprocess.CalledProcessError, OSError, SystemExit) as failure:
        return f"{failure}\n{_words(failure)}"
    finally:
        lifecycle.down()
    return ""


def _words(failure: BaseException) -> str:
    said = getattr(failure, "stderr", None) or ""
    logs = "".join(f"{path}:\n{path.read_text(errors='replace')[-LAST:]}\n" for path in sorted(STATE.glob("node*.log")))
    return f"{said}{logs}".strip()


def main(nodes: int) -> None:
    """Says so, and exits with 1, where there is an obstacle."""
    if why := obstacle(nodes):
        sys.exit(f"no cluster on this machine: {why}")
