"""`python -m carillon`: the server, configured by the environment alone, and what one asks of it by hand."""

import gc
import logging
import os
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


def main(arguments: list[str]) -> int:
    """Returns the exit code: 2 for settings or arguments that cannot be used."""
    if arguments and not (arguments[0] == "why" and len(arguments) == 2):
        print(USAGE, file=sys.stderr)
        return 2
    try:
        settings = Settings.from_env(os.environ)
    except ConfigError as error:
        return unusable(error)
    if arguments:
        return why.main(settings, arguments[1])
    configure_logging(settings.telemetry, settings.server.server_id)
    silence()
    for remark in settings.remarks():
        log.warning(remark)
    try:
        server = build(settings, partial(demo_routes, settings.auth.secret) if settings.server.demo else None)
    except ConfigError as error:
        return unusable(error)
    gc.freeze()
    gc.set_threshold(10_000, 20, 100)
    began = time.monotonic()
    server.run()
    log.info("left after %.0f s", time.monotonic() - began)
    return 0
