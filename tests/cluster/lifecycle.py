"""The cluster from outside: bring it up and down, and plug nodes into its bridge."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from cluster.build import build
from cluster.paths import ADMIN, BIN, BRIDGE, HERE, HOST_IP, NODES, PODS, SERVICES, STATE, VOLUMES, quiet, run

CGROUPS = Path("/sys/fs/cgroup")
READY_WITHIN = 120.0
"""Seconds."""
SHARES = 16_384
"""Of CPU time, for all pods of a node together; a single process of this machine has 1024, and so would they."""


def node_pids() -> dict[int, int]:
    """Node number to the first process of its namespaces, dead ones included."""
    return {int(path.stem[4:]): int(path.read_text()) for path in STATE.glob("node*.pid")} if STATE.exists() else {}


def alive(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


def is_up() -> bool:
    return any(alive(pid) for pid in node_pids().values())


def up(nodes: int, *, stock_delays: bool = False) -> Path:
    """Returns the administrator's kubeconfig once all nodes are Ready. Leaves the program if there is a cluster already."""
    if is_up():
        sys.exit("a cluster is already up: `down` first")
    down()
    build()
    STATE.mkdir(parents=True)
    (STATE / "nodes").write_text(str(nodes))
    if stock_delays:
        (STATE / "stock").touch()
    run("ip", "link", "add", BRIDGE, "type", "bridge")
    run("ip", "addr", "add", f"{HOST_IP}/24", "dev", BRIDGE)
    run("ip", "link", "set", BRIDGE, "up")
    for network in (NODES, SERVICES, PODS):  # nothing meant for the cluster may leave the machine
        quiet("ip", "route", "add", "unreachable", network, "metric", "4000")
    for index in range(1, nodes + 1):
        launch(index)
    _await_ready(nodes)
    return ADMIN


def _await_ready(nodes: int) -> None:
    kubectl = (BIN / "kubectl", "--kubeconfig", ADMIN)
    deadline = time.monotonic() + READY_WITHIN
    while time.monotonic() < deadline:
        found = json.loads(quiet(*kubectl, "get", "nodes", "-o", "json").stdout or '{"items": []}')["items"]
        ready = [one for node in found for one in node["status"]["conditions"] if one["type"] == "Ready" and one["status"] == "True"]
        if len(ready) == nodes and quiet(*kubectl, "-n", "default", "get", "serviceaccount", "default").returncode == 0:
            return
        time.sleep(0.3)
    sys.exit(f"nodes not ready: see {STATE}/node*/*.log")


def launch(index: int) -> None:
    """Start a node's first process in namespaces of its own and plug it into the bridge."""
    shutil.rmtree(STATE / f"node{index}/run", ignore_errors=True)  # a machine that starts has an empty /run
    for controller in CGROUPS.iterdir():
        if (controller / "cgroup.procs").exists() and controller.name != "unified":
            _make_cgroup(controller / f"carillon/node{index}")
    namespaces = ("--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc", "--propagation", "slave")
    command = ["unshare", *namespaces, sys.executable, str(HERE), "_node", str(index), (STATE / "nodes").read_text()]
    with (STATE / f"node{index}.log").open("ab") as log:
        unshare = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
    children = Path(f"/proc/{unshare.pid}/task/{unshare.pid}/children")
    while not (child := children.read_text().strip()):
        time.sleep(0.02)
    (STATE / f"node{index}.pid").write_text(child.split()[0])
    while os.readlink(f"/proc/{child.split()[0]}/ns/net") == os.readlink("/proc/self/ns/net"):
        time.sleep(0.02)
    quiet("ip", "link", "del", port_of(index))
    run("ip", "link", "add", port_of(index), "type", "veth", "peer", "name", "eth0", "netns", child.split()[0])
    run("ip", "link", "set", port_of(index), "master", BRIDGE, "up")


def port_of(index: int) -> str:
    """The bridge's end of a node's cable."""
    return f"carillon{index}n"


def _make_cgroup(path: Path) -> None:
    for part in (path.parent, path):
        if not part.exists():
            part.mkdir()
            if (part / "cpuset.cpus").exists():  # a new cpuset is empty until it is given its parent's share
                for name in ("cpuset.cpus", "cpuset.mems"):
                    (part / name).write_text((part.parent / name).read_text())
            if (part / "cpu.shares").exists():
                (part / "cpu.shares").write_text(str(SHARES))


def down() -> None:
    """End everything and remove every trace; without a cluster, nothing."""
    nodes = node_pids()
    for pid in nodes.values():
        if alive(pid):
            os.kill(pid, signal.SIGKILL)  # ends every process of the node's PID namespace
    while any(alive(pid) for pid in nodes.values()):
        time.sleep(0.05)
    quiet("ip", "link", "del", BRIDGE)
    for index in nodes:
        quiet("ip", "link", "del", port_of(index))
    for network in (NODES, SERVICES, PODS):
        quiet("ip", "route", "del", "unreachable", network, "metric", "4000")
    for top in CGROUPS.glob("*/carillon"):
        for path in [*sorted((path for path in top.rglob("*") if path.is_dir()), reverse=True), top]:
            _remove_cgroup(path)
    shutil.rmtree(VOLUMES, ignore_errors=True)
    for line in reversed(Path("/proc/mounts").read_text().splitlines()):
        if line.split()[1].startswith(f"{STATE}/"):
            quiet("umount", "-l", line.split()[1])
    shutil.rmtree(STATE, ignore_errors=True)


def _remove_cgroup(path: Path) -> None:
    try:
        path.rmdir()
    except OSError as busy:
        print(f"{path} stays: {busy.strerror}", file=sys.stderr)
