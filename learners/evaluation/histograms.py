"""A histogram of scores by their log-odds, fine enough for the areas of a whole stream.

Groups use coarse bins, made from the fine ones. Only the order of scores within a bin is lost, so
the areas come with the most by which they can be off. Delays of labels are counted here as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from converters.config.settings import HALF
from learners.evaluation.labelled_examples import Lessons
from learners.metrics.arrays import AnyArray, BoolArray, FloatArray, IntArray
from learners.metrics.metrics import Counts, average_precision, roc_area

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

# Groups have 128 bins a doubling, from 2^-17 on: 0.005 to 0.011 wide in log-odds, so that areas are
# off by .01 at most even where calibrated scores spread by no more than 0.1 in log-odds.
COARSE_BITS = 7
COARSE_DOUBLING = 1 << COARSE_BITS
COARSE_DOUBLINGS = 16
COARSE_MIDDLE = COARSE_DOUBLINGS << COARSE_BITS
COARSE_BINS = 2 * COARSE_MIDDLE + 1
_COARSE_SHIFT = BIN_BITS - COARSE_BITS
_COARSE_LOWEST = (DOUBLINGS - COARSE_DOUBLINGS) << COARSE_BITS

# What a bin remembers besides its counts is a mark: of one score, or one of these, which no score
# has. Nothing is zero, so that the system gives the memory of an empty table as it is first used.
NO_SCORE = 0
SEVERAL_SCORES = int(np.array(2.0).view(np.int64)) + 1

AREAS = ("auc", "auc_error", "pr_auc", "pr_auc_error")


def log_odds_bins(scores: FloatArray) -> IntArray:
    """The histogram's bin of each score; higher scores never get lower bins.

    Log-odds are followed in straight pieces, one for each doubling of the distance to the nearer
    end: exponent and first mantissa bits of that distance are the bin. No logarithm, so no
    rounding that differs between machines, and p and 1 - p always mirror each other. A score of
    exactly a half has a bin of its own.
    """
    return both_bins(scores)[0]


def both_bins(scores: FloatArray) -> tuple[IntArray, IntArray]:
    """The fine bin and the coarse bin of each score."""
    distance = 1.0 - scores
    np.minimum(distance, scores, out=distance)
    fine: IntArray = distance.view(np.int64)
    fine >>= SHIFT
    fine -= LOWEST
    np.maximum(fine, 0, out=fine)
    coarse = _coarse_steps(fine)
    # Mirrored where it is the upper end: -1 there, whose exclusive or gives -1 less the bin.
    upper = (scores >= HALF).astype(np.int64)
    np.negative(upper, out=upper)
    fine ^= upper
    fine += upper & BINS
    coarse ^= upper
    coarse += upper & COARSE_BINS
    return fine, coarse


def coarse_bins(fine: IntArray) -> IntArray:
    """The coarse bin of each fine one; they keep the order and mirror each other as well."""
    mirrored = BINS - 1 - fine
    steps = _coarse_steps(np.minimum(fine, mirrored))
    return np.where(fine <= mirrored, steps, COARSE_BINS - 1 - steps)


def _coarse_steps(fine: IntArray) -> IntArray:
    steps = fine >> _COARSE_SHIFT
    steps -= _COARSE_LOWEST
    np.maximum(steps, 0, out=steps)
    return steps


def marks_of(scores: FloatArray) -> IntArray:
    """The marks of scores, which have their order."""
    found: IntArray = scores.view(np.int64) + 1
    return found


def scores_of(marks: IntArray) -> FloatArray:
    """The scores of marks."""
    found: FloatArray = (marks - 1).view(np.float64)
    return found


def notice(only: IntArray, bins: IntArray, marks: IntArray) -> None:
    """Let bins remember the one score that they have seen, or that they have seen several."""
    seen = only.take(bins)
    differ = np.flatnonzero((seen != marks) & (seen != SEVERAL_SCORES))
    if not differ.size:
        return
    bins, marks = bins.take(differ), marks.take(differ)
    fresh = np.flatnonzero(seen.take(differ) == NO_SCORE)
    # Of several scores new to a bin any one may stay: the others differ from it just below.
    only[bins.take(fresh)] = marks.take(fresh)
    only[bins.take(np.flatnonzero(only.take(bins) != marks))] = SEVERAL_SCORES


def remembered(bins: IntArray, marks: IntArray) -> IntArray:
    """What coarse bins remember that have seen these scores and no others."""
    only = np.zeros(COARSE_BINS, dtype=np.int64)
    only[bins] = marks
    only[bins.take(np.flatnonzero(only.take(bins) != marks))] = SEVERAL_SCORES
    return only


def both_remembered(one: IntArray, other: IntArray) -> IntArray:
    """What bins remember that have seen the scores of both."""
    same = (one == other) | (other == NO_SCORE)
    return np.where(same, one, np.where(one == NO_SCORE, other, SEVERAL_SCORES))


class Used(NamedTuple):
    """The bins of a histogram that are in use, rising.

    Attributes:
        bins: their numbers.
        counts: of negatives and of positives.
        only: what each remembers.
    """

    bins: IntArray
    counts: IntArray
    only: IntArray


class LogOddsHistogram:
    """Counts a bin of log-odds, from which the areas follow within bounds that it knows.

    A bin that has seen a single score holds true ties and is exact, so that a model with few
    distinct scores, or one that saturates, is measured exactly.
    """

    def __init__(self) -> None:
        self._tables: tuple[IntArray, IntArray] | None = None
        # As the tables have it, or instead of them until something is added.
        self._used: Used | None = Used(*(np.zeros(s, np.int64) for s in (0, (2, 0), 0)))

    def add(self, marks: IntArray, positive: IntArray, bins: IntArray) -> None:
        """Count examples.

        Args:
            marks: of the scores.
            positive: 1 for positive, 0 for negative.
            bins: of the scores.
        """
        counts, only = self._written()
        np.add.at(counts.reshape(-1), bins + positive * BINS, 1)
        notice(only, bins, marks)

    def correct(self, positive: IntArray, bins: IntArray) -> None:
        """Take examples from the other label to this one."""
        counts, _ = self._written()
        np.add.at(counts.reshape(-1), bins + positive * BINS, 1)
        np.subtract.at(counts.reshape(-1), bins + (1 - positive) * BINS, 1)

    def _written(self) -> tuple[IntArray, IntArray]:
        """The tables of all bins, to be written to."""
        used, self._used = self._used, None
        if self._tables is None:
            assert used is not None, "what is in no table is known otherwise"
            counts, only = np.zeros((2, BINS), np.int64), np.zeros(BINS, np.int64)
            counts[:, used.bins], only[used.bins] = used.counts, used.only
            self._tables = counts, only
        return self._tables

    def _in_use(self) -> Used:
        if self._used is None:
            assert self._tables is not None, "what was written is in the tables"
            counts, only = self._tables
            bins = np.flatnonzero(only)
            self._used = Used(bins, counts[:, bins], only[bins])
        return self._used

    def measures(self) -> dict[str, float | None]:
        """Both areas and the most by which each can be off; None with one class only."""
        used = self._in_use()
        negatives, positives = used.counts
        return areas(negatives, positives, used.only == SEVERAL_SCORES)

    def coarsely_mixed(self) -> BoolArray:
        """Which coarse bins hold scores that differ."""
        used = self._in_use()
        scores = np.where(used.only == SEVERAL_SCORES, 2, 1)
        return np.bincount(coarse_bins(used.bins), scores, COARSE_BINS) > 1

    def state(self) -> dict[str, AnyArray]:
        """The bins in use with their counts, and the score of those that saw one score only."""
        used = self._in_use()
        single = used.only != SEVERAL_SCORES
        return {
            "auc_bins": used.bins.astype(np.uint32),
            "auc_counts": narrowed(used.counts),
            "auc_single_bins": used.bins[single].astype(np.uint32),
            "auc_single_scores": scores_of(used.only[single]),
        }

    def restore(self, arrays: Mapping[str, AnyArray]) -> None:
        """Resume from a state."""
        bins = arrays["auc_bins"].astype(np.int64)
        only = np.full(bins.size, SEVERAL_SCORES)
        single = np.searchsorted(bins, arrays["auc_single_bins"])
        only[single] = marks_of(arrays["auc_single_scores"])
        self._tables, self._used = None, Used(bins, arrays["auc_counts"].astype(np.int64), only)


def areas(negatives: Counts, positives: Counts, mixed: BoolArray) -> dict[str, float | None]:
    """Both areas of one histogram, ready for JSON."""
    auc, auc_error = roc_area(negatives, positives, mixed)
    pr_auc, pr_auc_error = average_precision(negatives, positives, mixed)
    found = zip(AREAS, (auc, auc_error, pr_auc, pr_auc_error), strict=True)
    return {name: defined(float(value)) for name, value in found}


def defined(value: float) -> float | None:
    """The value, or None for nan."""
    return None if value != value else value  # noqa: PLR0124 - nan alone differs from itself


def narrowed(counts: IntArray) -> AnyArray:
    """The counts in the smallest unsigned type that holds them, for most bins hold a handful."""
    return counts.astype(np.min_scalar_type(int(counts.max(initial=0))))


SECOND, MINUTE, HOUR, DAY = 1_000, 60_000, 3_600_000, 86_400_000
STEPS = (
    *(seconds * SECOND for seconds in (0, 1, 2, 5, 10, 20, 30)),
    *(minutes * MINUTE for minutes in (1, 2, 5, 10, 15, 30)),
    *(hours * HOUR for hours in (1, 2, 3, 4, 6, 8, 12, 18)),
    *(days * DAY for days in (1, 2, 3, 5, 7, 10, 14, 21, 30, 45, 60, 90, 120, 180, 365)),
)


_STEPS = np.array(STEPS, dtype=np.int64)

# Steps at which the age of a label begins another group; each is one of the above.
AGES = (
    0,
    *(minutes * MINUTE for minutes in (1, 5, 15)),
    *(hours * HOUR for hours in (1, 4, 12)),
    *(days * DAY for days in (1, 3, 7, 30, 90)),
)
AGE_OF_STEP: IntArray = np.searchsorted(np.array(AGES[1:]), _STEPS, side="right")


def delay_steps(lessons: Lessons) -> IntArray:
    """The last step that is not above each example's delay; the first one for none at all."""
    delays = lessons.known - lessons.arrived
    if delays.size and int(delays.max()) < STEPS[1]:
        return np.zeros(delays.size, dtype=np.int64)
    found: IntArray = np.searchsorted(_STEPS[1:], delays, side="right")
    return found


class Delays:
    """Counts of labels by their delay and by what they say."""

    def __init__(self) -> None:
        self._counts: IntArray = np.zeros((2, len(STEPS)), dtype=np.int64)

    def add(self, steps: IntArray, positive: BoolArray, sign: int) -> None:
        """Count examples, or with a sign of -1 subtract them."""
        places = steps + len(STEPS) * positive.astype(np.int64)
        counts = np.bincount(places, minlength=2 * len(STEPS))
        self._counts += sign * counts.reshape(2, len(STEPS))

    def report(self) -> list[dict[str, Any]]:
        """``from_ms``, ``to_ms`` (None for the last), ``count`` and ``positives`` of each step."""
        negatives, positives = self._counts.tolist()
        ends = [*STEPS[1:], None]
        return [
            {"from_ms": low, "to_ms": high, "count": n + p, "positives": p}
            for low, high, n, p in zip(STEPS, ends, negatives, positives, strict=True)
        ]

    def state(self) -> dict[str, AnyArray]:
        """The counts."""
        return {"delays": self._counts.copy()}

    def restore(self, arrays: Mapping[str, AnyArray]) -> None:
        """Resume from a state."""
        self._counts = arrays["delays"].astype(np.int64)
