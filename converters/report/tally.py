"""What is added up over all cells of a column: missing ones, different ones, numbers, unseen ones.

:mod:`converters.check.counts` feeds it: a column of few values once, at the end, with how
often each came; a column of many as they come.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import compress

import numpy as np
from numpy.typing import NDArray

from converters.report.column_plan import ColumnPlan
from converters.report.hashing import hashes
from converters.sampling.sketches import Estimate, HashSample, Times


@dataclass(frozen=True)
class Numbers:
    """The numbers of a column.

    Attributes:
        count: how many cells are numbers.
        low: the smallest.
        high: the largest.
        mean: their mean, to twelve digits.
        outside: how many lie outside the config's range.
    """

    count: int
    low: float
    high: float
    mean: float
    outside: int


class Tally:
    """Adds up the cells of a column.

    Args:
        plan: the column.
        capacity: how many hashed values may be kept to tell how many are different.
    """

    def __init__(self, plan: ColumnPlan, capacity: int) -> None:
        self._plan = plan
        self._hashes = HashSample(capacity)
        self._total = 0.0
        self._low, self._high = math.inf, -math.inf
        self._count = self._outside = 0
        self.rows = self.missing = self.unseen = 0

    def add(self, cells: Sequence[str], times: Times) -> None:
        """Take cells, and how often each came."""
        rows = int(times.sum())
        self.rows += rows
        there = self._plan.present(cells)
        if there is not None:
            cells, times = list(compress(cells, there)), times[there]
            self.missing += rows - int(times.sum())
        if not cells:
            return
        self._hashes.add(hashes(cells), times)
        if self._plan.numeric:
            self._add_numbers(self._plan.values(cells), times)
        known = self._plan.known
        if known and not known.issuperset(cells):
            unknown = np.fromiter((cell not in known for cell in cells), np.bool_, len(cells))
            self.unseen += int(times[unknown].sum())

    def distinct(self) -> Estimate:
        """How many different values the column has, missing not counted."""
        return self._hashes.distinct()

    def repeats(self) -> Estimate:
        """How many rows have a value that another had before."""
        return self._hashes.repeats()

    def numbers(self) -> Numbers | None:
        """What the numbers were; None if there was none."""
        if not self._count:
            return None
        # The order of the rows must not show in the last digits.
        mean = float(f"{self._total / self._count:.12g}")
        return Numbers(self._count, self._low, self._high, mean, self._outside)

    def _add_numbers(self, values: NDArray[np.float64], times: Times) -> None:
        good = ~np.isnan(values)
        values, times = values[good], times[good]
        if not len(values):
            return
        self._count += int(times.sum())
        self._total = math.fsum([self._total, *(values * times).tolist()])
        self._low = min(self._low, float(values.min()))
        self._high = max(self._high, float(values.max()))
        outside = (values < self._plan.low) | (values > self._plan.high)
        self._outside += int(times[outside].sum())
