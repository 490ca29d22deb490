"""The cells of one column over the whole file: counted value by value while these are few.

Part of :mod:`converters.check.profile`. :class:`collections.Counter` counts a block of cells in C,
some 50 ns a cell, so that a column of few values costs next to nothing; where they are many
:class:`~converters.check.tally.Tally` goes on without them.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import compress

import numpy as np
from numpy.typing import NDArray

from converters.check.cells import ColumnPlan
from converters.sampling.sketches import Estimate, HashSample, Times, hashes


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


# Values that are counted, over all columns: some 200 bytes each.
COUNTED_VALUES = 90_000
MOST_COUNTED, FEWEST_COUNTED = 10_000, 64
# A column with a longer cell is not counted value by value, so that huge cells stay bounded.
LONGEST_COUNTED = 128
# Hashes that are kept, over all columns: 12 bytes each.
KEPT_HASHES = 2**20
MOST_KEPT, FEWEST_KEPT = 8_192, 256


@dataclass(frozen=True)
class Classes:
    """The classes of a block's rows; each has one truth value a row.

    Attributes:
        positive: whether its label is the positive one.
        known: whether it has a label.
        all_known: whether all have.
    """

    positive: Sequence[bool]
    known: Sequence[bool]
    all_known: bool


@dataclass
class Counts:
    """How often each cell came.

    Attributes:
        rows: in all rows.
        positive: in rows of the positive class.
        unknown: in rows without a known label.
    """

    rows: Counter[str] = field(default_factory=Counter)
    positive: Counter[str] = field(default_factory=Counter)
    unknown: Counter[str] = field(default_factory=Counter)

    def add(self, cells: Sequence[str], classes: Classes | None) -> None:
        """Count the cells of a block."""
        self.rows.update(cells)
        if classes is None:
            return
        self.positive.update(compress(cells, classes.positive))
        if not classes.all_known:
            unlabelled = (not known for known in classes.known)
            self.unknown.update(compress(cells, unlabelled))


@dataclass(frozen=True)
class Totals:
    """What the whole file holds in one column.

    Attributes:
        rows: how many rows were told apart into cells.
        missing: in how many this one is missing.
        distinct: how many values it has.
        repeats: how many rows hold a value that came before.
        numbers: of a numeric column, unless there is none.
        unseen: how many rows hold a value that the config does not know, where it knows some.
        counts: how often each cell came, missing ones too; None if they are too many.
    """

    rows: int
    missing: int
    distinct: Estimate
    repeats: Estimate
    numbers: Numbers | None
    unseen: int
    counts: Counts | None


class ColumnCounter:
    """Takes the cells of one column, block by block.

    Args:
        plan: the column.
        columns: how many columns share the memory.
        ids: how many different values can be counted exactly, where repeats matter.
    """

    def __init__(self, plan: ColumnPlan, columns: int, ids: int = 0) -> None:
        self.plan = plan
        self._most = min(MOST_COUNTED, max(FEWEST_COUNTED, COUNTED_VALUES // columns))
        kept = min(MOST_KEPT, max(FEWEST_KEPT, KEPT_HASHES // columns))
        self._tally = Tally(plan, max(kept, ids, self._most))
        self._counts: Counts | None = Counts()

    def add(self, cells: Sequence[str], classes: Classes | None, longest: int) -> None:
        """Take a block of cells; none has more bytes than ``longest``."""
        if self._counts is None:
            self._tally.add(cells, np.ones(len(cells), np.int64))
            return
        self._counts.add(cells, classes)
        many = len(self._counts.rows) > self._most
        if many or (longest > LONGEST_COUNTED and max(map(len, cells)) > LONGEST_COUNTED):
            self._tell(self._counts)
            self._counts = None

    def totals(self) -> Totals:
        """What was counted, when all rows have come."""
        if self._counts is not None:
            self._tell(self._counts)
        tally = self._tally
        distinct = tally.distinct()
        most = min(distinct.count, tally.rows - tally.missing)  # an estimate knows no bound
        return Totals(
            tally.rows,
            tally.missing,
            Estimate(most, distinct.margin),
            tally.repeats(),
            tally.numbers(),
            tally.unseen,
            self._counts,
        )

    def _tell(self, counts: Counts) -> None:
        """Hand on what was counted, in an order that is always the same."""
        cells = sorted(counts.rows)
        times = np.fromiter((counts.rows[cell] for cell in cells), np.int64, len(cells))
        self._tally.add(cells, times)
