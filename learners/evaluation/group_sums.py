"""The sums of one contender over the groups of one grouping, one row a group.

Everything is a whole number, so that rows may be merged and examples subtracted exactly.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from learners.evaluation.example_costs import (
    MOST_LESSONS,
    UNIT,
    UNIT_BITS,
    ComplexArray,
    Scored,
    carried,
    placed,
)
from learners.evaluation.histograms import (
    COARSE_BINS,
    COARSE_DOUBLING,
    NO_SCORE,
    SEVERAL_SCORES,
    narrowed,
    notice,
)
from learners.metrics.arrays import AnyArray, BoolArray, FloatArray, IntArray
from learners.metrics.metrics import CALIBRATION_BINS, average_precision, roc_area

# Of the table's own type, for another takes ten times as long to add.
ONE = np.uint32(1)
# Above all scores and marks, so that it is the lowest of none of them.
_ABOVE = 3.0


class GroupHistogram:
    """Counts by group, label and coarse bin.

    Args:
        size: rows.
    """

    def __init__(self, size: int) -> None:
        self._begin(size)

    def _begin(self, size: int) -> None:
        self._low, self._width = COARSE_BINS // 2, 1
        self._clear(size)

    def _clear(self, size: int) -> None:
        self._counts = np.zeros((size, 2, self._width), dtype=np.uint32)
        self._only = np.full((size, self._width), NO_SCORE)

    def add(
        self, rows: IntArray, bins: IntArray, positive: IntArray, scores: FloatArray, sign: int
    ) -> None:
        """Count examples, or with a sign of -1 subtract them."""
        if not rows.size:
            return
        self._reach(int(bins.min()), int(bins.max()))
        places = bins - self._low
        counted = np.add if sign == 1 else np.subtract
        counted.at(self._counts.reshape(-1), (rows * 2 + positive) * self._width + places, ONE)
        notice(self._only.reshape(-1), rows * self._width + places, scores)

    def _reach(self, lowest: int, highest: int) -> None:
        """Widen the table by whole doublings until it holds both bins."""
        if lowest >= self._low and highest < self._low + self._width:
            return
        low = min(lowest, self._low) // COARSE_DOUBLING * COARSE_DOUBLING
        end = -(-max(highest + 1, self._low + self._width) // COARSE_DOUBLING) * COARSE_DOUBLING
        counts, only = self._counts, self._only
        held = slice(self._low - low, self._low - low + self._width)
        self._low, self._width = low, end - low
        self._clear(len(counts))
        self._counts[:, :, held] = counts
        self._only[:, held] = only

    def place(self, rows: IntArray, size: int) -> None:
        """Move row i to ``rows[i]`` of ``size`` new ones; rows that meet are added."""
        counts, only = self._counts[: rows.size], self._only[: rows.size]
        self._clear(size)
        if np.array_equal(rows, np.arange(rows.size)):
            self._counts[: rows.size] = counts
            self._only[: rows.size] = only
            return
        first = np.flatnonzero(np.diff(rows, prepend=-1))
        self._counts[rows[first]] = np.add.reduceat(counts, first, axis=0)
        high = np.maximum.reduceat(only, first, axis=0)
        low = np.minimum.reduceat(np.where(only == NO_SCORE, _ABOVE, only), first, axis=0)
        self._only[rows[first]] = np.where((low == high) | (high == NO_SCORE), high, SEVERAL_SCORES)

    def by_label(self, size: int) -> tuple[IntArray, IntArray, BoolArray]:
        """Negatives and positives of each group by bin, and which bins have seen several scores."""
        counts = self._counts[:size].astype(np.int64)
        return counts[:, 0], counts[:, 1], self._only[:size] == SEVERAL_SCORES

    def state(self, size: int) -> dict[str, AnyArray]:
        """The bins in use with their counts, and the scores of those that saw one score only."""
        rows, places = np.nonzero(self._only[:size] != NO_SCORE)
        only = self._only[rows, places]
        alone = only != SEVERAL_SCORES
        return {
            "group_bins": (rows * COARSE_BINS + places + self._low).astype(np.uint32),
            "group_counts": narrowed(self._counts[rows, :, places].astype(np.int64)),
            "group_alone": np.packbits(alone),
            "group_scores": only[alone],
        }

    def restore(self, arrays: Mapping[str, AnyArray], size: int) -> None:
        """Resume from a state of so many rows."""
        self._begin(size)
        rows, bins = np.divmod(arrays["group_bins"].astype(np.int64), COARSE_BINS)
        if not rows.size:
            return
        self._reach(int(bins.min()), int(bins.max()))
        places = bins - self._low
        self._counts[rows, :, places] = arrays["group_counts"]
        alone = np.unpackbits(arrays["group_alone"], count=rows.size).astype(np.bool_)
        only = np.full(rows.size, SEVERAL_SCORES)
        only[alone] = arrays["group_scores"]
        self._only[rows, places] = only


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
        """Add examples, or with a sign of -1 subtract them; rows are below the size.

        Hot: each of the additions costs 3 ns an example.
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

    def merged(self, rows: IntArray, size: int) -> GroupSums:
        """A copy with row i in ``rows[i]`` of ``size``; rows rise, and these stay as they are."""
        found = GroupSums(ordered=self._histogram is not None)
        found.restore(self.state())
        found.place(rows, size)
        return found

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
        """Resume from a state."""
        self._whole = arrays["group_whole"].astype(np.int64)
        self._size = len(self._whole)
        self._parts = arrays["group_parts"].astype(np.int64)
        self._decisions = arrays["group_decisions"].astype(np.int64)
        if self._histogram is not None:
            self._histogram.restore(arrays, self._size)
        self._fresh = self._nothing()
        self._added = 0


@dataclass(frozen=True, slots=True)
class GroupMeasures:
    """What some groups have come to, one entry a group; nan where undefined."""

    count: IntArray
    positives: IntArray
    log_loss: FloatArray
    base_rate_log_loss: FloatArray
    brier: FloatArray
    ece: FloatArray
    auc: FloatArray
    auc_error: FloatArray
    pr_auc: FloatArray
    pr_auc_error: FloatArray
    decisions: IntArray


def group_measures(groups: GroupSums) -> GroupMeasures:
    """All measures of all groups."""
    negatives, positives, mixed = groups.by_label()
    count = negatives.sum(axis=1) + positives.sum(axis=1)
    sums = groups.sums()
    return GroupMeasures(
        count,
        positives.sum(axis=1),
        _means(sums[:, LOSS], count),
        _means(sums[:, BASE], count),
        _means(sums[:, SQUARE], count),
        _means(np.abs(sums[:, FIRST_GAP:]).sum(axis=1), count),
        *roc_area(negatives, positives, mixed),
        *average_precision(negatives, positives, mixed),
        groups.decisions,
    )


def _means(sums: FloatArray, count: IntArray) -> FloatArray:
    blank = np.full(count.size, np.nan)
    means: FloatArray = np.divide(sums, count, out=blank, where=count > 0)
    return means
