"""DeLong's test: two areas under the ROC curve over the same lessons, and how far they differ.

DeLong, DeLong and Clarke-Pearson 1988, "Comparing the areas under two or more correlated receiver
operating characteristic curves"; by ranks, in the time of a sort: Sun and Xu 2014, "Fast
implementation of DeLong's algorithm". Lessons are taken for independent of each other, as the test
has it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from learners.metrics.arrays import BoolArray, FloatArray


@dataclass(frozen=True, slots=True)
class AreaDifference:
    """Two areas, and how much the first is above the second.

    Attributes:
        error: the standard error of the difference.
        low: lower end of its interval.
        high: upper end.
        p: how likely so large a difference is by chance, on both sides.
    """

    a: float
    b: float
    difference: float
    error: float
    low: float
    high: float
    p: float


def placements(scores: FloatArray, positive: BoolArray) -> tuple[FloatArray, FloatArray]:
    """For each positive the share of negatives below it, for each negative of positives above it.

    Ties count half. The mean of either is the area.
    """
    ranks, above, below = (mid_ranks(s) for s in (scores, scores[positive], scores[~positive]))
    positives, negatives = above.size, below.size
    return (ranks[positive] - above) / negatives, 1.0 - (ranks[~positive] - below) / positives


def mid_ranks(values: FloatArray) -> FloatArray:
    """The rank of each value from 1; equal values share the mean of their ranks."""
    _, rank, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    middle: FloatArray = (ends - (counts - 1) / 2)[rank]
    return middle


def paired_delong(
    a: FloatArray, b: FloatArray, positive: BoolArray, confidence: float
) -> AreaDifference:
    """Compare the areas of two scores of the same lessons.

    Args:
        a: the first scores, finite.
        b: the second ones.
        positive: the labels, with two of each class at least.
        confidence: of the interval.
    """
    of_positives, of_negatives = zip(placements(a, positive), placements(b, positive), strict=True)
    areas = [float(np.mean(placed)) for placed in of_positives]
    difference = areas[0] - areas[1]
    # The variance of a - b at once: three covariances would cancel each other's digits.
    variance = sum(
        float(np.var(first - second, ddof=1)) / first.size
        for first, second in (of_positives, of_negatives)
    )
    error = math.sqrt(variance)
    reach = NormalDist().inv_cdf((1 + confidence) / 2) * error
    return AreaDifference(
        areas[0],
        areas[1],
        difference,
        error,
        difference - reach,
        difference + reach,
        two_sided(difference, error),
    )


def two_sided(difference: float, error: float) -> float:
    """How likely a difference this far from zero is, if there is none."""
    if error == 0.0:
        return 1.0 if difference == 0.0 else 0.0
    return math.erfc(abs(difference) / error / math.sqrt(2))
