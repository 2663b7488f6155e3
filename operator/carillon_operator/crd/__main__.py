"""`python -m carillon_operator.crd` prints the CustomResourceDefinition, with `reference` its documentation; `write` renews both files."""

import sys
from pathlib import Path

from carillon_operator.crd import as_yaml, markdown

FILES = {Path("manifests/crd/carillon.dev_signalingclusters.yaml"): as_yaml, Path("docs/signalingcluster.md"): markdown}


def main(arguments: list[str]) -> int:
    match arguments:
        case []:
            sys.stdout.write(as_yaml())
        case ["reference"]:
            sys.stdout.write(markdown())
        case ["write"]:
            for path, text in FILES.items():
                path.write_text(text())
        case _:
            sys.stderr.write("usage: python -m carillon_operator.crd [reference | write]\n")
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
