"""On what was measured."""

import hashlib
import importlib.metadata
import os
import platform
import resource
import subprocess
from dataclasses import dataclass
from pathlib import Path

FILES = 20_000
"""Open files that load and servers need."""


@dataclass(frozen=True)
class Cores:
    """The server's core, and the one that load and Redis share; the same where there is but one."""

    server: int
    load: int

    @classmethod
    def choose(cls) -> "Cores":
        """Puts this process on the load's core, and allows it (and its children) as many files as it may have."""
        cores = sorted(os.sched_getaffinity(0))
        chosen = cls(cores[0], cores[1] if len(cores) > 1 else cores[0])
        os.sched_setaffinity(0, {chosen.load})
        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, FILES) if most > 0 else FILES, most))
        return chosen

    @property
    def apart(self) -> bool:
        return self.server != self.load


def describe(redis: str, reference: str) -> dict[str, str]:
    """CPU, cores, kernel, and the version of everything that takes part. redis: what it says of itself; reference: its program, or ""."""
    cpu = next((line.split(":", 1)[1].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")), platform.machine())
    memory = next((int(line.split()[1]) for line in _lines("/proc/meminfo") if line.startswith("MemTotal")), 0)
    versions = {name: importlib.metadata.version(name) for name in ("uvicorn", "uvloop", "websockets", "msgspec", "hiredis")}
    return {
        "CPU": f"{cpu}, {os.cpu_count()} cores",
        "memory": f"{memory / 2**20:.1f} GiB",
        "system": f"{platform.system()} {platform.release()}",
        "Python": platform.python_version(),
        **versions,
        "Redis": redis,
        **({"Go reference": f"sha256 {_digest(reference)}"} if reference else {}),
        "Carillon": _commit() or importlib.metadata.version("carillon-signaling"),
    }


def _lines(path: str) -> list[str]:
    return Path(path).read_text().splitlines() if Path(path).exists() else []


def _digest(program: str) -> str:
    return hashlib.sha256(Path(program).read_bytes()).hexdigest()[:16]


def _commit() -> str:
    """Of the work tree, with a plus sign where it is changed."""
    done = subprocess.run(["git", "describe", "--always", "--dirty=+"], capture_output=True, text=True, check=False)
    return done.stdout.strip()
