"""Releases of the charts on a cluster, with the images that this checkout builds."""

import json
import secrets
from collections.abc import Mapping
from typing import Any

from harness.environments import Environment
from harness.helm import CHARTS, helm
from harness.services import Service


class Release:
    """The service's chart in a namespace of its own, which goes with it. `with Release(environment) as release`."""

    NAME = "calls"

    def __init__(self, environment: Environment) -> None:
        self.environment, self.kube = environment, environment.kube
        self.namespace = f"chart-{secrets.token_hex(3)}"
        full, labels = f"{self.NAME}-carillon", f"carillon.dev/release={self.NAME}-carillon,carillon.dev/component"
        self.service = Service(self.kube, self.namespace, full, f"{labels}=server", f"{labels}=redis", f"{full}-jwt")

    def __enter__(self) -> "Release":
        self.kube.namespace(self.namespace)
        return self

    def __exit__(self, *_: object) -> None:
        self.kube.attempt("delete", "namespace", self.namespace, "--wait=false")

    def helm(self, *words: object) -> str:
        """Raises AssertionError with Helm's words."""
        done = helm(*words, "--namespace", self.namespace, kubeconfig=self.kube.kubeconfig)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def install(self, image: str = "", **values: Any) -> str:
        """Or upgrade, and wait until it serves. image: the server's, else the one that was built."""
        images = self.environment.images
        chosen = {
            "image": image_values(image or images.server),
            "redis": {"managed": {"image": images.redis}},
            "service": {"type": "NodePort"},
            "pod": {"resources": {"requests": {"cpu": "50m", "memory": "96Mi"}, "limits": {"memory": "512Mi"}}},
        }
        return self.helm("upgrade", "--install", self.NAME, CHARTS / "carillon", "--wait", "--timeout=100s", *flags({**chosen, **values}))


def image_values(image: str) -> dict[str, str]:
    repository, _, tag = image.rpartition(":")
    return {"repository": repository, "tag": tag}


def flags(values: Mapping[str, Any]) -> list[str]:
    """As arguments, so that no file is left anywhere."""
    return [f"--set-json={name}={json.dumps(value)}" for name, value in values.items()]
