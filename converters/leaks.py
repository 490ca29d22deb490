"""How well one column alone tells the classes apart: a leak does it too well.

A leak is a column that is known only when the label is, such as a flight's arrival time. Learned
from, it makes numbers in testing wonderful and predictions worthless.

Each column is held against random columns as a control: the same cells against shuffled labels.
They say what chance alone reaches in this sample, so that neither few rows nor many values make a
suspect of an honest column.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

# Fewer labels of a class say nothing about how well a column tells them apart.
FEWEST_OF_A_CLASS = 10

# What honest columns do not reach alone; the classes' rate per value fits the sample more closely
# than a rank does, so more is asked of it. The delay at departure tells late arrivals with .90.
SUSPECT_RANK_AUC = 0.85
SUSPECT_RATE_AUC = 0.9

# The control: so many shuffles give the mean and the spread of what chance reaches, and the
# suspect must be beyond what the best of as many random columns reaches once in a hundred files.
SHUFFLES = 20
FALSE_ALARMS = 0.01

Codes = NDArray[np.int64]
Counts = NDArray[np.float64]


@dataclass(frozen=True)
class Separation:
    """How well a column's values tell the classes apart.

    Attributes:
        codes: each row's value as a number from 0 without gaps; of a ranked column in its order.
        labels: 1 or 0 each.
        ranked: whether the values' order counts, or each value's share of positives.
    """

    codes: Codes
    labels: Codes
    ranked: bool

    @cached_property
    def seen(self) -> float | None:
        """The AUC, as if high values meant positive; None with fewer than ten rows of a class."""
        positives = int(self.labels.sum())
        if min(positives, len(self.labels) - positives) < FEWEST_OF_A_CLASS:
            return None
        return self._auc(self.labels)

    @cached_property
    def corrected(self) -> float | None:
        """The AUC less what chance alone gives it: a value for each row would reach 1."""
        if self.seen is None:
            return None
        mean = self._control[0]
        return max(0.5, 0.5 + 0.5 * (self.seen - mean) / (1 - mean)) if mean < 1 else 0.5

    def chance(self, columns: int) -> float:
        """What the best of so many random columns would reach in this sample."""
        mean, spread = self._control
        return mean + spread * NormalDist().inv_cdf(1 - FALSE_ALARMS / max(columns, 1))

    def is_suspect(self, columns: int) -> bool:
        """Whether that is too good to be true, for one of so many columns."""
        limit = SUSPECT_RANK_AUC if self.ranked else SUSPECT_RATE_AUC
        if self.seen is None or self.seen < limit:
            return False
        return (self.corrected or 0) >= limit and self.seen > self.chance(columns)

    @cached_property
    def _control(self) -> tuple[float, float]:
        """Mean and standard deviation of the AUC over shuffled labels."""
        lots = np.random.default_rng(0)  # the same sample must be judged alike
        reached = [self._auc(lots.permutation(self.labels)) for _ in range(SHUFFLES)]
        return float(np.mean(reached)), float(np.std(reached, ddof=1))

    def _auc(self, labels: Codes) -> float:
        rows: Counts = np.bincount(self.codes).astype(np.float64)
        positive: Counts = np.bincount(self.codes, labels, len(rows)).astype(np.float64)
        if not self.ranked:
            _, order = np.unique(positive / rows, return_inverse=True)
            size = int(order.max()) + 1
            rows, positive = (
                np.bincount(order, of, size).astype(np.float64) for of in (rows, positive)
            )
        auc = area(positive, rows - positive)
        return max(auc, 1 - auc) if self.ranked else auc


def area(positives: Counts, negatives: Counts) -> float:
    """The area under the ROC curve: how often a positive's score is above a negative's.

    Args:
        positives: how many there are of each score, the scores rising; ties count half.
        negatives: likewise.
    """
    below = np.cumsum(negatives) - negatives
    return float((positives * (below + negatives / 2)).sum() / (positives.sum() * negatives.sum()))


def by_rank(values: Sequence[float], labels: Sequence[int]) -> Separation:
    """A column of numbers."""
    _, codes = np.unique(np.array(values, np.float64), return_inverse=True)
    return Separation(codes.astype(np.int64), np.array(labels, np.int64), ranked=True)


def by_rate(values: Iterable[Hashable], labels: Sequence[int]) -> Separation:
    """A column of categories, or of whether cells are missing."""
    return Separation(coded(values), np.array(labels, np.int64), ranked=False)


def coded(values: Iterable[Hashable]) -> Codes:
    """Values as numbers, from 0 in the order of their first appearance."""
    known: dict[Hashable, int] = {}
    return np.array([known.setdefault(value, len(known)) for value in values], np.int64)
