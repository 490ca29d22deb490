"""A column's values as bars: each half's share of them, and the share of positive labels.

Called by :mod:`converters.check.columns` with the sampled cells of a column; drawn by
:mod:`converters.check.bars`.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import numpy as np
from numpy.typing import NDArray

from converters.cells.refusal import quoted
from converters.check.data_report import Bar
from converters.sampling.drift import largest
from converters.sampling.reservoir import POSITIVE, UNLABELLED, Sampled
from converters.show.tables import cut, percent

# Bars of a column of numbers, and of values one by one.
BINS = 20
MOST_BARS = 10
# Bins reach over all but this share of the numbers at either end, which go into the outer ones: a
# few outliers would leave all others in one bin.
TAIL = 0.005
OTHERS = "all others"
# A picture of which others are nearly all would show nothing.
MOST_OTHERS = 0.95
MISSING = "missing"
NO_NUMBER = "not a number"


def bars_of_values(
    codes: NDArray[np.int64], names: Sequence[str], missing: NDArray[np.bool_], sampled: Sampled
) -> list[Bar]:
    """A bar for each of the most frequent values, and for all others."""
    ranks = largest(np.where(missing, -1, codes), MOST_BARS)
    texts = {int(rank): OTHERS for rank in [MOST_BARS]}
    for rank in np.unique(ranks[ranks < MOST_BARS]).tolist():
        place = int(np.flatnonzero(ranks == rank)[0])
        texts[rank] = MISSING if missing[place] else quoted(names[int(codes[place])])
    if missing.any() and MISSING not in texts.values():
        ranks = np.where(missing, MOST_BARS + 1, ranks)
        texts[MOST_BARS + 1] = MISSING
    if (ranks == MOST_BARS).mean() > MOST_OTHERS:
        return []
    return _bars(ranks, texts, sampled)


def bars_of_numbers(
    values: NDArray[np.float64], missing: NDArray[np.bool_], sampled: Sampled
) -> list[Bar]:
    """A bar for each of some spans of equal width, for missing cells, and for what is no number."""
    there = ~np.isnan(values)
    if not there.any():
        return []
    numbers = values[there]
    rising = np.sort(numbers)
    tail = int(TAIL * len(rising))
    low, high = float(rising[tail]), float(rising[-1 - tail])
    if low == high:
        low, high = float(rising[0]), float(rising[-1])
    edges = low + (high - low) / BINS * np.arange(BINS + 1)
    bins = np.where(missing, BINS, BINS + 1)
    bins[there] = np.clip(np.searchsorted(edges, numbers, side="right") - 1, 0, BINS - 1)
    ends = [f"{edge:.6g}" for edge in edges.tolist()]
    texts = {i: f"{ends[i]} to {ends[i + 1]}" for i in range(BINS)}
    if low == high:
        texts = dict.fromkeys(range(BINS), f"{low:.6g}")
        present = np.unique(bins)
    else:
        present = np.unique(np.append(bins, np.arange(BINS)))
    texts |= {BINS: MISSING, BINS + 1: NO_NUMBER}
    return _bars(bins, {int(i): texts[int(i)] for i in present.tolist()}, sampled)


def _bars(codes: NDArray[np.int64], texts: dict[int, str], sampled: Sampled) -> list[Bar]:
    second = sampled.second
    size = max(texts, default=0) + 1
    first = np.bincount(codes[~second], minlength=size) / max(1, int((~second).sum()))
    after = np.bincount(codes[second], minlength=size) / max(1, int(second.sum()))
    labelled = np.bincount(codes[sampled.labels != UNLABELLED], minlength=size).tolist()
    positive = np.bincount(codes[sampled.labels == POSITIVE], minlength=size).tolist()
    shares = list(zip(first.tolist(), after.tolist(), strict=True))
    return [
        Bar(texts[code], *shares[code], positive[code] / labelled[code] if labelled[code] else None)
        for code in sorted(texts)
        if texts[code] != OTHERS or any(shares[code])
    ]


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
