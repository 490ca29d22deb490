"""Histograms of scores by group, one row a group: what the groups' areas are worked out from.

Stands inside :mod:`.group_sums`. The table is as wide as the bins in use by any group lie apart,
so that scores within a narrow range cost little room. A bin knows whether it has seen one score
only: true ties are exact.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from learners.evaluation.histograms import (
    COARSE_BINS,
    COARSE_DOUBLING,
    NO_SCORE,
    SEVERAL_SCORES,
    narrowed,
    notice,
)
from learners.lessons import AnyArray, BoolArray, IntArray
from learners.metrics.arrays import FloatArray

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
        """Count lessons, or with a sign of -1 take back what was counted."""
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
        """Go on from a state of so many rows."""
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
