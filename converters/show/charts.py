"""The charts of every report's page, as SVG within the page: lines, bars, calibration.

Colours and dashes are those of the page's style. Every chart says in words what it shows, for
readers who hear the page, and is empty where there is no number to draw. All text is escaped here.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from html import escape
from itertools import groupby
from typing import Literal

from converters.show.tables import cut, moment

# Beyond a few days the hour says nothing.
DAYS_WITHOUT_HOUR_MS = 3 * 86_400_000
STEPS = (1.0, 2.0, 5.0, 10.0)


@dataclass(frozen=True, slots=True)
class Scale:
    """Values from low to high, drawn from begin to end."""

    low: float
    high: float
    begin: float
    end: float

    def at(self, value: float) -> float:
        """The place of a value."""
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
    """A value on an axis, with as many digits as distinguish it from its neighbours."""
    if abs(value) >= 10_000:
        return f"{value:,.0f}"
    digits = max(0, min(6, 1 - math.floor(math.log10(high - low))))
    return f"{value:.{digits}f}"


def along(value: float, axis: Axis, span: float) -> str:
    """A value of the axis below."""
    if axis == "number":
        return f"{value:,.6g}"
    text = moment(int(value))
    return text[:10] if span > DAYS_WITHOUT_HOUR_MS else text[:16].replace("T", " ")


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
        marks: x of an upright line, and what it says.
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
        bars: the text of each, and its heights.
        rates: a share of each bar, shown as a dot on a scale from 0 to 1; None shows no dot.
        horizontal: whether bars lie one below the other, each beside its text.
    """

    title: str
    series: Sequence[str]
    bars: Sequence[tuple[str, Sequence[float]]]
    rates: Sequence[float | None] = ()
    horizontal: bool = False


@dataclass(frozen=True, slots=True)
class SignedBars:
    """Bars one below the other, to both sides of a line at zero; those below it are outlines.

    Attributes:
        title: what the lengths are.
        bars: the text of each, and its length.
    """

    title: str
    bars: Sequence[tuple[str, float]]


@dataclass(frozen=True, slots=True)
class CalibrationPlot:
    """The share of positive labels against the mean score, bin by bin.

    Attributes:
        title: whose scores.
        points: mean score, share of positive labels, and labelled examples of each bin
            that has any.
    """

    title: str
    points: Sequence[tuple[float, float, int]]


Chart = LineChart | BarChart | SignedBars | CalibrationPlot


WIDTH, HEIGHT = 640, 220
LEFT, RIGHT, TOP, FOOT = 56, 12, 24, 22
SIDE = 300
# Kinds of lines that the page's style distinguishes.
KINDS = 8
LETTER_WIDTH, LEGEND_MARK = 6.2, 26
# How many bars of a chart have their text below them, at most.
LABELLED_BARS = 8
# Horizontal bars: the height of a row, where bars begin and end, and where their rates do.
ROW, BEGIN, END = 20, 190, 470
RATES = (490, 600)
ROW_LETTERS = 28


def draw(chart: Chart) -> str:
    """The chart as an SVG element; empty if it holds no number."""
    if isinstance(chart, LineChart):
        return _line_chart(chart)
    if isinstance(chart, BarChart):
        return _bar_chart(chart)
    if isinstance(chart, SignedBars):
        return _signed(chart)
    return _calibration(chart)


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
        down = HEIGHT - FOOT - 6 - 13 * number  # one below the other, since marks may coincide
        drawn.append(_text(across.at(x) + side[1], down, said, side[0]))
    for line in reversed(chart.lines):  # the first lies on top
        drawn += _line(line, across, up)
    drawn += _legend([(line.name, f"line{line.kind % KINDS}") for line in chart.lines])
    known = [(line.name, [y for _, y in line.points if y is not None]) for line in chart.lines]
    ends = [f"{name} {ys[-1]:.4g} at last" for name, ys in known if ys]
    return _svg(f"{chart.title}: {'; '.join(ends)}.", WIDTH, HEIGHT, drawn)


def _line(line: Line, across: Scale, up: Scale) -> Iterator[str]:
    """A path that is lifted where a value is undefined; a dot where it has no neighbour."""
    kind = line.kind % KINDS
    path = ""
    for defined, run in groupby(line.points, lambda point: point[1] is not None):
        places = [(across.at(x), up.at(y)) for x, y in run if y is not None]
        if not defined:
            continue
        path += "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in places)
        if len(places) == 1:
            (x, y) = places[0]
            yield f'<circle class="dot{kind}" cx="{x:.1f}" cy="{y:.1f}" r="2.5"/>'
    if path:
        yield f'<path class="line{kind}" d="{path}"/>'


def _bar_chart(chart: BarChart) -> str:
    most = max((height for _, heights in chart.bars for height in heights), default=0.0)
    if most <= 0:
        return ""
    highest, heights = max(chart.bars, key=lambda bar: max(bar[1]))
    each = ", ".join(f"{n} {h:.4g}" for n, h in zip(chart.series, heights, strict=False))
    said = f"{chart.title}: {len(chart.bars)} bars, the highest at {cut(highest)} ({each})."
    if chart.horizontal:
        return _svg(said, WIDTH, ROW * len(chart.bars), _horizontal(chart, most))
    return _svg(said, WIDTH, HEIGHT, _upright(chart, most))


def _upright(chart: BarChart, most: float) -> Iterator[str]:
    up = scale_of(0.0, most, HEIGHT - FOOT, TOP + 4)
    yield from _grid(up, WIDTH)
    width = (WIDTH - RIGHT - LEFT) / len(chart.bars)
    for place, (_, heights) in enumerate(chart.bars):
        for kind, height in zip(("first", "second"), heights, strict=False):
            top = up.at(height)
            yield _rectangle(kind, LEFT + place * width + 1, top, width - 2, up.begin - top)
    shares = scale_of(0.0, 1.0, HEIGHT - FOOT - 4, TOP + 4)
    for place, rate in enumerate(chart.rates):
        if rate is not None:
            yield _dot(LEFT + (place + 0.5) * width, shares.at(rate))
    texts = [cut(text) for text, _ in chart.bars]
    room = (max(map(len, texts)) + 1) * LETTER_WIDTH
    every = max(1, -(-len(texts) // LABELLED_BARS), math.ceil(room / width))
    last = len(texts) - 1
    for place in [*range(0, last - every + 1, every), last]:
        middle = LEFT + (place + 0.5) * width
        inside = min(middle, WIDTH - LETTER_WIDTH * len(texts[place]) / 2)
        yield _text(inside, HEIGHT - 6, texts[place], "middle")
    if len(chart.series) > 1:
        yield from _legend(list(zip(chart.series, ("first", "second"), strict=False)))


def _horizontal(chart: BarChart, most: float) -> Iterator[str]:
    across, shares = Scale(0.0, most, 0, END - BEGIN), Scale(0.0, 1.0, *RATES)
    for place, (text, heights) in enumerate(chart.bars):
        top = place * ROW
        yield _text(BEGIN - 6, top + 14, cut(text, ROW_LETTERS), "end")
        for kind, height in zip(("first", "second"), heights, strict=False):
            yield _rectangle(kind, BEGIN, top + 4, across.at(height), ROW - 8)
        rate = chart.rates[place] if chart.rates else None
        if rate is not None:
            yield f'<path class="scale" d="M{RATES[0]} {top + 10}H{RATES[1]}"/>'
            yield _dot(shares.at(rate), top + 10)


def _signed(chart: SignedBars) -> str:
    most = max((abs(value) for _, value in chart.bars), default=0.0)
    if not most:
        return ""
    across = Scale(-most, most, BEGIN, RATES[1] - 40)
    high = ROW * len(chart.bars)
    drawn = [f'<path class="scale" d="M{across.at(0):.1f} 0V{high}"/>']
    for place, (text, value) in enumerate(chart.bars):
        begin, end = sorted((across.at(0), across.at(value)))
        kind = "first" if value > 0 else "second"
        drawn += [
            _text(BEGIN - 6, place * ROW + 14, cut(text, ROW_LETTERS), "end"),
            _rectangle(kind, begin, place * ROW + 4, end - begin, ROW - 8),
            _text(WIDTH - 6, place * ROW + 14, f"{value:+.3f}", "end"),
        ]
    each = ", ".join(f"{text} {value:+.3f}" for text, value in chart.bars)
    return _svg(f"{chart.title}: {each}.", WIDTH, high, drawn)


def _rectangle(kind: str, left: float, top: float, width: float, height: float) -> str:
    place = f'x="{left:.1f}" y="{top:.1f}" width="{width:.1f}" height="{height:.1f}"'
    return f'<rect class="{kind}" {place}/>'


def _dot(across: float, down: float) -> str:
    return f'<circle class="rate" cx="{across:.1f}" cy="{down:.1f}" r="3"/>'


def _calibration(plot: CalibrationPlot) -> str:
    if not plot.points:
        return ""
    ground = SIDE - FOOT
    across, up = Scale(0, 1, LEFT, SIDE - RIGHT), Scale(0, 1, ground, TOP)
    most = max(count for _, _, count in plot.points)
    drawn = [*_grid(up, SIDE)]
    for score, _, count in plot.points:
        high = count / most * 40
        drawn.append(_rectangle("first", across.at(score) - 4, ground - high, 8, high))
    drawn.append(f'<path class="mark" d="M{LEFT} {ground}L{SIDE - RIGHT} {TOP}"/>')
    for score, share, count in plot.points:
        where = f'cx="{across.at(score):.1f}" cy="{up.at(share):.1f}"'
        said = f"{count:,} labelled examples: mean score {score:.3f}, {share:.3f} positive"
        drawn.append(f'<circle class="rate" {where} r="3.5"><title>{said}</title></circle>')
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
        left += LEGEND_MARK + 10 + LETTER_WIDTH * len(shown)


def _text(across: float, down: float, text: str, anchor: str) -> str:
    place = f'x="{across:.1f}" y="{down:.1f}" text-anchor="{anchor}"'
    return f"<text {place}>{escape(cut(text))}</text>"


def _svg(said: str, width: int, height: int, drawn: Iterable[str]) -> str:
    size = f'viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
    label = escape(cut(said, 400), quote=True)
    return f'<svg role="img" aria-label="{label}" {size}>{"".join(drawn)}</svg>'
