"""Starts a node's programs and remembers how, so that a stopped one can be started again."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

from cluster.paths import quiet, write

READY_WITHIN = 60.0
"""Seconds."""


class Programs:
    """Of one node, which they see as their machine. `folder` holds their logs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._started: list[subprocess.Popen[bytes]] = []

    def start(self, program: str, *arguments: str, until: tuple[str, ...] = ()) -> None:
        """until: a command that succeeds once the program serves."""
        command = [program, *arguments]
        with (self.folder / f"{program}.log").open("ab") as log:
            self._started.append(subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True))
        write(self.folder / f"{program}.run", json.dumps(command))
        deadline = time.monotonic() + READY_WITHIN
        while until and quiet(*until).returncode:
            if time.monotonic() > deadline:
                sys.exit(f"{program} did not become ready: see {self.folder}/{program}.log")
            time.sleep(0.1)

    def reap(self) -> None:
        """For ever: what they leave behind, and they themselves, for whom PID 1 is the parent."""
        while True:
            try:
                pid, status = os.wait()
            except ChildProcessError:
                time.sleep(1)
                continue
            for process in self._started:
                if process.pid == pid:
                    name = Path(str(process.args[0] if isinstance(process.args, list) else process.args)).name
                    print(f"{name} ended with {os.waitstatus_to_exitcode(status)}", file=sys.stderr, flush=True)
