"""docs/clients.md names messages and fields as the server does. Whether its snippets compile is for `make snippets`."""

import json
import re
import typing
from pathlib import Path
from xml.etree import ElementTree

import pytest

from carillon.protocol import ClientMessage, ServerMessage, UserInfo
from carillon.push.message import Kind, PushRequest, apns_body, fcm_body

PAGE = (Path(__file__).parents[1] / "docs/clients.md").read_text()
NAME = "{http://schemas.android.com/apk/res/android}name"
RING = PushRequest("id", UserInfo("alice", "Alice", "al", "a.png"), "bob", "token", "ios", 2_000_000_000, media="video", data="x")
FCM = [json.loads(fcm_body(RING, kind, 0).body)["message"]["data"] for kind in Kind]
APNS = [json.loads(apns_body(RING, kind).body) for kind in Kind]


def shown(language: str) -> str:
    return "\n".join(re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL))


@pytest.mark.parametrize("language", ["swift", "kotlin", "dart"])
def test_messages_that_snippets_send_and_take_are_there(language: str) -> None:
    known = {kind.__struct_config__.tag for union in (ClientMessage, ServerMessage) for kind in typing.get_args(union)}
    named = set(re.findall(r"""["'`](call\.\w+)["'`]""", shown(language)))
    assert {"call.accept", "call.reject", "call.end"} <= named <= known


@pytest.mark.parametrize(("language", "pushes"), [("swift", APNS), ("kotlin", FCM), ("dart", FCM)])
def test_fields_that_snippets_read_of_pushes_are_sent(language: str, pushes: list[dict[str, object]]) -> None:
    read = set(re.findall(r"""(?:push|call)\[["'](\w+)["']\]""", shown(language)))
    assert {"type", "session_id", "expires_at"} <= read <= set(pushes[0])
    assert re.search(rf"""["']{Kind.INCOMING_CALL}["']""", shown(language))


def test_all_that_pushes_hold_is_listed() -> None:
    fields = {field for push in (*FCM, *APNS) for field in push}
    assert {field for field in fields if f"`{field}`" not in PAGE} == set()


def test_the_manifest_names_services_that_are_shown() -> None:
    named = {service.get(NAME) for service in ElementTree.fromstring(shown("xml")).iter("service")}
    assert named == {f".{name}" for name in re.findall(r"^class (\w+) : \w*Service\(\)", shown("kotlin"), re.MULTILINE)}
