"""What documents point to is there, and what they show works."""

import json
import re
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from carillon.auth import Authenticator
from carillon.config import AuthSettings, Settings
from carillon_operator.spec import decode, problems

ROOT = Path(__file__).parents[1]
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


def documents() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "*.md"], cwd=ROOT, capture_output=True, text=True, check=True)
    names = [
        name for name in listed.stdout.splitlines() if not name.startswith("docs/templates/")
    ]  # its links are those of what is made of it
    return [ROOT / name for name in names if (ROOT / name).exists()]


def anchors(page: Path) -> set[str]:
    """As code hosts make them of headings."""
    found = set()
    for heading in re.findall(r"^#+ (.*)$", FENCE.sub("", page.read_text()), re.MULTILINE):
        text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "").replace("*", "")
        found.add(re.sub(r"[^\w\- ]", "", text.strip().lower()).replace(" ", "-"))
    return found


def test_no_link_between_documents_is_dead() -> None:
    dead = []
    for page in documents():
        for link in re.findall(r"\]\(([^)\s]+)\)", FENCE.sub("", page.read_text())):
            path, _, anchor = link.partition("#")
            if "://" in link:
                continue
            target = (page.parent / path).resolve() if path else page
            if not target.exists() or (anchor and target.suffix == ".md" and anchor not in anchors(target)):
                dead.append(f"{page.relative_to(ROOT)}: {link}")
    assert dead == []


def test_every_target_of_make_that_is_named_is_there() -> None:
    targets = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {
        name for page in documents() for name in re.findall(r"(?:`|^|\b[A-Z_]+=\S+ )make ([a-z][a-z0-9-]*)", page.read_text(), re.MULTILINE)
    }
    assert {"run", "test"} <= named
    assert named - targets == set()


def test_the_index_of_decisions_names_them_all() -> None:
    folder = ROOT / "docs/decisions"
    index = (folder / "README.md").read_text()
    pages = sorted(folder.glob("0*.md"))
    assert len({page.name[:4] for page in pages}) == len(pages), "two decisions of one number"
    for page in pages:
        title = re.match(r"# (\d{4}): (.+)\n\n(\d{4}-\d\d-\d\d)\n", page.read_text())
        assert title is not None, f"{page.name}: begins with '# NNNN: title' and a date"
        assert f"| [{title[1]}]({page.name}) | {title[2]} | {title[3]} |" in index, f"{page.name} is not in docs/decisions/README.md"


@pytest.mark.parametrize("page", documents(), ids=lambda page: str(page.relative_to(ROOT)))
def test_documents_end_their_tables_and_fences(page: Path) -> None:
    text = page.read_text()
    assert len(re.findall(r"^```", text, re.MULTILINE)) % 2 == 0
    for table in re.findall(r"(?:^\|.*\|$\n?){2,}", FENCE.sub("", text), re.MULTILINE):
        columns = {len(re.findall(r"(?<!\\)\|", row)) for row in table.splitlines()}
        assert len(columns) == 1, table.splitlines()[0]


def examples(page: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", (ROOT / page).read_text(), re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("page", ["docs/networking.md", "docs/operations.md"])
def test_resources_that_are_shown_are_valid(page: str) -> None:
    for text in examples(page, "yaml"):
        for resource in yaml.safe_load_all(text):
            if resource.get("kind", "SignalingCluster") == "SignalingCluster":
                assert problems(decode(resource).spec) == []


def test_variables_that_are_shown_are_settings_that_a_server_starts_with() -> None:
    (block,) = examples("docs/networking.md", "sh")
    settings = Settings.from_env({"JWT_SECRET": "x" * 32} | dict(line.split("=", 1) for line in block.splitlines()))
    assert len(settings.turn.urls) == 3


async def test_a_backend_that_signs_as_shown_is_believed(tmp_path: Path) -> None:
    keyring = tmp_path / "keyring.json"
    keyring.write_text(
        json.dumps({"keys": [{"kid": "a", "secret": "x" * 32, "use": "sign"}, {"kid": "b", "secret": "y" * 32, "use": "verify"}]})
    )
    (code,) = examples("docs/clients.md", "python")
    found: dict[str, Any] = {}
    exec(code.replace("/etc/calls/keyring.json", str(keyring)), found)
    identity = await Authenticator(AuthSettings(keyring_file=keyring), longest=4096).authenticate(found["token"]("bob", "Bob"), time.time())
    assert (identity.user.user_id, identity.user.name) == ("bob", "Bob")
