"""The sums of one contender over the groups of one grouping, one row a group.

Stands inside :mod:`.contender`; :mod:`.grouped` says which row a lesson belongs to. Everything is
a whole number, so that rows may be merged and lessons taken back without a trace.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from learners.evaluation.fixed_point import MOST_LESSONS, UNIT, UNIT_BITS, carried, placed
from learners.evaluation.group_histogram import GroupHistogram
from learners.evaluation.scored import ComplexArray, Scored
from learners.lessons import AnyArray, BoolArray, IntArray
from learners.metrics.arrays import FloatArray
from learners.metrics.metrics import CALIBRATION_BINS

# Columns of the sums: log loss, squared error, the base rate's log loss on the same lessons, then
# score less label in each calibration bin.
LOSS, SQUARE, BASE, FIRST_GAP = 0, 1, 2, 3
COLUMNS = FIRST_GAP + CALIBRATION_BINS
DECISIONS = 4


class GroupSums:
    """Sums by group.

    Args:
        size: rows in use.
        ordered: whether groups have areas; everything together has a finer histogram elsewhere.
    """

    def __init__(self, size: int = 0, *, ordered: bool = True) -> None:
        self._size = size
        self._histogram = GroupHistogram(size) if ordered else None
        self._decisions: IntArray = np.zeros((size, DECISIONS), dtype=np.int64)
        self._whole: IntArray = np.zeros((size, COLUMNS), dtype=np.int64)
        self._parts: IntArray = np.zeros((size, COLUMNS), dtype=np.int64)
        self._fresh: ComplexArray = self._nothing()
        self._added = 0

    def _nothing(self) -> ComplexArray:
        return np.zeros((2, len(self._whole), CALIBRATION_BINS), dtype=np.complex128)

    def add(self, rows: IntArray, lessons: Scored, sign: int = 1) -> None:
        """Add lessons, or with a sign of -1 take them back; rows are below the size.

        Hot: each of the additions costs 3 ns a lesson.
        """
        if self._added + rows.size > MOST_LESSONS:
            self._carry()
        self._added += rows.size
        if self._histogram is not None:
            self._histogram.add(rows, lessons.coarse, lessons.positive, lessons.scores, sign)
        cells = rows * DECISIONS + lessons.decisions
        np.add.at(self._decisions.reshape(-1), cells, lessons.decided * sign)
        bins = rows * CALIBRATION_BINS + lessons.calibration_bins
        operation = np.add if sign == 1 else np.subtract
        operation.at(self._fresh[0].reshape(-1), bins, lessons.loss_and_gap)
        operation.at(self._fresh[1].reshape(-1), bins, lessons.square_and_base)

    def _carry(self) -> None:
        """Bring what is fresh into the sums."""
        if self._added:
            (losses, squares), (gaps, bases) = self._fresh.real, self._fresh.imag
            for column, part in ((LOSS, losses), (SQUARE, squares), (BASE, bases)):
                self._parts[:, column] += part.sum(axis=1).astype(np.int64)
            self._parts[:, FIRST_GAP:] += gaps.astype(np.int64)
            self._fresh[:] = 0
            self._added = 0
        carried(self._whole, self._parts)

    def place(self, rows: IntArray, size: int) -> None:
        """Move row i to ``rows[i]`` of ``size`` new ones; rows that meet are added.

        Tables have room to grow, so that a new last row costs nothing most of the time.
        """
        stay = np.array_equal(rows, np.arange(self._size))
        if not (stay and size <= len(self._whole)):
            self._carry()
            room = size + size // 4 if stay else size
            if self._histogram is not None:
                self._histogram.place(rows, room)
            self._decisions = placed(self._decisions, rows, room)
            self._whole = placed(self._whole, rows, room)
            self._parts = placed(self._parts, rows, room)
            self._fresh = self._nothing()
        self._size = size

    def restart_decisions(self) -> None:
        """Forget what was decided, for another threshold decides from here on."""
        self._decisions[:] = 0

    @property
    def decisions(self) -> IntArray:
        """True negatives, false positives, false negatives and true positives of each group."""
        return self._decisions[: self._size]

    def by_label(self) -> tuple[IntArray, IntArray, BoolArray]:
        """Negatives and positives of each group by coarse bin, and which hold several scores."""
        assert self._histogram is not None
        return self._histogram.by_label(self._size)

    def totals(self) -> list[int]:
        """The exact sum of each column over all groups, in units."""
        self._carry()
        columns = zip(
            self._whole.sum(axis=0).tolist(), self._parts.sum(axis=0).tolist(), strict=True
        )
        return [(whole << UNIT_BITS) + part for whole, part in columns]

    def sums(self) -> FloatArray:
        """The sums of each group, rounded."""
        self._carry()
        return self._whole[: self._size] + self._parts[: self._size] / UNIT

    def state(self) -> dict[str, AnyArray]:
        """Everything, as named arrays."""
        self._carry()
        histogram = {} if self._histogram is None else self._histogram.state(self._size)
        return histogram | {
            "group_decisions": self._decisions[: self._size].copy(),
            "group_whole": self._whole[: self._size].copy(),
            "group_parts": self._parts[: self._size].copy(),
        }

    def restore(self, arrays: Mapping[str, AnyArray]) -> None:
        """Go on from a state."""
        self._whole = arrays["group_whole"].astype(np.int64)
        self._size = len(self._whole)
        self._parts = arrays["group_parts"].astype(np.int64)
        self._decisions = arrays["group_decisions"].astype(np.int64)
        if self._histogram is not None:
            self._histogram.restore(arrays, self._size)
        self._fresh = self._nothing()
        self._added = 0
