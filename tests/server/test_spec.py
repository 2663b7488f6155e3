"""The generated documents are current, and whole."""

from pathlib import Path
from typing import Any

import msgspec
import yaml

from carillon import protocol, spec

ROOT = Path(__file__).parents[2]


def test_documents_are_current() -> None:
    for path, text in spec.generated(ROOT).items():
        assert path.read_text() == text, f"{path.name} is stale: python -m carillon.spec write"


def test_the_call_written_out_in_the_page_consists_of_messages_that_there_are() -> None:
    page = (ROOT / "docs/protocol.md").read_text()
    lines = [line.split(" ", 1) for line in page.splitlines() if line[:2] in ("→ ", "← ")]
    assert {way for way, _ in lines} == {"→", "←"}
    for way, text in lines:
        given = msgspec.json.decode(text)
        if given["type"].startswith("webrtc."):
            assert protocol.relay_session(protocol.decode(text)) == "173b"  # type: ignore[arg-type] # a relay, as the page shows it
        elif way == "→":
            assert protocol.decode(text).__struct_config__.tag == given["type"]
        else:
            known = msgspec.to_builtins(msgspec.json.decode(text, type=protocol.ServerMessage))
            assert known == given, "a field that no message has, or one that is never sent"


def test_every_reference_of_the_asyncapi_document_resolves() -> None:
    document = yaml.safe_load((ROOT / "docs/asyncapi.yaml").read_text())
    assert document["asyncapi"] == "3.0.0"

    def references(node: Any) -> list[str]:
        if isinstance(node, dict):
            own = [node["$ref"]] if "$ref" in node else []
            return own + [one for value in node.values() for one in references(value)]
        return [one for value in node for one in references(value)] if isinstance(node, list) else []

    found = references(document)
    assert found
    for reference in found:
        node = document
        for part in reference.removeprefix("#/").split("/"):
            node = node[part]
    assert {"call.start", "session.welcome", "error"} <= set(document["components"]["messages"])
