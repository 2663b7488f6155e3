"""The servers that are measured side by side: this one, the Go reference where GORING_BIN names it, and the floor."""

import os
import secrets
from collections.abc import Mapping
from contextlib import ExitStack

from carillon_bench.machine import Cores
from carillon_bench.processes import Process, Redis, free_port, python
from carillon_bench.wire import SECRET

CARILLON, REFERENCE, FLOOR = "Carillon", "Go reference", "uvloop echo"


class Peers:
    """Starts servers and ends them all. A server is alone on its core with those that are not measured at the same time."""

    def __init__(self, stack: ExitStack, cores: Cores) -> None:
        self._stack, self._cores = stack, cores
        self.redis = Redis(cores.load)
        stack.callback(self.redis.stop)
        self.goring_program = os.environ.get("GORING_BIN", "")

    def _start(self, command: list[str], core: int, **environ: str) -> Process:
        port = int(environ["PORT"]) if "PORT" in environ else int(command[-1])
        process = Process(command, port, core, environ)
        self._stack.callback(process.stop)
        return process

    def carillon(self, count: int = 1, *, limits: bool = False, environ: Mapping[str, str] | None = None) -> list[Process]:
        """Servers of one cell of their own. limits: with the limits that are there by default."""
        cell = f"bench-{secrets.token_hex(4)}"
        common = {"HOST": "127.0.0.1", "REDIS_URL": self.redis.url, "CELL": cell, "JWT_SECRET": SECRET, "LOG_FORMAT": "json"}
        common |= {"RATE_LIMITS": "on" if limits else "off", **(environ or {})}
        return [self._start(python("carillon"), self._cores.server, PORT=str(free_port()), **common) for _ in range(count)]

    def goring(self, count: int = 1) -> list[Process]:
        """Servers as their authors ship them, debug log included; none where GORING_BIN is not set."""
        if not self.goring_program:
            return []
        common = {"REDIS_ADDR": f"127.0.0.1:{self.redis.port}", "JWT_SECRET": SECRET}
        return [
            self._start([self.goring_program], self._cores.server, PORT=str(free_port()), SERVER_ID=f"goring-{number}", **common)
            for number in range(count)
        ]

    def floor(self) -> Process:
        return self._start(python("carillon_bench.floor", free_port()), self._cores.server)

    def sink(self) -> Process:
        return self._start(python("carillon_bench.sink", free_port()), self._cores.load)
