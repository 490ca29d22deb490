"""The cells of one column over the whole file: how they are read, and counts of them.

:class:`collections.Counter` counts a block of cells in C, some 50 ns a cell, so that a column of
few values costs next to nothing. Where values are many, hashes of them are kept instead, and what
is counted is an :class:`~converters.sampling.sketches.Estimate`.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import compress
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from converters.cells.numbers import numbers
from converters.cells.quantities import LEAST, MOST
from converters.cells.times import UTC_TIMES, TimeReading
from converters.check.respelt import Reading, Respelling, Said, reading
from converters.config.column_settings import ColumnSettings
from converters.sampling.column_sample import number_or_nan
from converters.sampling.sketches import Estimate, HashSample, Times, hashes
from converters.schema.schema import Schema

# Values that are counted, over all columns: some 200 bytes each.
COUNTED_VALUES = 90_000
MOST_COUNTED, FEWEST_COUNTED = 10_000, 64
# A column with a longer cell is not counted value by value, so that huge cells stay bounded.
LONGEST_COUNTED = 128
# Hashes that are kept, over all columns: 12 bytes each.
KEPT_HASHES = 2**20
MOST_KEPT, FEWEST_KEPT = 8_192, 256
UNKNOWN = "unknown"
# What a file holds under a former name, although the column itself is there or is gone.
FORMER = "former"


@dataclass(frozen=True)
class ColumnPlan:
    """A column of the file.

    Attributes:
        name: the column.
        role: its role, ``unknown`` if the config does not name it.
        kind: how its cells are read, or None.
        missing: the cells that are missing.
        low: the smallest number that is not out of range.
        high: the largest.
        known: the values that are not unseen; empty if the config names none.
        times: how it is read, if it holds times.
        reading: the spelling of a cell that counts; None if each counts as it is.
    """

    name: str
    role: str
    kind: str | None
    missing: frozenset[str]
    low: float = -math.inf
    high: float = math.inf
    known: frozenset[str] = frozenset()
    times: TimeReading = UTC_TIMES
    reading: Reading | None = None

    @property
    def numeric(self) -> bool:
        """Whether its cells are read as numbers."""
        return self.kind == "numeric" or self.role == "weight"

    @property
    def learned(self) -> bool:
        """Whether features are made of it."""
        return self.kind not in (None, "integer")

    @property
    def hidden(self) -> bool:
        """Whether no value of it may be shown."""
        return self.role == "protected"

    def is_missing(self, cell: str) -> bool:
        """Whether a cell says nothing."""
        return cell in self.missing or (self.kind == "text" and cell.isspace())

    def present(self, cells: Sequence[str]) -> NDArray[np.bool_] | None:
        """Which cells are not missing; None if all are there."""
        if self.kind != "text" and self.missing.isdisjoint(cells):
            return None
        return ~np.fromiter(map(self.is_missing, cells), np.bool_, len(cells))

    def values(self, cells: Sequence[str]) -> NDArray[np.float64]:
        """The numbers of cells that are not missing; NaN for those that are none."""
        found = numbers(cells) if cells else None
        values = list(map(number_or_nan, cells)) if found is None else found.values
        return np.array(values, np.float64)


def plans(header: Sequence[str], schema: Schema) -> list[ColumnPlan]:
    """One for each column of a file."""
    settings = {column.name: column.settings for column in schema.columns}
    others = dict.fromkeys(schema.column_names.former, FORMER)
    return [_plan(name, settings.get(name), others.get(name, UNKNOWN), schema) for name in header]


def _plan(name: str, settings: ColumnSettings | None, otherwise: str, schema: Schema) -> ColumnPlan:
    if settings is None:
        return ColumnPlan(name, otherwise, None, frozenset({""}))
    low, high = (LEAST, MOST) if settings.role == "weight" else (-math.inf, math.inf)
    return ColumnPlan(
        name,
        settings.role,
        settings.kind,
        frozenset({"", *settings.missing_values}),
        low if settings.min is None else settings.min,
        high if settings.max is None else settings.max,
        frozenset({*settings.values, *settings.rare_values}),
        schema.times_of(name),
        reading(settings, schema),
    )


class Classes(NamedTuple):
    """The classes of a block's rows; each has one truth value a row.

    Attributes:
        positive: whether its label is the positive one.
        unknown: whether it has no label; None if all have one.
    """

    positive: Sequence[bool]
    unknown: Sequence[bool] | None


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
        if classes is not None:
            self.positive.update(compress(cells, classes.positive))
            if classes.unknown is not None:
                self.unknown.update(compress(cells, classes.unknown))


@dataclass(frozen=True)
class Numbers:
    """The numbers of a column.

    Attributes:
        min: the smallest.
        max: the largest.
        mean: their mean, to twelve digits.
        quantiles: (which, value) each.
        out_of_range: how many cells are outside the config's range.
    """

    min: float
    max: float
    mean: float
    quantiles: Sequence[tuple[float, float]]
    out_of_range: int


@dataclass(frozen=True)
class Totals:
    """What the whole file holds in one column.

    Attributes:
        rows: how many rows could be split into cells.
        missing: in how many this one is missing.
        missing_as: how many of these hold each spelling of missing but the empty cell.
        distinct: how many values it has.
        repeats: how many rows hold a value that came before.
        numbers: of a numeric column, unless there is none; without quantiles.
        unseen: how many rows hold a value that the config does not know, where it knows some.
        counts: how often each cell came, missing ones too; None if they are too many.
        respelt: what a person should know of cells that count under another spelling.
    """

    rows: int
    missing: int
    missing_as: Mapping[str, int]
    distinct: Estimate
    repeats: Estimate
    numbers: Numbers | None
    unseen: int
    counts: Counts | None
    respelt: Sequence[Said] = ()


class ColumnCounter:
    """Takes the cells of one column, block by block.

    Args:
        plan: the column.
        columns: how many columns share the memory.
        ids: how many different values can be counted exactly, where repeats matter.
    """

    def __init__(self, plan: ColumnPlan, columns: int, ids: int = 0) -> None:
        self._plan = plan
        self._most = min(MOST_COUNTED, max(FEWEST_COUNTED, COUNTED_VALUES // columns))
        kept = min(MOST_KEPT, max(FEWEST_KEPT, KEPT_HASHES // columns))
        self._hashes = HashSample(max(kept, ids, self._most))
        self._counts: Counts | None = Counts()
        self._rows = self._missing = self._unseen = 0
        self._missing_as: Counter[str] = Counter()
        self._numbers = self._outside = 0
        self._sum = 0.0
        self._low, self._high = math.inf, -math.inf
        self._respelling = Respelling(plan.role, plan.kind, plan.reading)

    def add(self, cells: Sequence[str], classes: Classes | None, longest: int) -> None:
        """Take a block of cells; none has more bytes than ``longest``."""
        cells = self._respelling.read(cells)
        if self._counts is None:
            self._tally(cells, np.ones(len(cells), np.int64))
            return
        self._counts.add(cells, classes)
        many = len(self._counts.rows) > self._most
        if many or (longest > LONGEST_COUNTED and max(map(len, cells)) > LONGEST_COUNTED):
            self._tally_counts(self._counts)
            self._counts = None

    def totals(self) -> Totals:
        """What was counted, when all rows have come."""
        if self._counts is not None:
            self._tally_counts(self._counts)
        distinct = self._hashes.distinct()
        most = min(distinct.count, self._rows - self._missing)  # an estimate knows no bound
        numbers = None
        if self._numbers:
            # The order of the rows must not show in the last digits.
            mean = float(f"{self._sum / self._numbers:.12g}")
            numbers = Numbers(self._low, self._high, mean, (), self._outside)
        return Totals(
            self._rows,
            self._missing,
            {cell: self._missing_as[cell] for cell in sorted(self._missing_as)},
            Estimate(most, distinct.margin),
            self._hashes.repeats(),
            numbers,
            self._unseen,
            self._counts,
            list(self._respelling.said(self._counts.rows if self._counts else None)),
        )

    def _tally_counts(self, counts: Counts) -> None:
        """Add up what was counted, in an order that is always the same."""
        cells = sorted(counts.rows)
        times = np.fromiter((counts.rows[cell] for cell in cells), np.int64, len(cells))
        self._tally(cells, times)

    def _tally(self, cells: Sequence[str], times: Times) -> None:
        """Add up cells, and how often each came."""
        rows = int(times.sum())
        self._rows += rows
        there = self._plan.present(cells)
        if there is not None:
            for cell, n in zip(compress(cells, ~there), times[~there].tolist(), strict=True):
                if cell in self._plan.missing and cell:
                    self._missing_as[cell] += n
            cells, times = list(compress(cells, there)), times[there]
            self._missing += rows - int(times.sum())
        if not cells:
            return
        self._hashes.add(hashes(cells), times)
        if self._plan.numeric:
            self._tally_numbers(self._plan.values(cells), times)
        known = self._plan.known
        if known and not known.issuperset(cells):
            unknown = np.fromiter((cell not in known for cell in cells), np.bool_, len(cells))
            self._unseen += int(times[unknown].sum())

    def _tally_numbers(self, values: NDArray[np.float64], times: Times) -> None:
        good = ~np.isnan(values)
        values, times = values[good], times[good]
        if not len(values):
            return
        self._numbers += int(times.sum())
        self._sum = math.fsum([self._sum, *(values * times).tolist()])
        self._low = min(self._low, float(values.min()))
        self._high = max(self._high, float(values.max()))
        outside = (values < self._plan.low) | (values > self._plan.high)
        self._outside += int(times[outside].sum())
