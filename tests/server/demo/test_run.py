"""`make run`, by its command: what it prints, what it leaves behind."""

import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from harness.ports import free_port
from harness.redis import RedisServer, die_with_parent


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the run keeps its files. Unix sockets have short names."""
    return Path(tempfile.mkdtemp(prefix="run-", dir="/tmp"))


class Run:
    def __init__(self, folder: Path, **environ: str) -> None:
        environ = {**os.environ, "TMPDIR": str(folder), "PYTHONUNBUFFERED": "1", **environ}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "carillon.demo"],
            env=environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            preexec_fn=die_with_parent,
        )

    def invitation(self) -> str:
        assert self.process.stdout is not None
        return next(line for line in self.process.stdout if "in two tabs" in line)


@pytest.fixture
def runs(folder: Path) -> Iterator[list[Run]]:
    made: list[Run] = []
    yield made
    for run in made:
        if run.process.poll() is None:
            run.process.terminate()
        run.process.communicate(timeout=30)
    folder.rmdir()


@pytest.mark.parametrize(("how", "path"), [("SIGTERM", ""), ("Ctrl-C", os.environ["PATH"])], ids=["no Redis here", "as it is"])
def test_it_invites_once_it_serves_makes_a_call_and_leaves_nothing_behind(folder: Path, runs: list[Run], how: str, path: str) -> None:
    port = free_port()
    run = Run(folder, PORT=str(port), PATH=path)
    runs.append(run)
    assert f"http://localhost:{port} " in run.invitation()
    command = [sys.executable, "-m", "carillon.client", "call", "--url", f"ws://localhost:{port}/ws"]
    environ = {name: value for name, value in os.environ.items() if name != "JWT_SECRET"}
    call = subprocess.run(command, capture_output=True, text=True, check=False, env=environ, timeout=60)
    assert "a complete call in" in call.stdout, call.stderr
    children = psutil.Process(run.process.pid).children(recursive=True)
    assert len(children) >= 2
    if how == "Ctrl-C":
        os.killpg(run.process.pid, signal.SIGINT)  # The terminal's Ctrl-C reaches every process of the group.
    else:
        run.process.terminate()
    said, errors = run.process.communicate(timeout=30)
    assert run.process.returncode == 0
    assert "Traceback" not in said + errors
    assert list(folder.iterdir()) == []
    with pytest.raises(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port), 1):
        pass
    assert not any(child.is_running() for child in children)


def test_a_redis_of_ones_own_is_used_and_left_running(redis_server: RedisServer, folder: Path, runs: list[Run]) -> None:
    run = Run(folder, PORT=str(free_port()), REDIS_URL=redis_server.url)
    runs.append(run)
    run.invitation()
    run.process.terminate()
    run.process.communicate(timeout=30)
    with Run(folder, PORT="0", REDIS_URL="nonsense").process as refused:
        _, errors = refused.communicate(timeout=30)
    assert refused.returncode == 2
    assert "REDIS_URL" in errors


@pytest.mark.parametrize("variable", ["PORT", "METRICS_PORT"])
def test_a_taken_port_is_told_in_one_line(redis_server: RedisServer, variable: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        environ = {"JWT_SECRET": "0123456789abcdef0123456789abcdef", "REDIS_URL": redis_server.url, "HOST": "127.0.0.1", "PORT": "0"}
        command = [sys.executable, "-m", "carillon"]
        ran = subprocess.run(command, env=environ | {variable: port}, capture_output=True, text=True, check=False, timeout=30)
    assert ran.returncode == 1
    assert re.search(rf"nothing can listen on {variable} {port}: Address already in use", ran.stderr)
    assert "Traceback" not in ran.stderr
