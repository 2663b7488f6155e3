"""How the operator is started: every option with its default, unit and reason. `--help` and operator/README.md are made of it."""

import argparse
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from importlib.metadata import version
from typing import Any

from carillon_operator.resources import Defaults

RELEASE = version("carillon-signaling")


def _option(flag: str, default: Any, why: str, *, env: str = "", **parsing: Any) -> Any:
    """env: variable that is read where the flag is not given; for what the pod learns of itself."""
    return field(default=default, metadata={"flag": flag, "why": why, "env": env, "parsing": parsing})


def _whole(least: int, most: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not text.isdecimal() or not least <= int(text) <= most:
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from {least} to {most}")
        return int(text)

    return read


_port = _whole(0, 65_535)


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What `python -m carillon_operator` was told."""

    namespaces: tuple[str, ...] = _option(
        "--namespace",
        (),
        "A namespace to serve; may be repeated. None: all of them, which needs a ClusterRole; with it a Role in each is enough.",
        action="append",
        metavar="NAME",
    )
    metrics_port: int = _option("--metrics-port", 8080, "Port of /metrics, /livez and /readyz; 0: none.", type=_port, metavar="PORT")
    dry_run: bool = _option(
        "--dry-run",
        False,
        "Print, as YAML, what would be applied for the resources there are; write nothing; end.",
        action="store_true",
    )
    server_image: str = _option(
        "--server-image",
        f"carillon-server:{RELEASE}",
        "Image of the server where a resource names none.",
        env="SERVER_IMAGE",
        metavar="IMAGE",
    )
    redis_image: str = _option(
        "--redis-image",
        "redis:8.2-alpine",
        "Image of the managed Redis where a resource names none: Redis 6.2 or later, or Valkey, with redis-server and redis-cli on PATH.",
        env="REDIS_IMAGE",
        metavar="IMAGE",
    )
    home: str = _option(
        "--home-namespace",
        "",
        "Where the operator runs: its Lease is there, and network policies let it in. Empty: the namespace of its service account, "
        "else that of the kubeconfig's context.",
        env="POD_NAMESPACE",
        metavar="NAME",
    )
    identity: str = _option(
        "--identity",
        "",
        "Its name in the Lease, which must be its own. Empty: the host's name and a random part.",
        env="POD_NAME",
        metavar="NAME",
    )
    lease: str = _option(
        "--lease",
        "carillon-operator",
        "The Lease that chooses who of several operators leads; empty: it leads alone.",
        metavar="NAME",
    )
    metrics_api: str = _option(
        "--metrics-api",
        "",
        "Name of the Service by which the API server asks for custom.metrics.k8s.io, so that an HPA can scale by connections; empty: not "
        "served. Only one program of a cluster can serve it.",
        metavar="SERVICE",
    )
    metrics_api_port: int = _option("--metrics-api-port", 6443, "Port of that API, by TLS.", type=_port, metavar="PORT")
    context: str = _option("--context", "", "Context of the kubeconfig; empty: the current one.", metavar="NAME")
    workers: int = _option(
        "--workers",
        8,
        "Resources that are reconciled at once: more would only wait for the API server.",
        type=_whole(1, 100),
        metavar="COUNT",
    )
    log_level: str = _option("--log-level", "info", "debug, info, warning or error.", choices=("debug", "info", "warning", "error"))
    log_format: str = _option("--log-format", "auto", "json, text, or auto: text on a terminal.", choices=("auto", "json", "text"))

    def defaults(self) -> Defaults:
        """home must be known by then."""
        return Defaults(self.server_image, self.redis_image, self.home or None)


def parser() -> argparse.ArgumentParser:
    found = argparse.ArgumentParser(
        prog="python -m carillon_operator",
        description="Runs the signaling that SignalingClusters declare. Inside a cluster by its service account, else by KUBECONFIG.",
    )
    found.add_argument("--version", action="version", version=f"carillon-operator {RELEASE}")
    for one in fields(Options):
        about = one.metadata
        default = "" if about["parsing"].get("action") else f" Default: {one.default or 'empty'}."
        named = f" Read from {about['env']} where the flag is not given." if about["env"] else ""
        found.add_argument(about["flag"], dest=one.name, help=f"{about['why']}{default}{named}", default=None, **about["parsing"])
    return found


def options(arguments: Sequence[str], environ: Mapping[str, str] = os.environ) -> Options:
    """Raises SystemExit, with a usage line, for what cannot be understood."""
    given = vars(parser().parse_args(arguments))
    values: dict[str, Any] = {}
    for one in fields(Options):
        about, value = one.metadata, given[one.name]
        if value is None and about["env"] and environ.get(about["env"]):
            value = _read(about, environ[about["env"]])
        if value is not None:
            values[one.name] = tuple(dict.fromkeys(value)) if isinstance(value, list) else value
    return Options(**values)


def _read(about: Mapping[str, Any], text: str) -> Any:
    try:
        return about["parsing"].get("type", str)(text)
    except ValueError:
        raise SystemExit(f"{about['env']} should be a number, not {text!r}") from None


def markdown() -> str:
    """The table of operator/README.md, as `python -m carillon_operator.options` prints it."""
    lines = ["| Option | Variable | Default | Meaning |", "|---|---|---|---|"]
    for one in fields(Options):
        about = one.metadata
        default = f"`{one.default}`" if one.default not in ((), "", False) else ""
        variable = f"`{about['env']}`" if about["env"] else ""
        lines.append(f"| `{about['flag']}` | {variable} | {default} | {about['why']} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write(markdown())
