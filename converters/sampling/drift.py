"""How the file's second half differs from its first, column by column, in the sample.

The population stability index is sum((p - q) * ln(p / q)) over the shares p and q that values, or
spans of numbers, have in the halves (Lewis, "An Introduction to Credit Scoring", 1994). By
convention .1 is a shift to look at, and .25 a large one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Drift:
    """How the file's second half differs from its first in one column.

    Attributes:
        psi: the population stability index.
        chance: what it exceeds by chance in 1 of 1,000 such columns.
        ordered: whether rows that are alike in this column are together in the file.
    """

    psi: float
    chance: float
    ordered: bool


# Numbers are compared in so many spans of equal weight, values one by one up to so many.
SPANS = 10
MOST_VALUES = 20
# Each half gets so much of a row in each span, or an empty one would make the index infinite.
SMOOTHING = 0.5
# By chance one in so many columns differs as much.
RARELY = 1_000
# Rows are ordered by a column if its value changes from one to the next so seldom, against how
# often it would if they were shuffled.
ORDERED_CHANGES = 0.2


def drift(codes: NDArray[np.int64], second: NDArray[np.bool_]) -> Drift | None:
    """How two halves differ; None where one is empty.

    Args:
        codes: the span, or value, of each row, in the file's order.
        second: whether the row is in the file's second half.
    """
    if second.all() or not second.any():
        return None
    codes = largest(codes, MOST_VALUES)
    size = int(codes.max()) + 1
    before = np.bincount(codes[~second], minlength=size)
    after = np.bincount(codes[second], minlength=size)
    chance = _by_chance(size, int(before.sum()), int(after.sum()))
    return Drift(stability(before, after), chance, _ordered(codes))


def stability(before: NDArray[np.int64], after: NDArray[np.int64]) -> float:
    """The population stability index of two rows of counts."""
    total = SMOOTHING * len(before)
    p = (before + SMOOTHING) / (before.sum() + total)
    q = (after + SMOOTHING) / (after.sum() + total)
    return float(((p - q) * np.log(p / q)).sum())


def largest(codes: NDArray[np.int64], most: int) -> NDArray[np.int64]:
    """Codes without gaps, the most frequent first; all but the first so many as one."""
    _, places, counts = np.unique(codes, return_inverse=True, return_counts=True)
    ranks = np.empty(len(counts), np.int64)
    ranks[np.argsort(-counts, kind="stable")] = np.arange(len(counts))
    return np.minimum(ranks, most)[places]


def _by_chance(size: int, before: int, after: int) -> float:
    """What the index exceeds in one of a thousand columns that do not drift.

    With equal shares it is distributed as chi-squared over the harmonic size of the halves; the
    quantile is Wilson and Hilferty's.
    """
    degrees = max(size - 1, 1)
    z = NormalDist().inv_cdf(1 - 1 / RARELY)
    step = 2 / (9 * degrees)
    chi_squared = degrees * (1 - step + z * math.sqrt(step)) ** 3
    return chi_squared * (1 / before + 1 / after)


def _ordered(codes: NDArray[np.int64]) -> bool:
    shares = np.bincount(codes) / len(codes)
    shuffled = 1 - float((shares**2).sum())
    changes = float((codes[1:] != codes[:-1]).mean()) if len(codes) > 1 else 0.0
    return changes < ORDERED_CHANGES * shuffled
