"""What a measurement leaves: a page with the table, the raw figures, two plots."""

import dataclasses
import json
from itertools import pairwise
from pathlib import Path

from carillon_bench import svg
from carillon_bench.goals import Row, accepts, message_us, rows
from carillon_bench.idle import Step
from carillon_bench.peers import CARILLON, REFERENCE
from carillon_bench.run import Figures

MET = {True: "yes", False: "**no**", None: ""}

PAGE = """# Benchmark

Written by `GORING_BIN=<the Go reference's program> make bench`; the raw figures are in [results.json](results.json).

{machine}

{apart}
Medians of the rounds. A ratio holds within one run only; on a shared machine the figures themselves move by a fifth.

{table}

![CPU of a relayed message](relay.svg)

![Memory and accepts as connections grow](connections.svg)

## How it is measured

- CPU is what the kernel counts for the server's processes. What the load costs is in none of it: it runs in a process of its own, and is
  listed below beside the servers' share of their core, which shows who waited for whom.
- Relays: messages of 250 bytes between {clients} clients, each of which sends the next when it gets one. Within a phase the servers take
  turns, round by round.
- The Go reference runs as its authors ship it, with its debug log going to a file.
- A v1 relay is committed to the recipient's inbox before it is acknowledged, which no reference does; it is held against the reference's
  relay across two servers, which is what carries a message past one process there.
- Memory is the growth of the resident set between the first and the last step, over the users that came. Accepts are handshakes with a
  signed token and the user's place in Redis, counted by the CPU of the server.

{load}

## Redis client

CPU of one command, 50 users at once ([decision 4](../decisions/0004-redis-link.md)):

{redis}
"""


def write(figures: Figures, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    raw = json.dumps(dataclasses.asdict(figures), indent=1, ensure_ascii=False)
    (folder / "results.json").write_text(raw + "\n")
    (folder / "README.md").write_text(page(figures))
    (folder / "relay.svg").write_text(_relay_plot(figures))
    (folder / "connections.svg").write_text(_connections_plot(figures))


def page(figures: Figures) -> str:
    return PAGE.format(
        machine=_table(("", ""), [[name, value] for name, value in figures.machine.items()]),
        apart="The servers had one core, load and Redis the other.\n"
        if figures.apart
        else "**There was one core for all: nothing here can be relied upon.**\n",
        table=table(rows(figures)),
        clients=figures.clients,
        load=_table(
            ("", "load, µs a message", "servers' share of a core", "messages a second"),
            [
                [name, f"{sample.load_us:.1f}", f"{sample.busy:.0%}", f"{sample.messages / sample.seconds:.0f}"]
                for name, samples in figures.relay.items()
                for sample in samples[-1:]
            ],
        ),
        redis=_table(("", "µs"), [[name, f"{value:.1f}"] for name, value in figures.redis_client.items()]),
    )


def table(shown: list[Row]) -> str:
    lines = [[row.what, row.ours, row.reference, row.ratio, row.goal, MET[row.met]] for row in shown]
    return _table(("", "Carillon", "Go reference, or what is named", "ratio", "goal", "met"), lines)


def _table(head: tuple[str, ...], lines: list[list[str]]) -> str:
    every = [list(head), ["---"] * len(head), *lines]
    return "\n".join(f"| {' | '.join(line)} |" for line in every)


def _relay_plot(figures: Figures) -> str:
    def kind(name: str) -> int:
        return 0 if name.startswith(CARILLON) else 1 if name.startswith(REFERENCE) else 2

    shown = [svg.Bar(name, message_us(samples), kind(name)) for name, samples in figures.relay.items()]
    return svg.bars("Server CPU of a relayed message", "µs; 250 bytes", sorted(shown, key=lambda bar: bar.value))


def _connections_plot(figures: Figures) -> str:
    def memory(steps: list[Step]) -> svg.Points:
        return [(step.users, step.resident / 2**20) for step in steps]

    def rate(steps: list[Step]) -> svg.Points:
        """Of each step alone."""
        return [(after.users, accepts([before, after])) for before, after in pairwise(steps)]

    grown = figures.idle.items()
    return svg.panels(
        [
            ("Memory of the server (MiB)", "idle users", {name: memory(steps) for name, steps in grown}),
            ("Accepts a second of one core", "users already in", {name: rate(steps) for name, steps in grown}),
        ]
    )
