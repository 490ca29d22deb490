"""Whether numbers have moved away from a column's centre, scale and edges, and what these would be.

What a config does not say, the numbers from which it was made, is not needed: bins made for numbers
as they are now hold about as many each, so the fullest of the old bins is held against the fullest
of new ones.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

import numpy as np

from converters.config.column_settings import ColumnSettings
from learners.selection.number_features import BINS, Floats, bin_edges, center_and_scale

# From so few no 16 bins can be made that would hold for others.
FEWEST = 500
# The fullest bin holds so many more of all rows than a new one would: a normal distribution that
# has moved by a third of its deviation, where the index of population stability says the same.
FULLER = 0.05
# In old scales, and as a ratio.
FARTHER, WIDER = 0.3, 1.5
# From so many outside the bounds on, of all rows, it is told.
OUTSIDE = 0.01


class Drift(NamedTuple):
    """What became of a column's numbers.

    Attributes:
        changed: what to set anew, by key; empty where the numbers have not moved.
        words: what was seen.
    """

    changed: dict[str, Any]
    words: str


def drift(column: ColumnSettings, keys: Collection[str], numbers: Sequence[float]) -> Drift:
    """Compare a column's settings with numbers of today.

    Args:
        column: the settings.
        keys: which of ``center``, ``scale`` and ``edges`` may be set anew.
        numbers: finite, without missing ones, in any order.
    """
    values, outside = _within(column, np.sort(np.asarray(numbers, np.float64)))
    if len(values) < FEWEST:
        return Drift({}, f"kept: it has {len(values):,} numbers there, and it takes {FEWEST}")
    center, scale = center_and_scale(values)
    edges = _edges(values, len(column.edges))
    new = {"center": center, "scale": scale, "edges": edges}
    if not (edges and math.isfinite(center) and math.isfinite(scale) and scale > 0):
        return Drift({}, f"kept: its numbers hardly differ{outside}")
    of_bins = _bins_moved(column, edges, values) if "edges" in keys else None
    of_scale = _scale_moved(column, center, scale) if {"center", "scale"} & {*keys} else None
    moved = any(each[0] for each in (of_bins, of_scale) if each)
    seen = "; ".join(each[1] for each in (of_bins, of_scale) if each)
    words = f"{'moved' if moved else 'has not moved'}: {seen}{outside}"
    return Drift({key: new[key] for key in keys} if moved else {}, words)


def _edges(values: Floats, before: int) -> tuple[float, ...]:
    """As many edges as before, or nearly: numbers that come often take several bins' share."""
    bins = before + 1
    while len(found := bin_edges(values, bins)) < before and bins < BINS:
        bins += 1
    return found if before else bin_edges(values)


def _within(column: ColumnSettings, values: Floats) -> tuple[Floats, str]:
    """The numbers as the converter takes them, and in words how many it bounds."""
    low = -math.inf if column.min is None else column.min
    high = math.inf if column.max is None else column.max
    inside = values[(low <= values) & (values <= high)]
    share = 1 - len(inside) / len(values) if len(values) else 0.0
    said = ""
    if share >= OUTSIDE:
        does = "are refused" if column.out_of_range == "reject" else "count as the nearer bound"
        said = f". {share:.0%} of its numbers lie outside min..max and {does}: set these anew too"
    return (inside if column.out_of_range == "reject" else np.clip(values, low, high)), said


def _bins_moved(column: ColumnSettings, edges: Sequence[float], values: Floats) -> tuple[bool, str]:
    old, new = _fullest(column.edges, values), _fullest(edges, values)
    words = (
        f"the fullest of its {len(column.edges) + 1} bins holds {old:.0%} of the numbers, "
        f"of {len(edges) + 1} new ones {new:.0%}"
    )
    return old - new > FULLER, words


def _fullest(edges: Sequence[float], values: Floats) -> float:
    """Which share of the numbers is in the bin that holds the most of them."""
    return float(np.bincount(np.searchsorted(edges, values, side="right")).max()) / len(values)


def _scale_moved(column: ColumnSettings, center: float, scale: float) -> tuple[bool, str]:
    far = abs(center - column.center) / column.scale
    wide = scale / column.scale
    words = f"mean and deviation {center:g} and {scale:g}, were {column.center:g}, {column.scale:g}"
    return far > FARTHER or not 1 / WIDER < wide < WIDER, words
