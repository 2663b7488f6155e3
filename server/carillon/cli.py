"""`python -m carillon`: the server, configured by the environment alone, and what one asks of it by hand."""

import errno
import gc
import logging
import os
import socket
import sys
import time
from functools import partial

from carillon.app import why
from carillon.app.build import build
from carillon.config import Settings
from carillon.demo import demo_routes
from carillon.errors import ConfigError
from carillon.telemetry import configure_logging, silence

log = logging.getLogger("carillon")

USAGE = """usage: python -m carillon           start the server, configured by the environment
       python -m carillon why ID    tell why a call ended"""


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


def main(arguments: list[str]) -> int:
    """Returns the exit code: 2 for settings or arguments that cannot be used, 1 for a port that is taken."""
    if arguments and not (arguments[0] == "why" and len(arguments) == 2):
        print(USAGE, file=sys.stderr)
        return 2
    try:
        settings = Settings.from_env(os.environ)
    except ConfigError as error:
        return unusable(error)
    if arguments:
        return why.main(settings, arguments[1])
    server_settings = settings.server
    if server_settings.port and (why_not := taken(server_settings.host, server_settings.port)):
        print(f"carillon: nothing can listen on PORT {server_settings.port}: {why_not}. Choose another.", file=sys.stderr)
        return 1
    configure_logging(settings.telemetry, settings.server.server_id)
    silence()
    for remark in settings.remarks():
        log.warning(remark)
    try:
        server = build(settings, partial(demo_routes, settings.auth.secret) if settings.server.demo else None)
    except ConfigError as error:
        return unusable(error)
    except OSError as error:
        print(f"carillon: nothing can listen on METRICS_PORT {settings.telemetry.metrics_port}: {error.strerror}.", file=sys.stderr)
        return 1
    gc.freeze()
    gc.set_threshold(10_000, 20, 100)
    began = time.monotonic()
    server.run()
    log.info("left after %.0f s", time.monotonic() - began)
    return 0
