"""Where the numbers of a column lie: their centre and scale, and the edges of their bins.

They are taken from a sample once and stand in the config; nothing is counted while rows are
converted.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

BINS = 16
# A scaled number is at most so far from zero.
CLIP = 5.0
# Digits of centre and scale; edges have as many as tell their neighbours apart.
DIGITS = 4

Floats = NDArray[np.float64]


def scale_and_bins(numbers: Sequence[float]) -> dict[str, Any] | None:
    """The settings by which a column of these numbers gives its scaled value and its bin.

    Args:
        numbers: of the sample, without missing ones; finite.

    Returns:
        ``features``, ``center``, ``scale``, ``clip`` and ``edges``; None if they hardly differ.
    """
    values = np.sort(np.asarray(numbers, np.float64))
    center, scale = center_and_scale(values)
    edges = bin_edges(values)
    if not (edges and math.isfinite(center) and math.isfinite(scale) and scale > 0):
        return None
    return {
        "features": ("scale", "bins"),
        "center": center,
        "scale": scale,
        "clip": CLIP,
        "edges": edges,
    }


def center_and_scale(values: Floats) -> tuple[float, float]:
    """Mean and standard deviation, to a few digits; infinite or NaN where they are too large."""
    with np.errstate(over="ignore", invalid="ignore"):
        return rounded(float(values.mean())), rounded(float(values.std()))


def bin_edges(values: Floats, bins: int = BINS) -> tuple[float, ...]:
    """Edges between which about as many numbers lie each; those that come often have a bin alone.

    Args:
        values: rising.
        bins: how many there are at most.
    """
    ends = np.arange(1, bins) * len(values) // bins - 1
    last = np.unique(values[ends]) if len(values) >= bins else np.unique(values)
    slack = len(values) // (8 * bins)
    edges = []
    for low in last.tolist():
        first, after = np.searchsorted(values, low), np.searchsorted(values, low, side="right")
        if after == len(values):
            continue
        high = values[after]
        # Among values of which none comes often, an edge may lie a little higher: it is shorter.
        beyond = min(after + slack, len(values) - 1)
        if after - first <= slack and len(np.unique(values[after:beyond])) * 2 > beyond - after:
            high = values[beyond]
        edges.append(shortest_between(low, float(high)))
    return tuple(sorted(set(edges)))


def shortest_between(low: float, high: float) -> float:
    """The number of fewest digits above one and not above another."""
    middle = low + (high - low) / 2
    for digits in range(1, 18):
        for text in (f"{high:.{digits}g}", f"{middle:.{digits}g}"):
            if low < float(text) <= high:
                return float(text) + 0.0
    return high


def rounded(value: float) -> float:
    """A number to a few digits, so that it can be read."""
    return float(f"{value:.{DIGITS}g}")
