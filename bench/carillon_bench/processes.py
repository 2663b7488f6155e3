"""Processes that are measured: each on its core, its CPU and memory as the kernel counts them."""

import os
import resource
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

import redis

from carillon.demo.redis import NO_REDIS, redis_program


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Process:
    """A child on one core, which listens on one port. What it prints goes to a file, which is shown if it does not start."""

    def __init__(self, command: list[str], port: int, core: int, environ: Mapping[str, str] | None = None) -> None:
        """Raises RuntimeError when it does not listen within 20 s."""
        self.port = port
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - it lives as long as the process
        self._child = subprocess.Popen(
            command,
            env={**os.environ, **(environ or {})},
            stdout=self._log,
            stderr=self._log,
            preexec_fn=lambda: os.sched_setaffinity(0, {core}),
        )
        self._proc = Path("/proc") / str(self._child.pid)
        deadline = time.monotonic() + 20
        while not self._listens():
            if time.monotonic() > deadline or self._child.poll() is not None:
                self.stop()
                self._log.seek(0)
                raise RuntimeError(f"{' '.join(command)} does not start:\n{self._log.read().decode(errors='replace')[-2000:]}")
            time.sleep(0.05)

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def cpu(self) -> float:
        """Seconds so far, user and system, all threads."""
        return sum(int((task / "schedstat").read_text().split()[0]) for task in (self._proc / "task").iterdir()) / 1e9

    def resident(self) -> int:
        """Bytes of memory."""
        return int((self._proc / "statm").read_text().split()[1]) * resource.getpagesize()

    def stop(self) -> None:
        """At once: there is nothing to be saved."""
        self._child.kill()
        self._child.wait()


class Redis(Process):
    """A real Redis that keeps nothing, on the load's core."""

    def __init__(self, core: int) -> None:
        program = redis_program()
        if program is None:
            raise RuntimeError(NO_REDIS)
        self._folder = Path(tempfile.mkdtemp(prefix="carillon-bench-"))
        port = free_port()
        options = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--maxclients", "20000"]
        super().__init__([program, *options, "--dir", str(self._folder)], port, core)
        self._client = redis.Redis(port=port, protocol=2)
        self._asked = 0

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    @property
    def version(self) -> str:
        self._asked += 1
        info = self._client.info("server")
        return f"{'Valkey' if 'valkey_version' in info else 'Redis'} {info.get('valkey_version', info['redis_version'])}"

    def commands(self) -> int:
        """How many it has run so far for others than this process, those inside scripts included."""
        asked, self._asked = self._asked, self._asked + 1
        return sum(int(stat["calls"]) for stat in self._client.info("commandstats").values()) - asked

    def connections(self) -> int:
        """Those of others than this process."""
        self._asked += 1
        return int(self._client.info("clients")["connected_clients"]) - 1

    def stop(self) -> None:
        super().stop()
        shutil.rmtree(self._folder, ignore_errors=True)


def python(module: str, *arguments: object) -> list[str]:
    return [sys.executable, "-m", module, *map(str, arguments)]
