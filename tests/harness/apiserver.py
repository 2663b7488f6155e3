"""A real API server, with etcd and nothing else: no controllers, no nodes. Two seconds to start.

The programs are those of KUBEBUILDER_ASSETS, else of the cache that `tests/cluster` fills.
"""

import json
import os
import secrets
import shutil
import signal
import ssl
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from harness.certificates import Authority
from harness.ports import free_port

CACHE = Path(os.environ.get("CLUSTER_CACHE", Path.home() / ".cache/carillon-cluster"))
PATIENCE = float(os.environ.get("PATIENCE", "90"))
"""Seconds until it must serve, on a busy machine."""
ADMIN = "admin-token"
MERGE = "application/merge-patch+json"
USERS = 24
"""Users without rights that each server knows: a token file is read at start only."""
POLICY = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived", "ResponseStarted", "Panic"],
    "rules": [
        {"level": "None", "users": ["system:apiserver", "admin"]},
        {"level": "None", "nonResourceURLs": ["/*"]},
        {"level": "Metadata"},
    ],
}


def programs(*more: str) -> Path:
    """Folder of etcd, kube-apiserver and `more`. Raises FileNotFoundError, saying how to get them."""
    given = os.environ.get("KUBEBUILDER_ASSETS")
    folder = Path(given) if given else CACHE / "bin"
    missing = [name for name in ("etcd", "kube-apiserver", *more) if not (folder / name).exists()]
    if missing:
        raise FileNotFoundError(
            f"no {', '.join(missing)} in {folder}: `make test` builds them once where Go is (some six minutes), unless KUBEBUILDER_ASSETS "
            "names a folder that has them"
        )
    return folder


class ApiServer:
    """`url`, `ca`, the token ADMIN, and `user` for others."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="apiserver-"))
        self.ca = (authority := Authority(self.folder)).ca
        self._certificate = authority.issue("apiserver", "127.0.0.1", "localhost")
        self._front = authority.issue("front-proxy-client")
        self._etcd_port, self.port = free_port(), free_port()
        self.url = f"https://127.0.0.1:{self.port}"
        self.audit = self.folder / "audit.log"
        self._free = [f"operator-{number}" for number in range(USERS)]
        self._users = {"admin": (ADMIN, "system:masters")} | {name: (secrets.token_hex(12), "") for name in self._free}
        self._etcd: subprocess.Popen[bytes] | None = None
        self._server: subprocess.Popen[bytes] | None = None
        self._context = ssl.create_default_context(cafile=str(self.ca))

    def user(self) -> tuple[str, str]:
        """Name and token of a user without rights, for one test."""
        name = self._free.pop()
        return name, self._users[name][0]

    def start(self) -> "ApiServer":
        self._write_files()
        self.start_etcd()
        self.start_server()
        return self

    def _write_files(self) -> None:
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        plain, pem = serialization.NoEncryption(), serialization.Encoding.PEM
        (self.folder / "sa.key").write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain))
        lines = [f"{token},{name},{name}{f',{group}' if group else ''}" for name, (token, group) in self._users.items()]
        (self.folder / "tokens.csv").write_text("\n".join(lines) + "\n")
        (self.folder / "policy.yaml").write_text(yaml.safe_dump(POLICY))

    def start_etcd(self) -> None:
        client, peer = f"http://127.0.0.1:{self._etcd_port}", f"http://127.0.0.1:{free_port()}"
        self._etcd = self._run(
            "etcd",
            f"--data-dir={self.folder}/etcd",
            f"--listen-client-urls={client}",
            f"--advertise-client-urls={client}",
            f"--listen-peer-urls={peer}",
            f"--initial-advertise-peer-urls={peer}",
            f"--initial-cluster=default={peer}",
            "--unsafe-no-fsync",
        )

    def start_server(self) -> None:
        self._server = self._run(
            "kube-apiserver",
            f"--etcd-servers=http://127.0.0.1:{self._etcd_port}",
            "--bind-address=127.0.0.1",
            "--advertise-address=127.0.0.1",
            "--endpoint-reconciler-type=none",
            f"--secure-port={self.port}",
            f"--tls-cert-file={self._certificate.cert}",
            f"--tls-private-key-file={self._certificate.key}",
            f"--cert-dir={self.folder}",
            "--service-cluster-ip-range=10.96.0.0/16",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={self.folder}/sa.key",
            f"--service-account-signing-key-file={self.folder}/sa.key",
            "--disable-admission-plugins=ServiceAccount",
            "--authorization-mode=RBAC",
            f"--requestheader-client-ca-file={self.ca}",
            "--requestheader-allowed-names=front-proxy-client",
            "--requestheader-username-headers=X-Remote-User",
            "--requestheader-group-headers=X-Remote-Group",
            "--requestheader-extra-headers-prefix=X-Remote-Extra-",
            f"--proxy-client-cert-file={self._front.cert}",
            f"--proxy-client-key-file={self._front.key}",
            f"--token-auth-file={self.folder}/tokens.csv",
            f"--audit-policy-file={self.folder}/policy.yaml",
            f"--audit-log-path={self.audit}",
            "--audit-log-mode=blocking",
            "--watch-cache=true",
            "--profiling=false",
        )
        self._wait()

    def _run(self, program: str, *arguments: str) -> subprocess.Popen[bytes]:
        with (self.folder / f"{program}.log").open("ab") as log:
            return subprocess.Popen([programs() / program, *arguments], stdout=log, stderr=log, start_new_session=True)

    def _wait(self) -> None:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            assert self._server is not None
            assert self._etcd is not None
            if self._server.poll() is not None or self._etcd.poll() is not None:
                break
            try:
                if self.call("GET", "/readyz") == "ok":
                    return
            except (OSError, ValueError):
                time.sleep(0.1)
        ends = [(self.folder / f"{program}.log").read_text()[-2000:] for program in ("etcd", "kube-apiserver")]
        raise RuntimeError("no API server:\n" + "\n".join(ends))

    def kill_server(self, how: signal.Signals = signal.SIGKILL) -> None:
        """Ends it, as a crash does; `start_server` brings it back on the same port with what etcd holds."""
        assert self._server is not None
        self._server.send_signal(how)
        self._server.wait()

    def remove(self) -> None:
        for one in (self._server, self._etcd):
            if one and one.poll() is None:
                one.kill()
                one.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    # ---------------------------------------------------------------- talking to it

    def call(self, method: str, path: str, body: Any = None, *, token: str = ADMIN, kind: str = "application/json") -> Any:
        """JSON in, JSON out; plain text where it is none. Raises urllib.error.HTTPError."""
        data = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, {"Authorization": f"Bearer {token}", "Content-Type": kind}, method=method)
        with urllib.request.urlopen(request, timeout=30, context=self._context) as answer:
            text = answer.read()
        try:
            return json.loads(text)
        except ValueError:
            return text.decode()

    def refusal(self, method: str, path: str, body: Any = None, **more: Any) -> str:
        """The message with which it refuses; empty if it does not."""
        try:
            self.call(method, path, body, **more)
        except urllib.error.HTTPError as error:
            text = error.read().decode()
            # The aggregator says in plain text that it cannot reach anybody.
            return str(json.loads(text).get("message", "")) if text.startswith("{") else text.strip() or str(error)
        return ""

    def install(self, definition: dict[str, Any]) -> None:
        """A CustomResourceDefinition, until it is served."""
        name = definition["metadata"]["name"]
        path = f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{name}"
        self.call("PATCH", f"{path}?fieldManager=tests&force=true", definition, kind="application/apply-patch+yaml")
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            conditions = {one["type"]: one["status"] for one in self.call("GET", path).get("status", {}).get("conditions") or []}
            if conditions.get("Established") == "True":
                return
            time.sleep(0.05)
        raise RuntimeError(f"{name} was never established")

    def kubeconfig(self, token: str = ADMIN, url: str = "", namespace: str = "default") -> Path:
        """A file for KUBECONFIG. url: of a proxy in front; the server's own by default."""
        content = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "tests",
            "contexts": [{"name": "tests", "context": {"cluster": "tests", "user": "tests", "namespace": namespace}}],
            "clusters": [{"name": "tests", "cluster": {"server": url or self.url, "certificate-authority": str(self.ca)}}],
            "users": [{"name": "tests", "user": {"token": token}}],
        }
        path = self.folder / f"kubeconfig-{secrets.token_hex(4)}"
        path.write_text(yaml.safe_dump(content))
        return path

    def audited(self, user: str = "") -> Iterator[dict[str, Any]]:
        """Calls as recorded, oldest first; those of one user if named."""
        if not self.audit.exists():
            return
        with self.audit.open() as lines:
            # Most lines are somebody else's, and reading JSON is what takes the time. The last one may be half written.
            mine = [json.loads(line) for line in lines if user in line and line.endswith("\n")]
        yield from (one for one in mine if not user or one["user"]["username"] == user)
