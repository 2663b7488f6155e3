"""What goes wrong with machines: a program dies or freezes, a node loses its power, a pod its network."""

import json
import os
import signal
import subprocess
import sys
from typing import Any

from cluster.lifecycle import CGROUPS, launch, node_pids, port_of
from cluster.paths import BIN, STATE, run


def enter(index: int, *command: object, **options: Any) -> "subprocess.CompletedProcess[str]":
    """Run a command inside a node."""
    return run("nsenter", "-t", node_pids()[index], "-m", "-n", "-p", *command, **options)


def stop_program(index: int, program: str, sig: str = "KILL") -> None:
    """End (KILL, TERM), freeze (STOP) or thaw (CONT) one program of a node; an ended one stays down."""
    enter(index, "pkill", f"-{sig}", "-x", program[:15])


def start_program(index: int, program: str) -> None:
    folder = STATE / f"node{index}"
    command = json.loads((folder / f"{program}.run").read_text())
    environ = {**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}"}
    with (folder / f"{program}.log").open("ab") as log:
        enter(index, "setsid", "--fork", *command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environ)


def cut_power(index: int) -> None:
    """The link falls silent before the node dies: no peer sees a connection closed."""
    if index == 1:
        sys.exit("node 1 holds the control plane: stop its programs one by one")
    run("ip", "link", "set", port_of(index), "down")
    os.kill(node_pids()[index], signal.SIGKILL)


def restore_power(index: int) -> None:
    """The node boots, with the images that it had."""
    launch(index)


def pod_pids(uid: str) -> set[int]:
    """Its processes, the one that holds its network among them. Raises LookupError."""
    every = CGROUPS.glob(f"*/carillon/node*/**/pod{uid}/**/cgroup.procs")
    if found := {int(pid) for procs in every for pid in procs.read_text().split()}:
        return found
    raise LookupError(f"no process of pod {uid} on this machine")


def signal_pod(uid: str, sig: signal.Signals) -> None:
    """To all programs of a pod, past its kubelet: STOP freezes them, CONT thaws them."""
    for pid in pod_pids(uid):
        os.kill(pid, sig)


def in_pod_network(uid: str, *command: object) -> None:
    """Run one of this machine's programs (iptables, as one) in the network of a pod."""
    run("nsenter", f"--net=/proc/{min(pod_pids(uid))}/ns/net", *command)
