"""The sums of one contender over the groups of one grouping, one row a group.

Stands inside :mod:`.contender`; :mod:`.groupings` says which row a lesson belongs to. Everything
is a whole number, so that rows may be merged and lessons taken back without a trace.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from learners.areas import average_precision, roc_area
from learners.arithmetic import FloatArray
from learners.evaluation.fixed_point import FixedSums, placed
from learners.evaluation.log_odds import COARSE_BINS, narrowed
from learners.evaluation.scored import BARS_A_BIN, Scored
from learners.lessons import AnyArray, IntArray, MetricsError
from learners.metrics import CALIBRATION_BINS

# Columns of the sums: log loss, squared error, then score less label in each calibration bin.
LOSS, SQUARE, FIRST_GAP = 0, 1, 2
COLUMNS = FIRST_GAP + CALIBRATION_BINS
CELLS = 2 * COARSE_BINS
DECISIONS = 4


@dataclass(frozen=True, slots=True)
class Measured:
    """What some groups have come to, one entry a group; nan where undefined."""

    count: IntArray
    positives: IntArray
    log_loss: FloatArray
    brier: FloatArray
    ece: FloatArray
    auc: FloatArray
    auc_error: FloatArray
    pr_auc: FloatArray
    pr_auc_error: FloatArray
    decisions: IntArray


class GroupSums:
    """Sums by group."""

    def __init__(self, rows: int = 0) -> None:
        self._size = rows
        self._histogram = np.zeros((rows, CELLS), dtype=np.int64)
        self._decisions = np.zeros((rows, DECISIONS), dtype=np.int64)
        self._sums = FixedSums(COLUMNS, rows)

    def add(self, rows: IntArray, lessons: Scored, sign: int = 1) -> None:
        """Add lessons, or with a sign of -1 take them back; rows are below the size.

        Hot: six groupings of four contenders see each lesson, 15 ns each.
        """
        np.add.at(self._histogram.reshape(-1), rows * CELLS + lessons.cells, sign)
        np.add.at(
            self._decisions.reshape(-1),
            rows * DECISIONS + lessons.decisions,
            lessons.decided * sign,
        )
        first = rows * COLUMNS
        gap = first + (lessons.bars // BARS_A_BIN + FIRST_GAP)
        self._sums.add(first + LOSS, lessons.losses * sign)
        self._sums.add(first + SQUARE, lessons.squares * sign)
        self._sums.add(gap, lessons.gaps * sign)

    def place(self, rows: IntArray, size: int) -> None:
        """Move row i to ``rows[i]`` of ``size`` new ones; rows that meet are added.

        Tables have room to grow, so that a new last row costs nothing most of the time.
        """
        stay = np.array_equal(rows, np.arange(self._size))
        if not (stay and size <= len(self._histogram)):
            room = 2 * size if stay else size
            self._histogram = placed(self._histogram, rows, room)
            self._decisions = placed(self._decisions, rows, room)
            self._sums.place(rows, room)
        self._size = size

    def restart_decisions(self) -> None:
        """Forget what was decided, for another threshold decides from here on."""
        self._decisions[:] = 0

    def totals(self) -> list[int]:
        """The exact sums over all groups, in units: log loss, squared error, and the gaps."""
        return self._sums.totals()

    def decided(self) -> list[int]:
        """True negatives, false positives, false negatives, true positives over all groups."""
        decided: list[int] = self._decisions.sum(axis=0).tolist()
        return decided

    def counts(self) -> tuple[int, int]:
        """Lessons and positive ones over all groups."""
        negatives, positives = self._histogram.reshape(-1, 2, COARSE_BINS).sum(axis=(0, 2)).tolist()
        return negatives + positives, positives

    def measured(self) -> Measured:
        """All measures of all groups."""
        negatives, positives = np.moveaxis(
            self._histogram[: self._size].reshape(-1, 2, COARSE_BINS), 1, 0
        )
        count = negatives.sum(axis=-1) + positives.sum(axis=-1)
        sums = self._sums.values()[: self._size]
        means = np.full((4, count.size), np.nan)
        parts = sums[:, LOSS], sums[:, SQUARE], np.abs(sums[:, FIRST_GAP:]).sum(axis=1)
        for mean, part in zip(means, parts, strict=False):
            np.divide(part, count, out=mean, where=count > 0)
        mixed = np.ones(COARSE_BINS, dtype=np.bool_)
        return Measured(
            count,
            positives.sum(axis=-1),
            means[0],
            means[1],
            means[2],
            *roc_area(negatives, positives, mixed),
            *average_precision(negatives, positives, mixed),
            self._decisions[: self._size],
        )

    def state(self) -> dict[str, AnyArray]:
        """Everything, as named arrays."""
        flat = self._histogram.reshape(-1)
        used = np.flatnonzero(flat)
        whole, parts = self._sums.arrays()
        return {
            "group_cells": used.astype(np.uint32),
            "group_counts": narrowed(flat[used]),
            "group_decisions": self._decisions[: self._size].copy(),
            "group_sums": whole[: self._size],
            "group_parts": parts[: self._size],
        }

    def restore(self, arrays: Mapping[str, AnyArray]) -> None:
        """Go on from a state."""
        rows = arrays["group_sums"].shape[0]
        if arrays["group_sums"].shape != (rows, COLUMNS):
            raise MetricsError("The saved sums of groups are of another shape than this version's.")
        self._size = rows
        self._histogram = np.zeros((rows, CELLS), dtype=np.int64)
        self._histogram.reshape(-1)[arrays["group_cells"]] = arrays["group_counts"]
        self._decisions = arrays["group_decisions"].astype(np.int64)
        self._sums.restore(arrays["group_sums"], arrays["group_parts"])
