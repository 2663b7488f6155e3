"""How long somebody else's change to a child lasts, as a watch sees it."""

import time
from pathlib import Path

from kubernetes import client, config, watch

PATIENCE = 60
"""Seconds for one repair."""


def repairs(kubeconfig: Path, namespace: str, name: str, count: int) -> list[float]:
    """Spoils the selector of a Service so often. Returns seconds from each change until the watch shows it undone, shortest first."""
    api = client.CoreV1Api(config.new_client_from_config(str(kubeconfig)))
    return sorted(_repair(api, namespace, name, f"drift-{number}") for number in range(count))


def _repair(api: client.CoreV1Api, namespace: str, name: str, mark: str) -> float:
    began = time.monotonic()
    spoilt = api.patch_namespaced_service(name, namespace, {"spec": {"selector": {"drift": mark}}})
    changes = watch.Watch().stream(
        api.list_namespaced_service,
        namespace,
        field_selector=f"metadata.name={name}",
        resource_version=spoilt.metadata.resource_version,
        timeout_seconds=PATIENCE,
    )
    for change in changes:
        if "drift" not in change["object"].spec.selector:
            return time.monotonic() - began
    raise AssertionError(f"the selector of {name} was not repaired in {PATIENCE} s")
