"""A column's values as bars: each half's share of them, and the share of positive labels.

Called by :mod:`converters.check.columns` with the sampled cells of a column; drawn by
:mod:`converters.check.svg`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from converters.cells.refusal import quoted
from converters.report.column_contents import Bar
from converters.sampling.drift import largest
from converters.sampling.uniform import POSITIVE, UNLABELLED, Sampled

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
