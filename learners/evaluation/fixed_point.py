"""Sums in fixed point: whole numbers of a small unit, so that adding is exact.

At the bottom of the evaluation. An exact sum does not depend on the order of what is added, so
blocks may be cut anywhere, groups merged, and what was added taken back to the last bit. A number
is off by half a unit, 4.5e-13, at most, and so is a mean.
"""

from __future__ import annotations

import numpy as np

from learners.arithmetic import FloatArray
from learners.lessons import AnyArray, IntArray

UNIT_BITS = 40
UNIT = 1 << UNIT_BITS
_BELOW_ONE = UNIT - 1

# A loss is below 17, so that this many of them cannot overflow before they are carried.
_CARRY_AFTER = 1 << 17


def units(values: FloatArray) -> IntArray:
    """The values, below 32 in size, as whole numbers of the unit."""
    counted: IntArray = np.rint(values * UNIT).astype(np.int64)
    return counted


def mean(total: int, count: int) -> float | None:
    """The mean of ``count`` numbers whose units come to ``total``; None of none."""
    return total / (UNIT * count) if count else None


class FixedSums:
    """A table of sums, one row a group.

    Attributes:
        columns: sums in a row.
    """

    def __init__(self, columns: int, rows: int = 0) -> None:
        self.columns = columns
        self._whole = np.zeros((rows, columns), dtype=np.int64)
        self._parts = np.zeros((rows, columns), dtype=np.int64)
        self._added = 0

    def add(self, cells: IntArray, values: IntArray) -> None:
        """Add units to cells, counted row by row."""
        self._added += cells.size
        np.add.at(self._parts.reshape(-1), cells, values)
        if self._added > _CARRY_AFTER:
            self._carry()

    def _carry(self) -> None:
        """Leave less than one in the parts; the one form in which equal sums are equal bits."""
        self._whole += self._parts >> UNIT_BITS
        self._parts &= _BELOW_ONE
        self._added = 0

    def place(self, rows: IntArray, size: int) -> None:
        """Move row i to ``rows[i]`` of ``size`` new ones; rows that meet are added."""
        self._carry()
        self._whole = placed(self._whole, rows, size)
        self._parts = placed(self._parts, rows, size)
        self._carry()

    def values(self) -> FloatArray:
        """The sums, rounded to floats."""
        self._carry()
        return self._whole + self._parts / UNIT

    def totals(self) -> list[int]:
        """The exact sum of each column over all rows, in units."""
        self._carry()
        whole, parts = self._whole.sum(axis=0).tolist(), self._parts.sum(axis=0).tolist()
        return [(high << UNIT_BITS) + low for high, low in zip(whole, parts, strict=True)]

    def arrays(self) -> tuple[IntArray, IntArray]:
        """Whole ones and the parts below one."""
        self._carry()
        return self._whole.copy(), self._parts.copy()

    def restore(self, whole: AnyArray, parts: AnyArray) -> None:
        """Go on from such arrays."""
        self._whole = whole.astype(np.int64)
        self._parts = parts.astype(np.int64)


def placed(table: IntArray, rows: IntArray, size: int) -> IntArray:
    """The table with row i moved to ``rows[i]`` of ``size`` new ones; rows that meet are added.

    Args:
        table: the rows as they are.
        rows: where they go, rising.
        size: rows of the new table.
    """
    moved = np.zeros((size, *table.shape[1:]), dtype=table.dtype)
    if rows.size:
        first = np.flatnonzero(np.diff(rows, prepend=-1))
        moved[rows[first]] = np.add.reduceat(table[: rows.size], first, axis=0)
    return moved
