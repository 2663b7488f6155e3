"""The generated documents are current, and whole."""

from pathlib import Path
from typing import Any

import yaml

from carillon import spec

ROOT = Path(__file__).parents[2]


def test_documents_are_current() -> None:
    for path, text in spec.generated(ROOT).items():
        assert path.read_text() == text, f"{path.name} is stale: python -m carillon.spec write"


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
