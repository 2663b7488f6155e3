"""The real server as a child process, and plain WebSocket users of it."""

import base64
import contextlib
import hashlib
import hmac
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from email.message import Message
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

from harness.ports import free_port
from harness.redis import die_with_parent
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

STARTS = 60.0
"""Seconds: a second of CPU, which a machine with ten other jobs takes long to give."""
SECRET = "a secret for tests, thirty-two bytes long"


def token(user_id: str, *, secret: str = SECRET, seconds: float = 600, **claims: Any) -> str:
    """An HS256 token as a customer's backend would sign it."""

    def part(value: bytes) -> bytes:
        return base64.urlsafe_b64encode(value).rstrip(b"=")

    payload = {"hash": user_id, "name": user_id.title(), "exp": int(time.time() + seconds), **claims}
    signed = part(b'{"alg":"HS256","typ":"JWT"}') + b"." + part(json.dumps(payload).encode())
    return (signed + b"." + part(hmac.new(secret.encode(), signed, hashlib.sha256).digest())).decode()


class Answer(NamedTuple):
    status: int
    headers: Message
    body: bytes


class ServerProcess:
    """`python -m carillon` on a free port, ended by its pid."""

    def __init__(self, redis_url: str, cell: str, **environ: str) -> None:
        self.port = free_port()
        fast = {"DRAIN_DELAY": "0", "DRAIN_SECONDS": "1", "GRACE_PERIOD": "7", "ATTENDANCE_RENEWAL": "1", "SWEEP_INTERVAL": "0.1"}
        fast |= {"POD_LEASE": "3", "POD_RENEWAL": "0.5", "PING_INTERVAL": "1", "PING_TIMEOUT": "1"}
        own = {"PORT": str(self.port), "HOST": "127.0.0.1", "REDIS_URL": redis_url, "CELL": cell, "JWT_SECRET": SECRET}
        self._environ = {**os.environ, **fast, **own, **environ}
        self._log = Path(tempfile.mkstemp(prefix="carillon-server-", suffix=".log")[1])
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "ServerProcess":
        with self._log.open("wb") as log:
            command = [sys.executable, "-m", "carillon"]
            self.process = subprocess.Popen(command, env=self._environ, stdout=log, stderr=log, preexec_fn=die_with_parent)
        deadline = time.monotonic() + STARTS
        while time.monotonic() < deadline and self.process.poll() is None:
            if self.status("/livez") == 200:
                return self
            time.sleep(0.05)
        raise RuntimeError(f"the server did not start: {self.log}")

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self._log.unlink(missing_ok=True)

    @property
    def log(self) -> str:
        return self._log.read_text()

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/ws"

    def status(self, path: str, **headers: str) -> int:
        return self.get(path, **headers)[0]

    def get(self, path: str, **headers: str) -> tuple[int, bytes]:
        """(0, nothing) where nobody answers."""
        with contextlib.suppress(urllib.error.URLError, ConnectionError):
            answer = self.ask(path, headers=headers)
            return answer.status, answer.body
        return 0, b""

    def ask(self, path: str, method: str = "GET", headers: dict[str, str] | None = None) -> "Answer":
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", method=method, headers=headers or {})
        try:
            with urllib.request.urlopen(request, timeout=5) as answer:
                return Answer(answer.status, answer.headers, answer.read())
        except urllib.error.HTTPError as refused:
            return Answer(refused.code, refused.headers, refused.read())

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def terminate(self, sig: signal.Signals = signal.SIGTERM) -> None:
        assert self.process is not None
        self.process.send_signal(sig)

    def wait(self, seconds: float = 20) -> int:
        assert self.process is not None
        return self.process.wait(seconds)


class User:
    """A client of the reference's protocol over a real WebSocket."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket

    @classmethod
    async def join(cls, server: ServerProcess, user_id: str, **claims: Any) -> "User":
        return cls(await connect(f"{server.url}?token={token(user_id, **claims)}"))

    @classmethod
    async def join_v1(cls, server: ServerProcess, user_id: str, bearer: str | None = None) -> "User":
        protocols = [Subprotocol("carillon.v1"), Subprotocol(f"bearer.{bearer or token(user_id)}")]
        return cls(await connect(server.url, subprotocols=protocols))

    async def say(self, kind: str, n: int | None = None, **payload: Any) -> None:
        await self.socket.send(json.dumps({"type": kind, "payload": payload} | ({} if n is None else {"n": n})))

    async def hear(self, kind: str) -> dict[str, Any]:
        """The next message, heartbeats aside, which must be of this kind; its payload."""
        message = await self.next_message()
        while message["type"] == "session.ping" != kind:
            await self.say("session.pong", **message["payload"])
            message = await self.next_message()
        assert message["type"] == kind, message
        payload: dict[str, Any] = message["payload"]
        return payload

    async def next_message(self) -> dict[str, Any]:
        message: dict[str, Any] = json.loads(await self.socket.recv())
        return message

    async def code(self) -> int:
        """The close code that the server sends."""
        with contextlib.suppress(ConnectionClosed):
            async for _ in self.socket:
                pass
        assert self.socket.close_code is not None
        return self.socket.close_code
