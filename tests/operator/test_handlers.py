"""How kopf is started."""

import asyncio
import contextlib
import pwd
import threading
from typing import Any

import kopf
import pytest

from carillon_operator.handlers import Kopf


async def test_it_starts_under_a_user_id_that_has_no_name(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(uid: int) -> pwd.struct_passwd:
        raise KeyError(f"getpwuid(): uid not found: {uid}")

    monkeypatch.setattr(pwd, "getpwuid", unknown)
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    asked = threading.Event()
    registry = kopf.OperatorRegistry()

    @kopf.on.login(registry=registry)
    async def login(**_: Any) -> kopf.ConnectionInfo:
        asked.set()
        return kopf.ConnectionInfo(server="http://127.0.0.1:1")

    running = asyncio.create_task(Kopf(registry, ["default"], "me").run())
    try:
        assert await asyncio.to_thread(asked.wait, 10)
    finally:
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running
