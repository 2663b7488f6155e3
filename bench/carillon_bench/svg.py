"""Plots as SVG, as plain as they can be: bars, and lines over a common axis. Coordinates in pixels."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

COLOURS = ("#1b6ca8", "#d1495b", "#8d99ae", "#edae49")
FONT = "font-family='system-ui, sans-serif' font-size='13'"
LEFT, RIGHT, ROW = 250, 70, 30
WIDTH, HEIGHT = 420, 260


def text(x: float, y: float, words: str, anchor: str = "start", extra: str = "") -> str:
    return f"<text x='{x:.1f}' y='{y:.1f}' text-anchor='{anchor}' fill='#222' {extra}>{escape(words)}</text>"


def page(width: float, height: float, parts: Sequence[str]) -> str:
    body = "\n".join(parts)
    head = (
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {width:.0f} {height:.0f}' width='{width:.0f}' height='{height:.0f}' {FONT}>"
    )
    return f"{head}\n<rect width='100%' height='100%' fill='white'/>\n{body}\n</svg>\n"


@dataclass(frozen=True)
class Bar:
    name: str
    value: float
    kind: int
    """Which colour."""


def bars(title: str, unit: str, shown: Sequence[Bar], width: float = 460) -> str:
    most = max(bar.value for bar in shown)
    parts = [text(10, 24, f"{title} ({unit})", extra="font-weight='bold'")]
    for number, bar in enumerate(shown):
        y, length = 44 + number * ROW, bar.value / most * width
        parts.append(text(LEFT - 8, y + 15, bar.name, "end"))
        parts.append(f"<rect x='{LEFT}' y='{y}' width='{length:.1f}' height='{ROW - 8}' fill='{COLOURS[bar.kind]}'/>")
        parts.append(text(LEFT + length + 6, y + 15, f"{bar.value:.1f}"))
    return page(LEFT + width + RIGHT, 56 + len(shown) * ROW, parts)


Points = Sequence[tuple[float, float]]


def panel(title: str, across: str, lines: Mapping[str, Points], x: float) -> list[str]:
    """One diagram whose axes begin at 0. x: where on the page."""
    most_x, most_y = (_round_up(max(point[axis] for points in lines.values() for point in points)) for axis in (0, 1))
    left, bottom = x + 60, 50 + HEIGHT
    parts = [text(left, 24, title, extra="font-weight='bold'"), text(left + WIDTH / 2, bottom + 38, across, "middle")]
    for tenths in range(0, 11, 2):
        y, at = bottom - HEIGHT * tenths / 10, left + WIDTH * tenths / 10
        parts.append(f"<line x1='{left}' y1='{y}' x2='{left + WIDTH}' y2='{y}' stroke='#ddd'/>")
        parts.append(text(left - 6, y + 4, f"{most_y * tenths / 10:g}", "end"))
        parts.append(text(at, bottom + 18, f"{most_x * tenths / 10:g}", "middle"))
    for kind, (name, points) in enumerate(lines.items()):
        places = [(left + WIDTH * a / most_x, bottom - HEIGHT * b / most_y) for a, b in points]
        joined = " ".join(f"{a:.1f},{b:.1f}" for a, b in places)
        parts.append(f"<polyline points='{joined}' fill='none' stroke='{COLOURS[kind]}' stroke-width='2'/>")
        parts += [f"<circle cx='{a:.1f}' cy='{b:.1f}' r='3' fill='{COLOURS[kind]}'/>" for a, b in places]
        parts.append(f"<rect x='{left + 12}' y='{60 + 20 * kind}' width='12' height='12' fill='{COLOURS[kind]}'/>")
        parts.append(text(left + 30, 71 + 20 * kind, name))
    return parts


def panels(shown: Sequence[tuple[str, str, Mapping[str, Points]]]) -> str:
    """Diagrams beside each other: (title, what goes across, lines)."""
    step = WIDTH + 90
    parts = [part for number, (title, across, lines) in enumerate(shown) for part in panel(title, across, lines, number * step)]
    return page(len(shown) * step, HEIGHT + 100, parts)


def _round_up(value: float) -> float:
    """To the next number that divides well."""
    size: float = 1.0
    while size * 10 <= value:
        size *= 10
    return next(size * step for step in (1, 2, 2.5, 5, 10) if size * step >= value)
