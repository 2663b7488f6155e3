"""Who we are to the API server: by the pod's service account, else by a kubeconfig, whatever way it has of logging in."""

import logging
import os
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kubernetes.aio.client import Configuration
from kubernetes.aio.config import ConfigException, load_incluster_config, load_kube_config

log = logging.getLogger(__name__)

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")


@dataclass(frozen=True, slots=True)
class Access:
    """context: None for plain HTTP (`kubectl proxy`). namespace: that of the account or context. renew: logs in anew, after a 401."""

    server: str
    namespace: str
    context: ssl.SSLContext | None
    configuration: Any
    renew: Callable[[], Awaitable[None]]

    async def headers(self) -> dict[str, str]:
        """For each request anew: a service account's token changes while we run."""
        found = await self.configuration.auth_settings()
        return {one["key"]: one["value"] for one in found.values() if one["in"] == "header" and one["value"]}

    async def token(self) -> str | None:
        scheme, _, token = (await self.headers()).get("authorization", "").partition(" ")
        return token if scheme.lower() == "bearer" and token else None

    def __repr__(self) -> str:
        return f"Access({self.server!r})"


async def load(context: str = "") -> Access:
    """context: of the kubeconfig; empty: the current one. Raises ConfigException, saying what is missing."""
    configuration = Configuration()
    if not os.environ.get("KUBECONFIG") and not context and (ACCOUNT / "token").exists():
        load_incluster_config(configuration)  # type: ignore[no-untyped-call]  # the library has no types

        async def renew() -> None:
            load_incluster_config(configuration)  # type: ignore[no-untyped-call]  # the library has no types

        namespace = (ACCOUNT / "namespace").read_text().strip()
    else:
        # The library reads KUBECONFIG when it is imported, which is not when we are asked.
        given = {"config_file": os.environ.get("KUBECONFIG"), "context": context or None, "persist_config": False}
        loader = await load_kube_config(**given, client_configuration=configuration)  # type: ignore[no-untyped-call]  # it has no types

        async def renew() -> None:
            await load_kube_config(**given, client_configuration=configuration)  # type: ignore[no-untyped-call]  # it has no types

        namespace = (loader.current_context.get("context") or {}).get("namespace") or "default"
    server = configuration.host.rstrip("/")
    return Access(server, namespace, _tls(configuration) if server.startswith("https") else None, configuration, renew)


def _tls(configuration: Any) -> ssl.SSLContext:
    found = ssl.create_default_context(cafile=configuration.ssl_ca_cert)
    if not configuration.verify_ssl:
        log.warning("the kubeconfig says insecure-skip-tls-verify: anybody on the way can read and change everything")
        found.check_hostname, found.verify_mode = False, ssl.CERT_NONE
    if configuration.cert_file:
        found.load_cert_chain(configuration.cert_file, configuration.key_file)
    return found


__all__ = ["Access", "ConfigException", "load"]
