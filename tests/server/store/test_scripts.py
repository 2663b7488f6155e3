import re
from importlib.resources import files

import pytest
from harness.links import ACL_RULES
from harness.redis import RedisServer

from carillon.store.cell import NAMES
from carillon.store.scripts import load

LUA = files("carillon.store") / "lua"


@pytest.mark.parametrize("name", NAMES)
def test_redis_knows_each_script_by_the_hash_that_is_sent(redis_server: RedisServer, name: str) -> None:
    script = load(name)
    assert redis_server.ask("SCRIPT LOAD", script.source) == script.sha1
    assert script.source.startswith((LUA / "_prelude.lua").read_bytes())


def test_every_script_that_is_there_is_used() -> None:
    assert {path.name for path in LUA.iterdir()} == {f"{name}.lua" for name in NAMES} | {"_prelude.lua"}


def test_the_rights_of_the_redis_user_cover_what_the_scripts_do() -> None:
    called = {word.lower() for name in NAMES for word in re.findall(r"redis\.call\('(\w+)'", load(name).source.decode())}
    assert called - {rule.removeprefix("+") for rule in ACL_RULES} == set()


def test_an_unknown_script_is_an_error() -> None:
    with pytest.raises(FileNotFoundError):
        load("nothing")
