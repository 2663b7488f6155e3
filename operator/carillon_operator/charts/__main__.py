"""`python -m carillon_operator.charts write` renews what is generated in charts/ and manifests/; `check` names what is not current."""

import sys
from pathlib import Path

from carillon_operator.charts.files import files

ROOT = Path()


def stale(root: Path) -> list[Path]:
    """Files that are missing or not what they would be generated as."""
    return [path for path, text in files(root).items() if not path.exists() or path.read_text() != text]


def main(arguments: list[str]) -> int:
    match arguments:
        case ["write"]:
            for path, text in files(ROOT).items():
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
        case ["check"]:
            if found := stale(ROOT):
                print("run: python -m carillon_operator.charts write", *found, sep="\n  ", file=sys.stderr)
                return 1
        case _:
            sys.stderr.write("usage: python -m carillon_operator.charts write|check\n")
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
