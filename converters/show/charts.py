"""Pictures of the report as SVG that stands in the page itself.

Colours and dashes are the page's (:mod:`learners.report.as_html`); every picture says in words
what it shows, for those who hear the page. All text is escaped here.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from typing import Literal

from converters.show.tables import cut, moment

# Beyond a few days the hour says nothing.
DAYS_SHOWN_ALONE_MS = 3 * 86_400_000
STEPS = (1.0, 2.0, 5.0, 10.0)


@dataclass(frozen=True, slots=True)
class Scale:
    """Values from low to high, drawn from begin to end."""

    low: float
    high: float
    begin: float
    end: float

    def at(self, value: float) -> float:
        """Where a value stands."""
        share = (value - self.low) / (self.high - self.low)
        return self.begin + share * (self.end - self.begin)


def scale_of(low: float, high: float, begin: float, end: float) -> Scale:
    """A scale with room on both sides where all values are one."""
    if high - low < 1e-12 * max(abs(low), abs(high), 1e-3):
        room = max(abs(low) * 0.05, 1e-3)
        return Scale(low - room, high + room, begin, end)
    return Scale(low, high, begin, end)


def ticks(low: float, high: float, about: int = 4) -> list[float]:
    """Round values between low and high, about so many."""
    raw = (high - low) / about
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(power * factor for factor in STEPS if power * factor >= raw * 0.999)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [number * step for number in range(first, last + 1)]


def tick_text(value: float, low: float, high: float) -> str:
    """A value on an axis, with as many digits as tell it from its neighbours."""
    if abs(value) >= 10_000:
        return f"{value:,.0f}"
    digits = max(0, min(6, 1 - math.floor(math.log10(high - low))))
    return f"{value:.{digits}f}"


def along(value: float, axis: Axis, span: float) -> str:
    """A value of the axis below."""
    if axis == "number":
        return f"{value:,.6g}"
    text = moment(int(value))
    return text[:10] if span > DAYS_SHOWN_ALONE_MS else text[:16].replace("T", " ")


Axis = Literal["time", "number"]


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a chart.

    Attributes:
        name: what the legend calls it.
        points: rising x, and y; None where undefined, which is a gap.
        kind: its colour and dashes; the same for one thing in all charts of a page.
    """

    name: str
    points: Sequence[tuple[float, float | None]]
    kind: int = 0


@dataclass(frozen=True, slots=True)
class LineChart:
    """Lines over a common axis.

    Attributes:
        title: what is on the upright axis.
        axis: how x is written; a time is milliseconds since 1970.
        lines: the first one is the served score's.
        marks: x at which an upright line stands, and what it says.
        ground: whether the upright axis begins at zero.
    """

    title: str
    axis: Axis
    lines: Sequence[Line]
    marks: Sequence[tuple[float, str]] = ()
    ground: bool = False


@dataclass(frozen=True, slots=True)
class BarChart:
    """Bars side by side, of one or two series that lie over each other.

    Attributes:
        title: what the heights are.
        series: the names of the series; the first is filled, the second an outline.
        bars: what each stands for, and its heights.
    """

    title: str
    series: Sequence[str]
    bars: Sequence[tuple[str, Sequence[float]]]


@dataclass(frozen=True, slots=True)
class CalibrationPlot:
    """The share of positive labels against the mean score, bin by bin.

    Attributes:
        title: whose scores.
        points: mean score, share of positive labels, and lessons of each bin that has any.
    """

    title: str
    points: Sequence[tuple[float, float, int]]


Picture = LineChart | BarChart | CalibrationPlot


WIDTH, HEIGHT = 640, 220
LEFT, RIGHT, TOP, FOOT = 56, 12, 24, 22
SIDE = 300
# Kinds of lines that the page's style tells apart.
KINDS = 8
LEGEND_LETTER, LEGEND_MARK = 6.2, 26


def draw(picture: Picture) -> str:
    """The picture as an SVG element."""
    if isinstance(picture, LineChart):
        return _line_chart(picture)
    if isinstance(picture, BarChart):
        return _bar_chart(picture)
    return _calibration(picture)


def _line_chart(chart: LineChart) -> str:
    points = [point for line in chart.lines for point in line.points]
    values = [y for _, y in points if y is not None]
    if not values:
        return ""
    places = [x for x, _ in points] + [x for x, _ in chart.marks]
    low = min(0.0, *values) if chart.ground else min(values)
    across = scale_of(min(places), max(places), LEFT, WIDTH - RIGHT)
    up = scale_of(low, max(values), HEIGHT - FOOT - 4, TOP + 4)
    drawn = [*_grid(up, WIDTH), *_foot(chart, across)]
    for number, (x, said) in enumerate(chart.marks):
        drawn.append(f'<path class="mark" d="M{across.at(x):.1f} {TOP}V{HEIGHT - FOOT}"/>')
        side = ("end", -3) if across.at(x) > WIDTH / 2 else ("start", 3)
        down = HEIGHT - FOOT - 6 - 13 * number  # one below the other, for marks may coincide
        drawn.append(_text(across.at(x) + side[1], down, said, side[0]))
    for line in reversed(chart.lines):  # the first lies on top
        drawn += _line(line, across, up)
    drawn += _legend([(line.name, f"line{line.kind % KINDS}") for line in chart.lines])
    ends = [f"{line.name} {_last(line)} at last" for line in chart.lines if _last(line)]
    return _svg(f"{chart.title}: {'; '.join(ends)}.", WIDTH, HEIGHT, drawn)


def _line(line: Line, across: Scale, up: Scale) -> Iterator[str]:
    """A path that is lifted where a value is undefined; a dot where it has no neighbour."""
    kind = line.kind % KINDS
    steps: list[str] = []
    before = after = None
    for place, (x, y) in enumerate(line.points):
        after = line.points[place + 1][1] if place + 1 < len(line.points) else None
        if y is not None:
            at = f"{across.at(x):.1f} {up.at(y):.1f}"
            steps.append(f"{'M' if before is None else 'L'}{at}")
            if before is None and after is None:
                where = f'cx="{across.at(x):.1f}" cy="{up.at(y):.1f}"'
                yield f'<circle class="dot{kind}" {where} r="2.5"/>'
        before = y
    if steps:
        yield f'<path class="line{kind}" d="{"".join(steps)}"/>'


def _last(line: Line) -> str:
    return next((f"{y:.4g}" for _, y in reversed(line.points) if y is not None), "")


def _bar_chart(chart: BarChart) -> str:
    most = max((height for _, heights in chart.bars for height in heights), default=0.0)
    if most <= 0:
        return ""
    up = scale_of(0.0, most, HEIGHT - FOOT, TOP + 4)
    width = (WIDTH - RIGHT - LEFT) / len(chart.bars)
    drawn = [*_grid(up, WIDTH)]
    for place, (_, heights) in enumerate(chart.bars):
        for kind, height in zip(("first", "second"), heights, strict=False):
            drawn.append(_bar(kind, LEFT + place * width + 1, up, height, width - 2))
    every = max(1, -(-len(chart.bars) // 8))
    for place, (said, _) in enumerate(chart.bars):
        if place % every == 0:
            drawn.append(_text(LEFT + (place + 0.5) * width, HEIGHT - 6, said, "middle"))
    if len(chart.series) > 1:
        drawn += _legend(list(zip(chart.series, ("first", "second"), strict=False)))
    highest = max(chart.bars, key=lambda bar: max(bar[1]))[0]
    said = f"{chart.title}: {len(chart.bars)} bars, the highest at {highest}."
    return _svg(said, WIDTH, HEIGHT, drawn)


def _bar(kind: str, left: float, up: Scale, height: float, width: float) -> str:
    top = up.at(height)
    place = f'x="{left:.1f}" y="{top:.1f}" width="{width:.1f}" height="{up.begin - top:.1f}"'
    return f'<rect class="{kind}" {place}/>'


def _calibration(plot: CalibrationPlot) -> str:
    if not plot.points:
        return ""
    ground = SIDE - FOOT
    across, up = Scale(0, 1, LEFT, SIDE - RIGHT), Scale(0, 1, ground, TOP)
    most = max(count for _, _, count in plot.points)
    drawn = [*_grid(up, SIDE)]
    for score, _, count in plot.points:
        high = count / most * 40
        place = f'x="{across.at(score) - 4:.1f}" y="{ground - high:.1f}" height="{high:.1f}"'
        drawn.append(f'<rect class="first" {place} width="8"/>')
    drawn.append(f'<path class="mark" d="M{LEFT} {ground}L{SIDE - RIGHT} {TOP}"/>')
    for score, share, count in plot.points:
        where = f'cx="{across.at(score):.1f}" cy="{up.at(share):.1f}"'
        told = f"<title>{count:,} lessons: mean score {score:.3f}, {share:.3f} positive</title>"
        drawn.append(f'<circle class="rate" {where} r="3.5">{told}</circle>')
    drawn += [_text(across.at(v), SIDE - 6, f"{v:.1f}", "middle") for v in (0.0, 0.5, 1.0)]
    said = f"{plot.title}: share of positive labels against the mean score of {len(plot.points)} "
    return _svg(f"{said}bins; on the slanted line they agree.", SIDE, SIDE, drawn)


def _grid(up: Scale, width: int) -> Iterator[str]:
    for value in ticks(up.low, up.high):
        at = up.at(value)
        yield f'<path class="scale" d="M{LEFT} {at:.1f}H{width - RIGHT}"/>'
        yield _text(LEFT - 6, at + 4, tick_text(value, up.low, up.high), "end")


def _foot(chart: LineChart, across: Scale) -> Iterator[str]:
    """The values below: both ends and the middle."""
    low, high = across.low, across.high
    for value, side in ((low, "start"), ((low + high) / 2, "middle"), (high, "end")):
        yield _text(across.at(value), HEIGHT - 6, along(value, chart.axis, high - low), side)


def _legend(entries: Sequence[tuple[str, str]]) -> Iterator[str]:
    """Names with a sample of their line or bar; ``(name, class)``."""
    left = float(LEFT)
    for name, style in entries:
        shown = cut(name)
        if style.startswith("line"):
            yield f'<path class="{style}" d="M{left:.0f} 10H{left + 18:.0f}"/>'
        else:
            yield f'<rect class="{style}" x="{left:.0f}" y="4" width="14" height="10"/>'
        yield _text(left + LEGEND_MARK - 4, 14, shown, "start")
        left += LEGEND_MARK + 10 + LEGEND_LETTER * len(shown)


def _text(across: float, down: float, text: str, anchor: str) -> str:
    place = f'x="{across:.1f}" y="{down:.1f}" text-anchor="{anchor}"'
    return f"<text {place}>{escape(cut(text))}</text>"


def _svg(said: str, width: int, height: int, drawn: Sequence[str]) -> str:
    size = f'viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
    label = escape(cut(said, 400), quote=True)
    return f'<svg role="img" aria-label="{label}" {size}>{"".join(drawn)}</svg>'
