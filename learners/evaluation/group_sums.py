"""The sums of one contender over the groups of one grouping, one row a group.

Everything is a whole number, so that rows may be merged and examples subtracted exactly.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from learners.evaluation.example_costs import (
    BASE,
    COLUMNS,
    DECISIONS,
    FIRST_GAP,
    LOSS,
    SQUARE,
    UNIT,
    UNIT_BITS,
    Rows,
    Scored,
    carried,
    placed,
)
from learners.evaluation.groups import MOST_GROUPS
from learners.evaluation.histograms import (
    COARSE_BINS,
    COARSE_DOUBLING,
    NO_SCORE,
    SEVERAL_SCORES,
    both_remembered,
    marks_of,
    narrowed,
    notice,
    scores_of,
)
from learners.metrics.arrays import AnyArray, BoolArray, FloatArray, IntArray
from learners.metrics.metrics import average_precision, roc_area

# Of the table's own type, for another takes ten times as long to add.
ONE = np.uint32(1)
# Above all marks, so that it is the lowest of none of them.
_ABOVE = SEVERAL_SCORES + 1


class GroupHistogram:
    """Counts by group, label and coarse bin.

    Tables have every bin: the system gives the memory of a page when something is counted in it.

    Args:
        size: rows.
    """

    def __init__(self, size: int) -> None:
        self._begin(size)

    def _begin(self, size: int) -> None:
        # The bins in use, in whole doublings.
        self._low, self._end = COARSE_BINS // 2, COARSE_BINS // 2 + 1
        self._saved: Mapping[str, AnyArray] | None = None
        self._clear(size)

    def _clear(self, size: int) -> None:
        self._counts = np.zeros((size, 2, COARSE_BINS), dtype=np.uint32)
        self._only = np.zeros((size, COARSE_BINS), dtype=np.int64)

    def add(self, rows: Rows, lessons: Scored, sign: int) -> None:
        """Count examples, or with a sign of -1 subtract them."""
        self._fill()
        lowest, highest = lessons.coarse_range
        self._reach(lowest, highest)
        operation = np.add if sign == 1 else np.subtract
        if rows.offsets is None:
            here = slice(lowest, highest + 1)
            counts, only = (table[..., here] for table in lessons.in_coarse_bins)
            held, known = self._counts[rows.first, :, here], self._only[rows.first, here]
            operation(held, counts.astype(np.uint32), out=held)
            known[:] = both_remembered(known, only)
            return
        table = slice(rows.first, rows.first + rows.size)
        places = rows.coarse + lessons.coarse
        notice(self._only[table].reshape(-1), places, lessons.marks)
        places = rows.labelled + lessons.labelled
        operation.at(self._counts[table].reshape(-1), places, ONE)

    def _reach(self, lowest: int, highest: int) -> None:
        """Bring bins into use, by whole doublings."""
        if lowest < self._low or highest >= self._end:
            self._low = min(lowest, self._low) // COARSE_DOUBLING * COARSE_DOUBLING
            self._end = -(-max(highest + 1, self._end) // COARSE_DOUBLING) * COARSE_DOUBLING

    def place(self, rows: IntArray, size: int) -> None:
        """Move row i to ``rows[i]`` of ``size`` new ones; rows that meet are added."""
        self._fill()
        used = slice(self._low, self._end)
        counts, only = self._counts[: rows.size, :, used], self._only[: rows.size, used]
        self._clear(size)
        if np.array_equal(rows, np.arange(rows.size)):
            self._counts[: rows.size, :, used] = counts
            self._only[: rows.size, used] = only
            return
        first = np.flatnonzero(np.diff(rows, prepend=-1))
        self._counts[rows[first], :, used] = np.add.reduceat(counts, first, axis=0)
        high = np.maximum.reduceat(only, first, axis=0)
        low = np.minimum.reduceat(np.where(only == NO_SCORE, _ABOVE, only), first, axis=0)
        same = (low == high) | (high == NO_SCORE)
        self._only[rows[first], used] = np.where(same, high, SEVERAL_SCORES)

    def by_label(self, size: int) -> tuple[IntArray, IntArray, BoolArray]:
        """Negatives and positives of each group by bin, and which bins have seen several scores."""
        self._fill()
        used, width = slice(self._low, self._end), min(self._end, COARSE_BINS) - self._low
        # Of whole doublings, since the last bits of areas depend on how long the rows are.
        counts = np.zeros((size, 2, self._end - self._low), dtype=np.int64)
        counts[..., :width] = self._counts[:size, :, used]
        several = np.zeros((size, self._end - self._low), dtype=np.bool_)
        several[:, :width] = self._only[:size, used] == SEVERAL_SCORES
        return counts[:, 0], counts[:, 1], several

    def state(self, size: int) -> dict[str, AnyArray]:
        """The bins in use with their counts, and the scores of those that saw one score only."""
        self._fill()
        rows, places = np.nonzero(self._only[:size, self._low : self._end] != NO_SCORE)
        places += self._low
        only = self._only[rows, places]
        alone = only != SEVERAL_SCORES
        return {
            "group_bins": (rows * COARSE_BINS + places).astype(np.uint32),
            "group_counts": narrowed(self._counts[rows, :, places].astype(np.int64)),
            "group_alone": np.packbits(alone),
            "group_scores": scores_of(only[alone]),
        }

    def restore(self, arrays: Mapping[str, AnyArray], size: int) -> None:
        """Resume from a state of so many rows."""
        self._begin(size)
        self._saved = arrays

    def _fill(self) -> None:
        """Read what was restored, once it is needed: a summary does without."""
        arrays, self._saved = self._saved, None
        if arrays is None or not arrays["group_bins"].size:
            return
        rows, bins = np.divmod(arrays["group_bins"].astype(np.int64), COARSE_BINS)
        self._reach(int(bins.min()), int(bins.max()))
        self._counts[rows, :, bins] = arrays["group_counts"]
        alone = np.unpackbits(arrays["group_alone"], count=rows.size).astype(np.bool_)
        only = np.full(rows.size, SEVERAL_SCORES)
        only[alone] = marks_of(arrays["group_scores"])
        self._only[rows, bins] = only


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

    def add(self, rows: Rows, lessons: Scored, sign: int = 1) -> None:
        """Add examples, or with a sign of -1 subtract them; rows are below the size."""
        if not rows.size:
            return
        if self._histogram is not None:
            self._histogram.add(rows, lessons, sign)
        table = slice(rows.first, rows.first + rows.size)
        sums, decisions = lessons.sums(rows)
        self._decisions[table] += sign * decisions
        self._parts[table] += sign * sums.astype(np.int64)
        carried(self._whole[table], self._parts[table])

    def place(self, rows: IntArray, size: int) -> None:
        """Move row i to ``rows[i]`` of ``size`` new ones; rows that meet are added.

        Tables have room to grow, so that a new last row costs nothing most of the time.
        """
        stay = np.array_equal(rows, np.arange(self._size))
        if not (stay and size <= len(self._whole)):
            room = max(size, min(4 * size, MOST_GROUPS)) if stay else size
            if self._histogram is not None:
                self._histogram.place(rows, room)
            self._decisions = placed(self._decisions, rows, room)
            self._whole = placed(self._whole, rows, room)
            self._parts = placed(self._parts, rows, room)
            carried(self._whole, self._parts)
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
        columns = zip(
            self._whole.sum(axis=0).tolist(), self._parts.sum(axis=0).tolist(), strict=True
        )
        return [(whole << UNIT_BITS) + part for whole, part in columns]

    def sums(self) -> FloatArray:
        """The sums of each group, rounded."""
        return self._whole[: self._size] + self._parts[: self._size] / UNIT

    def state(self) -> dict[str, AnyArray]:
        """Everything, as named arrays."""
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
