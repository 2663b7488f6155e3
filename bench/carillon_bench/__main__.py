"""`make bench`: measure this server beside its peers, print the table, and leave the report.

    python -m carillon_bench [--short] [--out FOLDER]

GORING_BIN  the Go reference server's program, to be measured in the same run
"""

import argparse
import sys
from pathlib import Path

from carillon_bench.goals import rows
from carillon_bench.report import table, write
from carillon_bench.run import SHORT, Run, Size


def main() -> int:
    parser = argparse.ArgumentParser(prog="make bench", description="Measure this server beside its peers.")
    parser.add_argument("--short", action="store_true", help="some seconds, to see that it works; the figures say nothing")
    parser.add_argument("--out", type=Path, default=Path("docs/benchmarks"), metavar="FOLDER")
    arguments = parser.parse_args()
    figures = Run(SHORT if arguments.short else Size()).all()
    write(figures, arguments.out)
    print(table(rows(figures)))
    print(f"The report is in {arguments.out}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
