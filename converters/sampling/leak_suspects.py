"""How well one column by itself predicts the label, against columns of chance.

A leak, known only when the label is, does it too well. Judged are three ways, and the one counts
that is furthest above chance: the number's rank, the value's share of positives, and being missing.

The share of positives of a value is learned from one half of the sample, drawn by chance, and
judged on the other: judged on the same rows, a column of unique values would be perfect. So a
column of chance, such as the same values beside shuffled labels, has an area of one half whatever
its values are, with the spread of a Mann-Whitney statistic. The control is the 99th percentile of
that, for the best of as many columns.

``init`` and ``check`` ask the same of the same rows (:func:`converters.sampling.reservoir.judged`):
what a column says follows from its cells and what is missing among them, whatever its kind becomes.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import compress
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from converters.sampling.column_sample import UNIQUE_FROM_ROWS, ColumnSample, coded
from converters.sampling.nearly_numbers import MOST_NUMBERED_CATEGORIES
from converters.sampling.reservoir import POSITIVE, UNLABELLED, Lots, Mask
from converters.sampling.sentinels import in_sample

# Fewer labels of a class say nothing about how well a column predicts them.
FEWEST_OF_A_CLASS = 10

# What honest columns do not reach by themselves; the classes' rate per value fits the sample more
# closely than a rank does, so more is asked of it. The delay at departure predicts late arrivals
# with .90.
SUSPECT_RANK_AUC = 0.85
SUSPECT_RATE_AUC = 0.9

# A column that is as good as the label tells the classes apart but for a few rows.
AS_GOOD_AUC = 0.998
# Words of names of what is known only afterwards.
AFTERWARDS = frozenset(
    (
        *("actual", "after", "arrival", "arrived", "cancelled", "canceled", "charged", "chargeoff"),
        *("closed", "closing", "collected", "collection", "completed", "delay", "delayed"),
        *("delivered", "ended", "final", "finished", "landed", "outcome", "post", "recovered"),
        *("recoveries", "recovery", "refund", "refunded", "resolution", "resolved", "result"),
        *("returned", "settled", "settlement"),
    )
)
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")

BY = {"number": "by its size", "value": "by its value", "missing": "by whether it is missing"}

# The control is what the best of all columns would reach by chance in one of so many files.
FILES = 100
# Each may be so in five ways: by rising or falling, by value, by being missing or there.
WAYS = 5
# Numbers are judged by value too, in so many spans: a leak need not rise or fall.
SPANS = 20

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]


@dataclass(frozen=True)
class Alone:
    """How well a column predicts the label by itself.

    Attributes:
        auc: the area under the ROC curve, at least one half.
        by: by what: ``number``, ``value`` or ``missing``.
        control: what columns of chance reach in 1 of 100 files of such a size.
        rows: the rows with a label that it was judged by.
    """

    auc: float
    by: str
    control: float
    rows: int

    @property
    def suspicious(self) -> bool:
        """Whether it does so too well to be honest."""
        limit = SUSPECT_RANK_AUC if self.by == "number" else SUSPECT_RATE_AUC
        return self.auc >= limit and self.auc > self.control

    @property
    def is_as_good(self) -> bool:
        """Whether it is as good as the label itself, but for a few rows."""
        return self.suspicious and self.auc >= AS_GOOD_AUC

    @property
    def described(self) -> str:
        """How well, in words that follow the column's name."""
        return (
            f"predicts the label too well {BY[self.by]} (AUC {self.auc:.3f} over {self.rows:,} "
            f"rows; columns of chance stay under {self.control:.3f})"
        )


def known_afterwards(name: str) -> bool:
    """Whether a column's name says that it is known only when the label is."""
    return not AFTERWARDS.isdisjoint(word.lower() for word in _WORD.findall(name))


class Judge:
    """Judges the columns of a sample.

    Args:
        labels: 1, 0, or -1 where it is not known, of each row.
        lots: a number drawn by chance for each.
        columns: how many columns are judged, since the best of many may be good by chance.
        judged: by which of the rows; None for all.
    """

    def __init__(
        self, labels: NDArray[np.int8], lots: Lots, columns: int, judged: Mask | None = None
    ) -> None:
        self._judged = None if judged is None or judged.all() else judged
        if self._judged is not None:
            labels, lots = labels[self._judged], lots[self._judged]
        self._known: Mask = labels != UNLABELLED
        self._positive: Mask = labels[self._known] == POSITIVE
        self._folds = _folds(self._positive, lots[self._known])
        self._z = NormalDist().inv_cdf(1 - 1 / FILES / (WAYS * max(columns, 1)))

    def of_column(self, column: ColumnSample, kind: str | None) -> Alone | None:
        """How well a column does; None where there are too few labels of a class.

        Args:
            column: its cells, of each row; what a config lists as missing are its sentinels.
            kind: how its cells are read; None if a config does not say.
        """
        if self._judged is not None:
            column = replace(column, cells=list(compress(column.cells, self._judged)))
        if kind is None:
            column = replace(column, sentinels={*column.sentinels, *in_sample(column)})
        numeric = kind == "numeric" or (kind in (None, "categorical") and column.of_numbers)
        absent = column.missing | (frozenset(column.odd) if numeric else frozenset())
        missing = np.array([cell in absent for cell in column.cells], np.bool_)
        none = np.zeros(len(missing), np.int64)
        if numeric:
            values = [column.values.get(cell, math.nan) for cell in column.cells]
            return self.alone(none, missing, np.array(values, np.float64))
        # Of a time no more is learned than its parts: that a day has one label is no leak.
        codes = none if kind == "time" else np.where(missing, 0, 1 + coded(column.cells))
        return self.alone(codes, missing, None)

    def alone(self, codes: Codes, missing: Mask, values: Floats | None) -> Alone | None:
        """How well cells do; None where there are too few labels of a class.

        Args:
            codes: a number for each row's cell, equal for equal cells.
            missing: whether each is missing.
            values: its number, NaN where it is none; of a numeric column.
        """
        codes, missing = codes[self._known], missing[self._known]
        if values is not None:
            values = values[self._known]
        found = list(self._ways(codes, missing, values))
        return max(found, key=lambda way: way.auc - way.control, default=None)

    def _ways(self, codes: Codes, missing: Mask, values: Floats | None) -> Iterator[Alone]:
        positive = self._positive
        if missing.any() and not missing.all():
            yield from self._ranked(missing.astype(np.float64), positive, "missing")
        if values is None:
            yield from self._by_value(codes, positive)
            return
        there = ~np.isnan(values)
        distinct = np.unique(values[there])
        if len(distinct) > 2:  # of two, their order says no more than each
            yield from self._ranked(values[there], positive[there], "number")
        few = len(distinct) <= MOST_NUMBERED_CATEGORIES
        codes = 1 + np.searchsorted(distinct, values) if few else spans(values)
        yield from self._by_value(np.where(there, codes, 0), positive)

    def _ranked(self, scores: Floats, positive: Mask, by: str) -> Iterator[Alone]:
        if enough(positive):
            auc = rank_auc(scores, positive)
            yield Alone(max(auc, 1 - auc), by, self._control(positive), len(self._positive))

    def _by_value(self, codes: Codes, positive: Mask) -> Iterator[Alone]:
        if enough(positive[self._folds]) and enough(positive[~self._folds]):
            auc = crossed_auc(codes, positive, self._folds)
            # Worse than chance on the other half is no way to tell.
            yield Alone(max(auc, 0.5), "value", self._control(positive), len(positive))

    def _control(self, positive: Mask) -> float:
        ones = int(positive.sum())
        zeros = len(positive) - ones
        deviation = math.sqrt((ones + zeros + 1) / (12 * ones * zeros))
        return min(1.0, 0.5 + self._z * deviation)


def _folds(positive: Mask, lots: NDArray[np.uint64]) -> Mask:
    """Halves drawn by chance, with half of each class in either."""
    folds = np.zeros(len(positive), np.bool_)
    for truth in (positive, ~positive):
        places = np.flatnonzero(truth)
        folds[places[np.argsort(lots[places])][::2]] = True
    return folds


def always_later(times: Iterable[float | None], events: Sequence[float | None]) -> bool:
    """Whether times are always later than their events; None for one that is not known."""
    compared = 0
    for moment, event in zip(times, events, strict=True):
        if moment is None or event is None:
            continue
        if moment <= event:  # which soon ends the search in most columns
            return False
        compared += 1
    return compared >= UNIQUE_FROM_ROWS


def enough(positive: Mask) -> bool:
    """Whether there are labels enough of both classes to say anything."""
    ones = int(positive.sum())
    return min(ones, len(positive) - ones) >= FEWEST_OF_A_CLASS


def rank_auc(scores: Floats, positive: Mask) -> float:
    """The area under the ROC curve: how often a positive's score is above a negative's.

    Ties count half.
    """
    _, places = np.unique(scores, return_inverse=True)
    ones = np.bincount(places, weights=positive)
    zeros = np.bincount(places, weights=~positive)
    below = np.cumsum(zeros) - zeros
    return float((ones * (below + zeros / 2)).sum() / (ones.sum() * zeros.sum()))


def crossed_auc(codes: Codes, positive: Mask, folds: Mask) -> float:
    """The area for a value's share of positives, learned from each fold and judged on the other."""
    areas, pairs = [], []
    for judged in (folds, ~folds):
        scores = _rates(codes[~judged], positive[~judged], int(codes.max()) + 1)
        truth = positive[judged]
        areas.append(rank_auc(scores[codes[judged]], truth))
        pairs.append(int(truth.sum()) * int((~truth).sum()))
    return float(np.average(areas, weights=pairs))


def _rates(codes: Codes, positive: Mask, size: int) -> Floats:
    """The share of positives of each code, drawn towards that of all by one row's worth."""
    rows = np.bincount(codes, minlength=size)
    ones = np.bincount(codes, weights=positive, minlength=size)
    rates: Floats = (ones + positive.mean()) / (rows + 1)
    return rates


def spans(values: Floats, count: int = SPANS) -> Codes:
    """Numbers as spans of about as many rows each, 1 and up; 0 where there is none."""
    there = ~np.isnan(values)
    codes = np.zeros(len(values), np.int64)
    if there.any():
        numbers = values[there]
        rising = np.sort(numbers)
        edges = np.unique(rising[np.arange(1, count) * len(rising) // count])
        codes[there] = 1 + np.searchsorted(edges, numbers, side="left")
    return codes
