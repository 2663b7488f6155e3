"""`make run`: a real Redis, the server and its page; all of it gone again when it stops.

PORT       where the server listens (8080)
REDIS_URL  a Redis of your own, instead of one made for this run
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

from carillon.client.demo_users import DEMO_SECRET, DEMO_USERS
from carillon.demo.redis import NO_REDIS, redis_program, start_redis


def wait_until(true: Callable[[], bool], child: subprocess.Popen[bytes], seconds: float) -> bool:
    """False when the child ended first, or the time did."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and child.poll() is None:
        if true():
            return True
        time.sleep(0.02)
    return False


def answers(family: socket.AddressFamily, address: str | tuple[str, int]) -> bool:
    with socket.socket(family) as probe:
        probe.settimeout(1)
        return probe.connect_ex(address) == 0


def healthy(port: str) -> bool:
    """Whether the server has its Redis."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5):
            return True
    except OSError:
        return False


def invite(port: str, redis_url: str) -> None:
    """redis_url: of the Redis made for this run; empty where it is the user's own."""
    if not redis_url and not healthy(port):
        print("carillon: REDIS_URL does not answer yet; nobody can connect until it does", file=sys.stderr, flush=True)
    print(f"carillon: open http://localhost:{port} in two tabs and call ({', '.join(DEMO_USERS)}); Ctrl-C ends it", flush=True)
    own = f"REDIS_URL={redis_url} " if redis_url else ""
    print(f"carillon: why a call ended: {own}{os.path.relpath(sys.executable)} -m carillon why SESSION_ID", flush=True)


def run() -> int:
    folder = tempfile.mkdtemp(prefix="carillon-run-")
    children: list[subprocess.Popen[bytes]] = []

    def stop(signum: int, _: object) -> None:
        """To the server alone, once: the children are in sessions of their own, or a terminal's Ctrl-C would reach them as well."""
        for child in children[-1:]:
            child.send_signal(signal.SIGINT if signum == signal.SIGINT else signal.SIGTERM)

    for signum in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(signum, stop)
    try:
        url, own = os.environ.get("REDIS_URL"), ""
        if not url:
            program = redis_program()
            if program is None:
                print(NO_REDIS, file=sys.stderr)
                return 2
            children.append(start_redis(program, folder))
            url = own = f"unix://{folder}/redis.sock"
            if not wait_until(lambda: answers(socket.AF_UNIX, f"{folder}/redis.sock"), children[-1], 10):
                print("carillon: Redis did not start:", Path(folder, "redis.log").read_text(), sep="\n", file=sys.stderr)
                return 1
        port = os.environ.get("PORT") or "8080"
        environ = {
            "DRAIN_DELAY": "0",
            "DRAIN_SECONDS": "0",
            **os.environ,
            "REDIS_URL": url,
            "DEMO": "true",
            "JWT_SECRET": DEMO_SECRET,
            "PORT": port,
        }
        children.append(subprocess.Popen([sys.executable, "-m", "carillon"], env=environ, start_new_session=True))
        server = children[-1]
        # The server refuses a wrong PORT in words.
        known = int(port) if port.isdecimal() and int(port) < 65_536 else 0
        if known and wait_until(lambda: answers(socket.AF_INET, ("127.0.0.1", known)), server, 30):
            invite(port, own)
        return server.wait()
    finally:
        for child in reversed(children):
            child.terminate()
            child.wait()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(run())
