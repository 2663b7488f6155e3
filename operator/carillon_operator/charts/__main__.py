"""`python -m carillon_operator.charts write` renews what is generated in charts/ and manifests/; `check` names what is not current."""

import sys
from pathlib import Path

from carillon_operator.charts.files import files
from carillon_operator.charts.manifests import helm, manifests

ROOT = Path()
UNRENDERED = "manifests/ are left out: no helm on the PATH (or name it in HELM)"


def stale(found: dict[Path, str]) -> list[Path]:
    """Files that are missing or not what they would be generated as."""
    return [path for path, text in found.items() if not path.exists() or path.read_text() != text]


def write(found: dict[Path, str]) -> None:
    for path, text in found.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def main(arguments: list[str]) -> int:
    program = helm()
    if arguments not in (["write"], ["check"]):
        sys.stderr.write("usage: python -m carillon_operator.charts write|check\n")
        return 2
    if not program:
        print(UNRENDERED, file=sys.stderr)
    if arguments == ["write"]:
        write(files(ROOT))
        # Only now: they are rendered from what was just written.
        write(manifests(ROOT, program) if program else {})
    elif found := stale(files(ROOT) | (manifests(ROOT, program) if program else {})):
        print("run: python -m carillon_operator.charts write", *found, sep="\n  ", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
