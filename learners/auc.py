"""The area under the ROC curve: exact for plain arrays, within a stated error for a whole stream.

Takes checked lessons; :mod:`learners.metrics` uses the exact form for windows and reports,
:mod:`learners.progressive` the histogram for everything since the beginning. The area is the
share of (positive, negative) pairs whose positive has the higher score, ties counting half
(Hanley and McNeil 1982).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from learners.arithmetic import FloatArray, sum_in_order
from learners.lessons import AnyArray, BoolArray, IntArray

# Bins a doubling of p or of 1 - p, as a power of two: bins are 0.6e-4 to 1.6e-4 wide in log-odds.
# The flights' scores then give an error bound of 1.3e-5 against the promised 1e-4.
BIN_BITS = 13
# From 2^-24 (below the log loss's clip of 1e-7) to a half, and the same mirrored.
DOUBLINGS = 23
MIDDLE_BIN = DOUBLINGS << BIN_BITS
BINS = 2 * MIDDLE_BIN + 1

MANTISSA_BITS = 52
SHIFT = MANTISSA_BITS - BIN_BITS
# Whoever changes a number above renames the saved arrays, so that older states are refused.
LOWEST = (1023 - DOUBLINGS - 1) << BIN_BITS  # the exponent field of 2^-24, as a bin

# What a bin remembers besides its counts: one score, or one of these, which no score equals.
NO_SCORE = -1.0
SEVERAL_SCORES = 2.0


def area_under_curve(positives: IntArray, negatives: IntArray) -> float | None:
    """The area from counts a distinct score, lowest score first; None with one class only.

    Exact below 2^52 pairs: only whole numbers are added before the one division.
    """
    pairs = int(positives.sum()) * int(negatives.sum())
    if not pairs:
        return None
    below = np.cumsum(negatives) - negatives
    return sum_in_order(positives * (2.0 * below + negatives)) / (2 * pairs)


def roc_auc(scores: FloatArray, positive: BoolArray) -> float | None:
    """The exact area, ties counting half; None with one class only."""
    distinct, rank = np.unique(scores, return_inverse=True)
    return area_under_curve(
        np.bincount(rank[positive], minlength=distinct.size),
        np.bincount(rank[~positive], minlength=distinct.size),
    )


def log_odds_bins(scores: FloatArray) -> IntArray:
    """The histogram's bin of each score; higher scores never get lower bins.

    Log-odds are followed in straight pieces, one for each doubling of the distance to the nearer
    end: exponent and first mantissa bits of that distance are the bin. No logarithm, so no
    rounding that differs between machines, and p and 1 - p always mirror each other. A score of
    exactly a half has a bin of its own.
    """
    lower = scores < 0.5
    distance = np.where(lower, scores, 1.0 - scores)
    steps: IntArray = np.maximum((distance.view(np.int64) >> SHIFT) - LOWEST, 0)
    return np.where(lower, steps, BINS - 1 - steps)


class LogOddsHistogram:
    """Counts a bin of log-odds, from which the area follows within a bound that it knows.

    Only pairs that share a bin can be judged wrongly, each by at most a half. A bin that has seen
    a single score holds true ties and is exact, so that a model with few distinct scores, or one
    that saturates, is measured exactly.
    """

    def __init__(self) -> None:
        self._counts = np.zeros((2, BINS), dtype=np.int64)
        self._only = np.full(BINS, NO_SCORE)

    def add(self, scores: FloatArray, positive: BoolArray) -> None:
        """Count the lessons."""
        bins = log_odds_bins(scores)
        np.add.at(self._counts.reshape(-1), bins + positive * BINS, 1)
        fresh = self._only[bins] == NO_SCORE
        # Of several scores new to a bin any one may stay: the others differ from it just below.
        self._only[bins[fresh]] = scores[fresh]
        self._only[bins[self._only[bins] != scores]] = SEVERAL_SCORES

    def report(self) -> dict[str, Any]:
        """``auc`` and ``auc_error``, the most by which it can be off; None with one class only."""
        used = self._used()
        negatives, positives = self._counts[:, used]
        area = area_under_curve(positives, negatives)
        if area is None:
            return {"auc": None, "auc_error": None}
        several = self._only[used] == SEVERAL_SCORES
        shared = positives[several].astype(np.float64) * negatives[several]
        pairs = int(positives.sum()) * int(negatives.sum())
        return {"auc": area, "auc_error": sum_in_order(shared) / (2 * pairs)}

    def _used(self) -> IntArray:
        return np.flatnonzero(self._counts.any(axis=0))

    def state(self) -> dict[str, AnyArray]:
        """The bins in use with their counts, and the score of those that saw one score only."""
        used = self._used()
        single = used[self._only[used] != SEVERAL_SCORES]
        return {
            "auc_bins": used.astype(np.uint32),
            "auc_counts": _narrowed(self._counts[:, used]),
            "auc_single_bins": single.astype(np.uint32),
            "auc_single_scores": self._only[single],
        }

    def restore(self, arrays: Mapping[str, AnyArray]) -> None:
        """Go on from a state."""
        self._counts[:, arrays["auc_bins"]] = arrays["auc_counts"]
        self._only[arrays["auc_bins"]] = SEVERAL_SCORES
        self._only[arrays["auc_single_bins"]] = arrays["auc_single_scores"]


def _narrowed(counts: IntArray) -> AnyArray:
    """The counts in the smallest unsigned type that holds them, for most bins hold a handful."""
    return counts.astype(np.min_scalar_type(int(counts.max(initial=0))))
