"""`python -m carillon`: the server, configured by the environment alone, and what one asks of it by hand."""

import errno
import gc
import logging
import os
import socket
import sys
import time
from functools import partial

from carillon import __version__
from carillon.app import why
from carillon.app.build import build
from carillon.config import Settings
from carillon.demo import demo_routes
from carillon.errors import ConfigError
from carillon.telemetry import configure_logging

log = logging.getLogger("carillon")

USAGE = """usage: python -m carillon              start the server, configured by the environment (docs/settings.md)
       python -m carillon why ID       tell why a call ended, or how it stands; takes REDIS_* and CELL of the server
       python -m carillon --version    print the version"""


def unusable(error: ConfigError) -> int:
    print("carillon: the settings cannot be used:", *error.problems, sep="\n  ", file=sys.stderr)
    return 2


def taken(host: str, port: int) -> str:
    """Why nothing can listen there, in words; empty where it can. uvicorn would say it among the lines of a start that went well."""
    try:
        found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        for family, kind, protocol, _, address in found:
            with socket.socket(family, kind, protocol) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if family == socket.AF_INET6:
                    probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                probe.bind(address)
                probe.listen()
    except OSError as error:
        # A machine without IPv6 has nothing to listen on there, which is no fault.
        return "" if error.errno in (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL) and not host else error.strerror or str(error)
    return ""


def facts(settings: Settings) -> dict[str, str]:
    """What somebody who reads the log wants to know of a start."""
    push = [name for name, one in (("fcm", settings.push.fcm), ("apns", settings.push.apns)) if one.configured]
    return {
        "version": __version__,
        "redis": str(settings.redis.target),
        "cell": settings.redis.cell,
        "push": ",".join(push) or "none",
        "metrics": str(settings.telemetry.metrics_port or "none"),
    }


def main(arguments: list[str]) -> int:
    """Returns the exit code: 2 for settings or arguments that cannot be used, 1 for a port that is taken, of `why` its own."""
    try:
        match arguments:
            case []:
                return serve(Settings.from_env(os.environ))
            case ["-h" | "--help"] | ["why", "-h" | "--help"]:
                print(USAGE)
                return 0
            case ["--version"]:
                print(f"carillon {__version__}")
                return 0
            case ["why", call_id]:
                return why.main(Settings.to_look_up(os.environ), call_id)
    except ConfigError as error:
        return unusable(error)
    print(USAGE, file=sys.stderr)
    return 2


def serve(settings: Settings) -> int:
    """Until a signal. Returns the exit code; raises ConfigError."""
    server_settings = settings.server
    if server_settings.port and (why_not := taken(server_settings.host, server_settings.port)):
        print(f"carillon: nothing can listen on PORT {server_settings.port}: {why_not}. Choose another.", file=sys.stderr)
        return 1
    configure_logging(settings.telemetry, settings.server.server_id)
    for remark in settings.remarks():
        log.warning(remark)
    try:
        server = build(settings, partial(demo_routes, settings.auth.secret) if settings.server.demo else None)
    except OSError as error:
        print(f"carillon: nothing can listen on METRICS_PORT {settings.telemetry.metrics_port}: {error.strerror}.", file=sys.stderr)
        return 1
    gc.freeze()
    gc.set_threshold(10_000, 20, 100)
    began = time.monotonic()
    log.info("starting", extra=facts(settings))
    server.run()
    log.info("stopped", extra={"served": round(time.monotonic() - began)})
    return 0
