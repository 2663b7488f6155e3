"""Real Redis servers for tests: started as child processes, ended by their pid, in a folder of their own."""

import contextlib
import ctypes
import functools
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import redis
from harness.ports import free_port
from redis.backoff import NoBackoff
from redis.retry import Retry

from carillon.demo.redis import NO_REDIS, redis_program


def binary() -> str:
    """REDIS_SERVER, else what `make run` takes. At least Redis 6.2."""
    program = os.environ.get("REDIS_SERVER") or redis_program()
    assert program is not None, NO_REDIS
    return program


@functools.cache
def version() -> tuple[int, int]:
    """Of the server that the tests run on, as in (6, 2). Valkey's own, which counts on from 7.2."""
    words = subprocess.run([binary(), "--version"], check=True, capture_output=True, text=True).stdout.split()
    number = next(word[2:] for word in words if word.startswith("v="))
    major, minor, *_ = number.split(".")
    return int(major), int(minor)


def die_with_parent() -> None:
    """Linux: end this child when the test process ends, however it ends; SIGKILL, for a frozen one would not hear SIGTERM."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


def wait_for(condition: Callable[[], Any], what: str, within: float = 15.0) -> None:
    """Until it holds; a server that does not answer yet is a condition that does not hold yet."""
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        with contextlib.suppress(redis.RedisError, OSError):
            if condition():
                return
        time.sleep(0.02)
    raise AssertionError(f"{what} did not come about in {within} s")


class Ended(Exception):
    """A server is gone before it answered."""


class RedisServer:
    """One redis-server on a free port of this machine (and on a Unix socket), without persistence.

    options: as on its command line, `"--maxmemory", "4mb"`. program: another than the one that most tests run on.
    """

    def __init__(self, *options: str, password: str = "", program: str = "") -> None:
        self._program = program or binary()
        self.port = free_port()
        self.password = password
        self._options = options
        self._folder = Path(tempfile.mkdtemp(prefix="carillon-redis-"))
        self._process: subprocess.Popen[bytes] | None = None
        self._client: redis.Redis | None = None

    @property
    def url(self) -> str:
        secret = f":{self.password}@" if self.password else ""
        return f"redis://{secret}127.0.0.1:{self.port}/0"

    @property
    def unix_path(self) -> Path:
        return self._folder / "redis.sock"

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> "RedisServer":
        for _ in range(5):
            self._process = subprocess.Popen(
                self._command(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=die_with_parent
            )
            with contextlib.suppress(Ended):
                wait_for(self._answers, "an answer of redis-server")
                return self
            self.kill()
            self.port = free_port()  # somebody was quicker to take it
        raise RuntimeError("redis-server does not start: " + " ".join(self._command()))

    def _command(self) -> list[str]:
        command = [self._program, "--port", str(self.port), "--unixsocket", str(self.unix_path), "--dir", str(self._folder)]
        command += ["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--repl-diskless-sync-delay", "0"]
        if self.password:
            command += ["--requirepass", self.password, "--masterauth", self.password]
        return [*command, *self._options]

    def _answers(self) -> bool:
        if self._process is not None and self._process.poll() is not None:
            raise Ended
        # By its pid: what answers at a port that was taken is somebody else's.
        found = self.ask("INFO")
        return bool(found["loading"] == 0 and found["process_id"] == self.pid)

    def ask(self, *words: str | int | bytes) -> Any:
        """One command from the side, as an operator would; replies as redis-py gives them."""
        if self._client is None:
            self._client = redis.Redis(
                port=self.port,
                password=self.password or None,
                retry=Retry(NoBackoff(), 0),
                decode_responses=True,
                protocol=2,
                socket_timeout=5,
            )
        return self._client.execute_command(*words)

    def kill(self) -> None:
        """End it at once; what it held is gone."""
        if self._client is not None:
            self._client.close()
            self._client = None
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    stop = kill

    def restart(self, *, wipe: bool = True) -> None:
        """On the same port, empty or with what it held."""
        dump = self._folder / "dump.rdb"
        dump.unlink(missing_ok=True)
        if not wipe:
            self.ask("SAVE")
        self.kill()
        self.start()

    def freeze(self) -> None:
        """It keeps its sockets and says nothing."""
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        os.kill(self.pid, signal.SIGCONT)

    def remove(self) -> None:
        self.kill()
        shutil.rmtree(self._folder, ignore_errors=True)
