"""Makes the programs, once a machine: the Kubernetes ones as one binary under many names, and tools beside them."""

import contextlib
import fcntl
import hashlib
import io
import json
import os
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

from cluster.paths import BIN, CACHE, HERE, PAUSE_IMAGE, run

KUBERNETES, HELM, PROMETHEUS = "v1.34.4", "v3.22.0", "v0.316.0"
"""The first is that of hyperkube/go.mod."""
PROGRAMS = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy", "kubeadm", "kubectl", "coredns")
TOOLS = ("helm", "jaeger", "promtool")


def build() -> Path:
    """Compile what is not there in this version, and return the folder, which also serves as KUBEBUILDER_ASSETS."""
    source = HERE / "hyperkube"
    stamp = hashlib.sha256(b"".join(path.read_bytes() for path in sorted(source.rglob("*")) if path.is_file())).hexdigest()
    stamped = BIN / "stamp"
    with _alone("kubernetes"):
        if not stamped.exists() or stamped.read_text() != stamp:
            print("building the Kubernetes programs (about six minutes, once a machine)", file=sys.stderr, flush=True)
            _compile(source)
            save_program(PAUSE_IMAGE, BIN / "pause", "/pause", CACHE / "pause.tar")
            stamped.write_text(stamp)
    return BIN


def tool(name: str) -> Path:
    """The path of one of TOOLS, compiled at its first use."""
    program = BIN / name
    with _alone(name):
        if not program.exists():
            print(f"building {name} (a few minutes, once a machine)", file=sys.stderr, flush=True)
            if name == "helm":
                _go("install", "-ldflags", "-s -w", f"helm.sh/helm/v3/cmd/helm@{HELM}")
            elif name == "promtool":
                # Without service discovery, which would bring the libraries of every cloud.
                package = f"github.com/prometheus/prometheus/cmd/promtool@{PROMETHEUS}"
                _go("install", "-tags", "remove_all_sd,builtinassets", "-ldflags", "-s -w", package)
            else:
                _go("build", "-mod=mod", "-ldflags", "-s -w", "-o", program, "github.com/jaegertracing/jaeger/cmd/jaeger", cwd=HERE / name)
    return program


@contextlib.contextmanager
def _alone(what: str) -> Iterator[None]:
    """Two test runs of one machine share the cache."""
    BIN.mkdir(parents=True, exist_ok=True)
    with (CACHE / f"{what}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _go(*words: object, cwd: Path | None = None) -> None:
    # Go prints to standard output now and then; ours is for the path alone.
    run("go", *words, cwd=cwd, env={**os.environ, "CGO_ENABLED": "0", "GOBIN": str(BIN)}, stdout=sys.stderr)


def _compile(source: Path) -> None:
    version = "k8s.io/component-base/version"
    major, minor = KUBERNETES[1:].split(".")[:2]
    flags = f"-s -w -X {version}.gitVersion={KUBERNETES} -X {version}.gitMajor={major} -X {version}.gitMinor={minor}"
    _go("build", "-mod=mod", "-ldflags", flags, "-o", BIN / "hyperkube", ".", cwd=source)
    for name in PROGRAMS:
        (BIN / name).unlink(missing_ok=True)
        (BIN / name).symlink_to("hyperkube")
    _go("build", "-ldflags", "-s -w", "-o", BIN / "pause", "./pause", cwd=source)


def save_program(name: str, binary: Path, entry: str, archive: Path) -> None:
    """Write a docker-archive image that holds one static program."""
    layer = io.BytesIO()
    with tarfile.open(fileobj=layer, mode="w") as tar, binary.open("rb") as program:
        info = tarfile.TarInfo(entry.lstrip("/"))
        info.size, info.mode = binary.stat().st_size, 0o755
        tar.addfile(info, program)
    data = layer.getvalue()
    config = {
        "architecture": "amd64",
        "os": "linux",
        "config": {"Entrypoint": [entry], "User": "65535:65535"},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(data).hexdigest()}"]},
    }
    encoded = json.dumps(config).encode()
    config_name = f"{hashlib.sha256(encoded).hexdigest()}.json"
    manifest = json.dumps([{"Config": config_name, "RepoTags": [name], "Layers": ["layer.tar"]}]).encode()
    with tarfile.open(archive, "w") as tar:
        for member, content in (("layer.tar", data), (config_name, encoded), ("manifest.json", manifest)):
            info = tarfile.TarInfo(member)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
