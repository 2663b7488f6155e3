"""Where real pods can run: the cluster of KUBECONFIG, else one made by kind where Docker runs, else plain processes in namespaces."""

import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import yaml
from cluster import images, lifecycle
from cluster.build import tool
from harness.kube import Kube

CHECKOUT = Path(__file__).parents[2]
TAG = os.environ.get("TAG", "e2e")
NODES = 2
JAEGER = "localhost/jaeger:e2e"


@dataclass(frozen=True)
class Images:
    """Names under which the cluster knows them. next_server: the same server under another name, to roll out."""

    server: str
    operator: str
    next_server: str
    redis: str

    def all_built(self) -> tuple[str, ...]:
        return self.server, self.operator, self.next_server


class Environment:
    """kube: its cluster. images: what was built and put there. breakable: whether nodes may lose power and pods their network."""

    kube: Kube
    images: Images
    breakable = False

    def __enter__(self) -> "Environment":
        raise NotImplementedError

    def __exit__(self, *_: object) -> None:
        """A cluster that was there before stays."""

    def jaeger(self) -> str:
        """An image of Jaeger, all in one."""
        return "jaegertracing/jaeger:2.13.0"


def choose() -> Environment:
    if kubeconfig := os.environ.get("KUBECONFIG"):
        return Existing(Path(kubeconfig))
    return Kind() if docker_runs() and shutil.which("kind") else Processes()


def docker_runs() -> bool:
    return bool(shutil.which("docker")) and subprocess.run(["docker", "info"], capture_output=True, check=False).returncode == 0


def named(registry: str, redis: str) -> Images:
    server, operator = f"{registry}carillon-server:{TAG}", f"{registry}carillon-operator:{TAG}"
    return Images(server, operator, f"{server}-next", redis)


def build_with_docker(built: Images) -> None:
    for target, name in (("server", built.server), ("operator", built.operator)):
        subprocess.run(["docker", "build", "-q", "--target", target, "-t", name, str(CHECKOUT)], check=True)
    subprocess.run(["docker", "tag", built.server, built.next_server], check=True)


class Existing(Environment):
    """Somebody's cluster. REGISTRY: where images are pushed, as in `registry.example.com/me/`; without it they are taken to be there."""

    def __init__(self, kubeconfig: Path) -> None:
        self.kube = Kube(kubeconfig)
        self._registry = os.environ.get("REGISTRY", "")

    def __enter__(self) -> "Existing":
        self.images = named(self._registry or "localhost/", os.environ.get("REDIS_IMAGE", "redis:8.2-alpine"))
        if self._registry:
            build_with_docker(self.images)
            for name in self.images.all_built():
                subprocess.run(["docker", "push", "-q", name], check=True)
        return self


class Kind(Environment):
    """Two nodes in Docker, for the time of the tests."""

    NAME = "carillon-e2e"

    def __enter__(self) -> "Kind":
        self._folder = tempfile.TemporaryDirectory(prefix="carillon-kind-")
        kubeconfig = Path(self._folder.name) / "kubeconfig"
        layout = {"kind": "Cluster", "apiVersion": "kind.x-k8s.io/v1alpha4", "nodes": [{"role": "control-plane"}, {"role": "worker"}]}
        command = ["kind", "create", "cluster", "--name", self.NAME, "--kubeconfig", str(kubeconfig), "--wait", "3m", "--config", "-"]
        subprocess.run(command, input=yaml.safe_dump(layout), text=True, check=True)
        self.kube = Kube(kubeconfig)
        # As in every cluster of one kind: pods may run on each node, so that one can be drained.
        self.kube.attempt("taint", "nodes", "--all", "node-role.kubernetes.io/control-plane-")
        self.images = named("localhost/", "redis:8.2-alpine")
        build_with_docker(self.images)
        subprocess.run(["kind", "load", "docker-image", "--name", self.NAME, *self.images.all_built()], check=True)
        return self

    def __exit__(self, *_: object) -> None:
        subprocess.run(["kind", "delete", "cluster", "--name", self.NAME], check=True)
        self._folder.cleanup()


class Processes(Environment):
    """`tests/cluster`: needs root and Debian's packages, no Docker. A cluster that is up already is used and left."""

    breakable = True

    def __enter__(self) -> "Processes":
        self._made = not lifecycle.is_up()
        self.kube = Kube(lifecycle.up(NODES) if self._made else lifecycle.ADMIN)
        self.images = named("localhost/", images.BASE)
        try:
            images.load(
                images.base_image(),
                images.build_image(self.images.server, CHECKOUT, "--target", "server"),
                images.build_image(self.images.operator, CHECKOUT, "--target", "operator"),
            )
            images.alias(self.images.server, self.images.next_server)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if self._made:
            lifecycle.down()

    def jaeger(self) -> str:
        images.load(images.program_image(JAEGER, tool("jaeger")))
        return JAEGER
