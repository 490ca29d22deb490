"""A column's bars as a small SVG picture that stands in the page itself.

Both halves of the file lie over each other, the first filled and the second as an outline; a dot
says which share of a bar's labels is positive. Colours are the page's (:mod:`.as_html`).
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from converters.report.column_contents import Bar
from converters.report.wording import percent
from converters.show.tables import cut

WIDTH, HEIGHT = 640, 150
FOOT = 18
# A row of a picture of values: its height, and where its bars begin and end.
ROW, BEGIN, END = 20, 190, 470
RATES = (490, 600)


def histogram(name: str, bars: Sequence[Bar]) -> str:
    """Bars that stand side by side, for spans of numbers."""
    most = _most(bars)
    width = WIDTH / len(bars)
    ground = HEIGHT - FOOT
    drawn = []
    for place, bar in enumerate(bars):
        left = place * width
        for half, share in (("first", bar.first), ("second", bar.second)):
            high = share / most * (ground - 4)
            drawn.append(_rectangle(half, left + 1, ground - high, width - 2, high))
        if bar.positive_rate is not None:
            drawn.append(_dot(left + width / 2, ground - bar.positive_rate * (ground - 8) - 4))
    ends = ((0, "start", bars[0]), (WIDTH, "end", bars[-1]))
    drawn += [_text(at, HEIGHT - 4, cut(bar.text), anchor) for at, anchor, bar in ends]
    return _picture(name, bars, HEIGHT, drawn)


def rows(name: str, bars: Sequence[Bar]) -> str:
    """Bars that lie one below the other, for values."""
    most = _most(bars)
    drawn = []
    for place, bar in enumerate(bars):
        top = place * ROW
        drawn.append(_text(BEGIN - 6, top + 14, cut(bar.text, 28), "end"))
        for half, share in (("first", bar.first), ("second", bar.second)):
            length = share / most * (END - BEGIN)
            drawn.append(_rectangle(half, BEGIN, top + 4, length, ROW - 8))
        if bar.positive_rate is not None:
            low, high = RATES
            at = low + bar.positive_rate * (high - low)
            drawn.append(f'<path class="scale" d="M{low} {top + 10}H{high}"/>{_dot(at, top + 10)}')
    return _picture(name, bars, ROW * len(bars), drawn)


def _most(bars: Sequence[Bar]) -> float:
    return max([*(max(bar.first, bar.second) for bar in bars), 1e-9])


def _rectangle(half: str, left: float, top: float, width: float, height: float) -> str:
    place = f'x="{left:.1f}" y="{top:.1f}" width="{max(width, 0):.1f}" height="{height:.1f}"'
    return f'<rect class="{half}" {place}/>'


def _dot(across: float, down: float) -> str:
    return f'<circle class="rate" cx="{across:.1f}" cy="{down:.1f}" r="3"/>'


def _text(across: float, down: float, text: str, anchor: str) -> str:
    return f'<text x="{across}" y="{down}" text-anchor="{anchor}">{escape(text)}</text>'


def _picture(name: str, bars: Sequence[Bar], height: int, drawn: Sequence[str]) -> str:
    highest = max(bars, key=lambda bar: bar.first + bar.second)
    said = (
        f"{cut(name)}: {len(bars)} bars; the highest is {cut(highest.text)}, "
        f"{percent(highest.first)} of the file's first half and {percent(highest.second)} of the "
        "second. The table below has all."
    )
    label = escape(said, quote=True)
    size = f'viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}"'
    return f'<svg role="img" aria-label="{label}" {size}>{"".join(drawn)}</svg>'
