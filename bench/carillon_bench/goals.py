"""The figures beside their goals."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from carillon_bench import calls, idle, relay
from carillon_bench.peers import CARILLON, FLOOR, REFERENCE
from carillon_bench.run import OFF, ONE, TWO, V1_ONE, V1_TWO, Figures

KIB = 1024


@dataclass(frozen=True)
class Row:
    """met: None where there is no goal, or nothing to compare with."""

    what: str
    ours: str
    reference: str = ""
    ratio: str = ""
    goal: str = ""
    met: bool | None = None


def rows(figures: Figures) -> list[Row]:
    return [
        *_relays(figures),
        *_calls(figures),
        *_idle(figures),
        *_tracing(figures),
    ]


# ---------------------------------------------------------------- relays


def message_us(samples: Sequence[relay.Sample]) -> float:
    return median(sample.server_us for sample in samples)


def _relays(figures: Figures) -> list[Row]:
    found = {name: message_us(samples) for name, samples in figures.relay.items()}
    floor, there, across = found[FLOOR], found.get(REFERENCE + ONE), found.get(REFERENCE + TWO)
    local = found[CARILLON + ONE]
    return [
        Row("Relay on one server against a bare echo, server CPU", _us(local), f"echo {_us(floor)}", *_most(local, floor, 5.0)),
        Row("Relay on one server, server CPU", _us(local), _us(there), *_most(local, there, 0.9)),
        Row("Relay across two servers, CPU of both", _us(found[CARILLON + TWO]), _us(across), *_most(found[CARILLON + TWO], across, 0.7)),
        _v1("v1 relay on one server", figures, CARILLON + V1_ONE, across),
        _v1("v1 relay across two servers", figures, CARILLON + V1_TWO, across),
    ]


def _v1(what: str, figures: Figures, name: str, across: float | None) -> Row:
    """The reference has no such thing: its relay across two servers is what it is held against."""
    samples = figures.relay[name]
    ours, redis = message_us(samples), median(sample.redis_us for sample in samples)
    there = median(sample.redis_us for sample in figures.relay[REFERENCE + TWO]) if across else None
    shown = f"{_us(across)} (Redis {_us(there)})" if across else ""
    return Row(f"{what}, server CPU (Redis CPU)", f"{_us(ours)} (Redis {_us(redis)})", shown, *_most(ours, across, 1.0))


# ---------------------------------------------------------------- calls


def call_ms(samples: Sequence[calls.Sample]) -> float:
    return median(sample.server_ms for sample in samples)


def _calls(figures: Figures) -> list[Row]:
    made = []
    for where, commands in ((ONE, 15), (TWO, 40)):
        ours, theirs = figures.calls[CARILLON + where], figures.calls.get(REFERENCE + where)
        there = call_ms(theirs) if theirs else None
        made.append(Row(f"Complete call{where}, server CPU", _ms(call_ms(ours)), _ms(there), *_most(call_ms(ours), there, 1.0)))
        each = median(sample.commands_each for sample in ours)
        other = f"{median(sample.commands_each for sample in theirs):.1f}" if theirs else ""
        made.append(Row(f"Redis commands of a call{where}", f"{each:.1f}", other, "", f"≤ {commands}", round(each, 1) <= commands))
        finished, begun = sum(sample.complete for sample in ours), sum(sample.calls for sample in ours)
        made.append(Row(f"Calls complete{where}", f"{finished} of {begun}", "", "", "all", finished == begun))
    at_once, theirs_at_once = figures.concurrent[CARILLON], figures.concurrent.get(REFERENCE)
    what, complete = f"{at_once.calls} calls at once, complete", at_once.complete == at_once.calls
    return [*made, Row(what, _finished(at_once), _finished(theirs_at_once) if theirs_at_once else "", "", "all", complete)]


def _finished(sample: calls.Sample) -> str:
    return f"{sample.complete} in {sample.seconds:.2f} s"


# ---------------------------------------------------------------- idle users


def user_kib(steps: Sequence[idle.Step]) -> float:
    first, last = steps[0], steps[-1]
    return (last.resident - first.resident) / (last.users - first.users) / KIB


def accepts(steps: Sequence[idle.Step]) -> float:
    """A second of one core's CPU, over all steps but the first."""
    grown = list(pairwise(steps))
    return (steps[-1].users - steps[0].users) / sum(after.accept * (after.users - before.users) for before, after in grown)


def _idle(figures: Figures) -> list[Row]:
    ours, theirs = figures.idle[CARILLON], figures.idle.get(REFERENCE)
    few, many = ours[0], ours[-1]
    kib, other = user_kib(ours), user_kib(theirs) if theirs else None
    commands = (many.commands or 0.0) - (few.commands or 0.0)
    burst = figures.burst[0]
    at = f"{few.users} → {many.users} users"
    return [
        Row(f"Memory of an idle user, of {many.users}", _kib(kib), _kib(other), _ratio(kib, other), "≤ 28 KiB", kib <= 28),
        Row(f"Redis connections, {at}", _change(ours), _change(theirs), "", "the same", few.connections == many.connections),
        Row(f"Redis commands a second, {at}", _rates(ours), _rates(theirs), "", "no growth", commands < many.users / 1000),
        Row(
            "Authenticated accepts, a second of one core",
            f"{accepts(ours):.0f}",
            f"{accepts(theirs):.0f}" if theirs else "",
            _ratio(accepts(ours), accepts(theirs) if theirs else None),
            "≥ 800",
            accepts(ours) >= 800,
        ),
        Row(f"{burst.users} users at once", f"all in after {burst.seconds:.2f} s", "", "", "none refused", True),
    ]


def _change(steps: Sequence[idle.Step] | None) -> str:
    return f"{steps[0].connections} → {steps[-1].connections}" if steps else ""


def _rates(steps: Sequence[idle.Step] | None) -> str:
    return f"{steps[0].commands:.0f} → {steps[-1].commands:.0f}" if steps else ""


# ---------------------------------------------------------------- tracing


def _tracing(figures: Figures) -> list[Row]:
    relayed, called = message_us(figures.tracing[OFF]), call_ms(figures.traced_calls[OFF])
    made = []
    for name in figures.tracing:
        if name != OFF:
            us, ms = message_us(figures.tracing[name]), call_ms(figures.traced_calls[name])
            made.append(Row(f"Relay, {name} of calls traced", _us(us), f"untraced {_us(relayed)}", _ratio(us, relayed)))
            made.append(Row(f"Complete call, {name} of calls traced", _ms(ms), f"untraced {_ms(called)}", _ratio(ms, called)))
    return made


# ---------------------------------------------------------------- how it is written


def _most(ours: float, other: float | None, most: float) -> tuple[str, str, bool | None]:
    """(ratio, goal, met)"""
    return _ratio(ours, other), f"≤ {most:g}×", ours <= most * other if other else None


def _ratio(ours: float, other: float | None) -> str:
    return f"{ours / other:.2f}×" if other else ""


def _us(value: float | None) -> str:
    return f"{value:.1f} µs" if value is not None else ""


def _ms(value: float | None) -> str:
    return f"{value:.2f} ms" if value is not None else ""


def _kib(value: float | None) -> str:
    return f"{value:.1f} KiB" if value is not None else ""
