"""What runs on node 1 beside its kubelet: etcd, the API server, the controllers, the scheduler, DNS."""

import json
import subprocess

from cluster.build import KUBERNETES
from cluster.paths import ADMIN, API_PORT, PKI, PODS, SERVICES, STATE, node_ip, quiet, run, stock, write
from cluster.programs import Programs

KUBEADM = """apiVersion: kubeadm.k8s.io/v1beta4
kind: InitConfiguration
localAPIEndpoint: {{advertiseAddress: {ip}, bindPort: {port}}}
nodeRegistration: {{name: node1}}
---
apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
kubernetesVersion: {version}
certificatesDir: {pki}
networking: {{serviceSubnet: {services}, podSubnet: {pods}}}
"""
COREFILE = """.:53 {{
    bind {ip}
    errors
    kubernetes cluster.local in-addr.arpa ip6.arpa {{
        kubeconfig {kubeconfig}
        pods insecure
        ttl 5
    }}
    cache 5
    loadbalance
}}
"""
ROOT = STATE / "super-admin.conf"
SUPERUSER = ("kubectl", "--kubeconfig", str(ROOT))
ETCD = "http://127.0.0.1:2379"
PEER = "http://127.0.0.1:2380"


def start_control_plane(programs: Programs, nodes: int) -> None:
    _issue(nodes)
    programs.start(
        "etcd",
        "--name=node1",
        f"--data-dir={STATE}/etcd",
        f"--listen-client-urls={ETCD}",
        f"--advertise-client-urls={ETCD}",
        f"--listen-peer-urls={PEER}",
        f"--initial-advertise-peer-urls={PEER}",
        f"--initial-cluster=node1={PEER}",
        "--unsafe-no-fsync",
    )
    _start_api_server(programs)
    quiet(
        *SUPERUSER,
        "create",
        "clusterrolebinding",
        "kubeadm:cluster-admins",
        "--clusterrole=cluster-admin",
        "--group=kubeadm:cluster-admins",
    )
    run(*SUPERUSER, "apply", "-f", "-", input=json.dumps(_storage_class()), stdout=subprocess.DEVNULL)
    _start_controllers(programs)
    corefile = write(STATE / "Corefile", COREFILE.format(ip=node_ip(1), kubeconfig=ADMIN))
    programs.start("coredns", "-conf", str(corefile))


def _issue(nodes: int) -> None:
    """Certificates and kubeconfigs. A kubelet's appears under its name only when it is whole: another node waits for it."""
    filled = KUBEADM.format(ip=node_ip(1), port=API_PORT, version=KUBERNETES, pki=PKI, services=SERVICES, pods=PODS)
    config = write(STATE / "kubeadm.yaml", filled)
    with (STATE / "kubeadm.log").open("wb") as log:

        def phase(*words: object) -> None:
            run("kubeadm", "init", "phase", *words, "--config", config, stdout=log, stderr=log)

        phase("certs", "all")
        for role in ("admin", "super-admin", "controller-manager", "scheduler"):
            phase("kubeconfig", role, "--kubeconfig-dir", STATE)
        for index in range(1, nodes + 1):
            target = STATE / f"kubelet-{index}.conf.new"
            who = ("--org", "system:nodes", "--client-name", f"system:node:node{index}")
            with target.open("w") as out:
                run("kubeadm", "kubeconfig", "user", "--config", config, *who, stdout=out, stderr=log)
            target.rename(STATE / f"kubelet-{index}.conf")


def _audit_policy() -> str:
    """Every request of a service account outside kube-system: what the operator's RBAC is compared with."""
    rules = [
        {"level": "None", "userGroups": ["system:serviceaccounts:kube-system"]},
        {"level": "Metadata", "userGroups": ["system:serviceaccounts"]},
        {"level": "None"},
    ]
    return json.dumps({"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "omitStages": ["RequestReceived"], "rules": rules})


def _storage_class() -> dict[str, object]:
    default = {"storageclass.kubernetes.io/is-default-class": "true"}
    return {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {"name": "standard", "annotations": default},
        "provisioner": "kubernetes.io/host-path",
        "reclaimPolicy": "Delete",
        "volumeBindingMode": "Immediate",
    }


def _start_api_server(programs: Programs) -> None:
    programs.start(
        "kube-apiserver",
        f"--etcd-servers={ETCD}",
        f"--advertise-address={node_ip(1)}",
        f"--secure-port={API_PORT}",
        f"--service-cluster-ip-range={SERVICES}",
        f"--client-ca-file={PKI}/ca.crt",
        f"--tls-cert-file={PKI}/apiserver.crt",
        f"--tls-private-key-file={PKI}/apiserver.key",
        f"--kubelet-client-certificate={PKI}/apiserver-kubelet-client.crt",
        f"--kubelet-client-key={PKI}/apiserver-kubelet-client.key",
        "--kubelet-preferred-address-types=InternalIP",
        f"--service-account-key-file={PKI}/sa.pub",
        f"--service-account-signing-key-file={PKI}/sa.key",
        "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
        f"--proxy-client-cert-file={PKI}/front-proxy-client.crt",
        f"--proxy-client-key-file={PKI}/front-proxy-client.key",
        f"--requestheader-client-ca-file={PKI}/front-proxy-ca.crt",
        "--requestheader-allowed-names=front-proxy-client",
        "--requestheader-extra-headers-prefix=X-Remote-Extra-",
        "--requestheader-group-headers=X-Remote-Group",
        "--requestheader-username-headers=X-Remote-User",
        "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction",
        "--allow-privileged=true",
        "--enable-aggregator-routing=true",
        f"--audit-policy-file={write(STATE / 'audit.yaml', _audit_policy())}",
        f"--audit-log-path={STATE}/audit.log",
        until=(*SUPERUSER, "get", "--raw", "/readyz"),
    )


def _start_controllers(programs: Programs) -> None:
    manager, scheduler = STATE / "controller-manager.conf", STATE / "scheduler.conf"
    programs.start(
        "kube-controller-manager",
        *_kubeconfigs(str(manager)),
        f"--service-account-private-key-file={PKI}/sa.key",
        f"--root-ca-file={PKI}/ca.crt",
        f"--client-ca-file={PKI}/ca.crt",
        f"--requestheader-client-ca-file={PKI}/front-proxy-ca.crt",
        f"--cluster-signing-cert-file={PKI}/ca.crt",
        f"--cluster-signing-key-file={PKI}/ca.key",
        "--use-service-account-credentials",
        "--leader-elect=false",
        f"--node-monitor-grace-period={'50s' if stock() else '20s'}",
        "--enable-hostpath-provisioner",
    )
    programs.start("kube-scheduler", *_kubeconfigs(str(scheduler)), "--leader-elect=false")


def _kubeconfigs(path: str) -> tuple[str, ...]:
    return f"--kubeconfig={path}", f"--authentication-kubeconfig={path}", f"--authorization-kubeconfig={path}"
