"""The inside of a node: the first process of its own mount, PID and network namespaces."""

import json
import os
import signal
import threading
import time
from pathlib import Path

from cluster.control_plane import start_control_plane
from cluster.paths import ADMIN, BIN, CACHE, PAUSE_IMAGE, PKI, PODS, SERVICES, STATE, VOLUMES, node_ip, pods_of, quiet, run, stock, write
from cluster.programs import Programs

UNANSWERED = Path("/proc/sys/net/netfilter/nf_conntrack_tcp_timeout_syn_sent")
FORGOTTEN_AFTER = 10
"""Seconds, longer than a client waits. The kernel's 120 are for clients with an address each; those of tests share one, so that a port from
which a connection was led to a dead pod is soon taken again, and leads there again.
"""

CONTAINERD = """version = 2
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{image}"
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "{folder}/cni"
"""


def node(index: int, nodes: int) -> None:
    """Be node `index` of `nodes`, until killed."""
    folder = STATE / f"node{index}"
    folder.mkdir(parents=True, exist_ok=True)
    os.environ["PATH"] = f"{BIN}:{os.environ['PATH']}"
    os.environ["KUBECONFIG"] = str(ADMIN)
    _plug_in(index, nodes)
    _own_folders(folder)
    programs = Programs(folder)
    if index == 1:
        start_control_plane(programs, nodes)
        threading.Thread(target=_open_volumes, daemon=True).start()
    _start_runtime(programs, index)
    _start_kubelet(programs, index)
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    programs.reap()


def _plug_in(index: int, nodes: int) -> None:
    while quiet("ip", "link", "show", "eth0").returncode:
        time.sleep(0.05)
    # Service addresses need a route before kube-proxy's rules turn them into others.
    for command in ("link set lo up", f"addr add {node_ip(index)}/24 dev eth0", "link set eth0 up", f"route add {SERVICES} dev lo"):
        run("ip", *command.split())
    for other in range(1, nodes + 1):
        if other != index:
            run("ip", "route", "add", pods_of(other), "via", node_ip(other))
    write("/proc/sys/net/ipv4/ip_forward", "1")
    if UNANSWERED.exists():
        write(UNANSWERED, str(FORGOTTEN_AFTER))


def _own_folders(folder: Path) -> None:
    for name in ("/var/lib/kubelet", "/run/containerd", "/var/lib/containerd", "/var/log/pods", "/var/log/containers"):
        own, shared = folder / name.lstrip("/"), Path(name)
        own.mkdir(parents=True, exist_ok=True)
        shared.mkdir(parents=True, exist_ok=True)
        run("mount", "--bind", own, shared)
    run("mount", "--make-rshared", "/var/lib/kubelet")


def _start_runtime(programs: Programs, index: int) -> None:
    addresses = {"type": "host-local", "ranges": [[{"subnet": pods_of(index)}]], "routes": [{"dst": "0.0.0.0/0"}]}
    bridge = {"type": "bridge", "bridge": "cni0", "isGateway": True, "hairpinMode": True}
    bridge["ipam"] = {**addresses, "dataDir": str(programs.folder / "ipam")}
    plugins = [bridge, {"type": "portmap", "capabilities": {"portMappings": True}}]
    write(programs.folder / "cni/10-pods.conflist", json.dumps({"cniVersion": "0.4.0", "name": "pods", "plugins": plugins}))
    config = write(programs.folder / "containerd.toml", CONTAINERD.format(image=PAUSE_IMAGE, folder=programs.folder))
    programs.start("containerd", "--config", str(config), until=("ctr", "version"))
    quiet("ctr", "-n", "k8s.io", "images", "import", CACHE / "pause.tar")


def _start_kubelet(programs: Programs, index: int) -> None:
    name, kubeconfig = f"node{index}", STATE / f"kubelet-{index}.conf"
    while not kubeconfig.exists():
        time.sleep(0.1)
    settings = {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "failSwapOn": False,
        "failCgroupV1": False,
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/carillon/{name}",
        "containerRuntimeEndpoint": "unix:///run/containerd/containerd.sock",
        "clusterDNS": [node_ip(1)],
        "clusterDomain": "cluster.local",
        # Pods must not inherit the name servers of this machine: nothing may leave it.
        "resolvConf": str(write(programs.folder / "resolv.conf", "")),
        "authentication": {"x509": {"clientCAFile": str(PKI / "ca.crt")}, "webhook": {"enabled": True}, "anonymous": {"enabled": False}},
        "authorization": {"mode": "Webhook"},
        "evictionHard": {"memory.available": "100Mi", "nodefs.available": "1%", "imagefs.available": "1%"},
        "imageGCHighThresholdPercent": 100,
        "maxPods": 200,
        "syncFrequency": "1m" if stock() else "10s",
        "nodeStatusUpdateFrequency": "4s",
        "registerNode": True,
    }
    config = write(programs.folder / "kubelet.yaml", json.dumps(settings))
    who = f"--hostname-override={name}"
    programs.start("kubelet", f"--config={config}", f"--kubeconfig={kubeconfig}", who, f"--node-ip={node_ip(index)}")
    untouched = ("--conntrack-max-per-core=0", "--conntrack-tcp-timeout-established=0", "--conntrack-tcp-timeout-close-wait=0")
    programs.start("kube-proxy", f"--kubeconfig={ADMIN}", who, "--proxy-mode=iptables", f"--cluster-cidr={PODS}", *untouched)


def _open_volumes() -> None:
    """The host-path provisioner makes a volume for root alone, and Kubernetes gives no hostPath to a pod's fsGroup."""
    while True:
        for volume in VOLUMES.glob("*"):
            if volume.stat().st_mode & 0o777 != 0o777:
                volume.chmod(0o777)
        if VOLUMES.exists():
            VOLUMES.chmod(0o755)
        time.sleep(0.2)
