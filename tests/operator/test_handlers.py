"""How kopf is started."""

import asyncio
import pwd

import kopf
import pytest

from carillon_operator import handlers


async def test_it_starts_under_a_user_id_that_has_no_name(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(uid: int) -> pwd.struct_passwd:
        raise KeyError(f"getpwuid(): uid not found: {uid}")

    monkeypatch.setattr(pwd, "getpwuid", unknown)
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    tasks = await handlers.watch(kopf.OperatorRegistry(), ["default"], "me")
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
