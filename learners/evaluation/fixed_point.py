"""Sums in fixed point: whole numbers of a small unit, so that adding is exact.

At the bottom of the evaluation. An exact sum does not depend on the order of what is added, so
blocks may be cut anywhere, groups merged, and what was added taken back to the last bit. A number
is off by half a unit, 2.9e-11, at most, and so is a mean.
"""

from __future__ import annotations

import numpy as np

from learners.lessons import IntArray
from learners.metrics.arrays import FloatArray

# A log loss is below 2^4.02, and blocks of 2^14 lessons then stay below the 2^53 up to which
# floats hold every whole number.
UNIT_BITS = 34
UNIT = 1 << UNIT_BITS
MOST_LESSONS = 1 << 14
_BELOW_ONE = UNIT - 1


def units(values: FloatArray) -> FloatArray:
    """The values as whole numbers of the unit, still as floats."""
    counted: FloatArray = np.rint(values * UNIT)
    return counted


def mean(total: int, count: int) -> float | None:
    """The mean of ``count`` numbers whose units come to ``total``; None of none."""
    return total / (UNIT * count) if count else None


def carried(whole: IntArray, parts: IntArray) -> None:
    """Leave less than one in the parts; the one form in which equal sums are equal bits."""
    whole += parts >> UNIT_BITS
    parts &= _BELOW_ONE


def placed(table: IntArray, rows: IntArray, size: int) -> IntArray:
    """The table with row i moved to ``rows[i]`` of ``size`` new ones; rows that meet are added.

    Args:
        table: the rows as they are, and perhaps more.
        rows: where they go, rising.
        size: rows of the new table.
    """
    moved = np.zeros((size, *table.shape[1:]), dtype=table.dtype)
    if rows.size:
        first = np.flatnonzero(np.diff(rows, prepend=-1))
        moved[rows[first]] = np.add.reduceat(table[: rows.size], first, axis=0)
    return moved
