"""One column of a sample: its cells, which of them are missing, distinct, numbers, times."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Hashable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from converters.cells.numbers import number
from converters.cells.refusal import RefusedCellError
from converters.cells.times import local_time

# Spellings of missing that pandas, R, SQL and people write.
MISSING_SPELLINGS = frozenset(
    {"NA", "N/A", "NaN", "nan", "NULL", "Null", "null", "None", "none", "?", "-"}
)
# Cells of more blanks than this are no spelling: each length would be one of its own.
LONGEST_BLANK = 20
# Whole numbers with at most so many values (days of a month) are names more often than amounts.
MOST_NUMBERED_CATEGORIES = 31
# So many of its values must be distinct for a column to be "nearly unique", among this many rows.
NEARLY_UNIQUE = 0.95
UNIQUE_FROM_ROWS = 20
# Times that count seconds or milliseconds look like any number; those of events lie here.
USUAL_YEARS = range(1990, 2041)

_UTC = ZoneInfo("UTC")

Codes = NDArray[np.int64]


@dataclass(frozen=True)
class ColumnSample:
    """A column's cells and the line of each; some of these may stand for a missing value."""

    name: str
    cells: Sequence[str]
    lines: Sequence[int]
    sentinels: Collection[str] = ()

    @cached_property
    def counts(self) -> Counter[str]:
        """How often each cell occurs."""
        return Counter(self.cells)

    @cached_property
    def spellings(self) -> list[str]:
        """The spellings of missing that occur, besides the empty cell."""
        return sorted(c for c in self.counts if c and (means_missing(c) or c in self.sentinels))

    @cached_property
    def missing(self) -> frozenset[str]:
        """The cells that are missing, as they are spelt."""
        return frozenset({"", *self.spellings})

    @cached_property
    def present(self) -> list[str]:
        """The cells that are not missing."""
        return [c for c in self.cells if c not in self.missing]

    @cached_property
    def distinct(self) -> Counter[str]:
        """How often each present cell occurs."""
        return Counter(self.present)

    @cached_property
    def values(self) -> dict[str, float]:
        """The number that each present cell is, where it is one."""
        read = ((cell, number_or_nan(cell)) for cell in self.distinct)
        return {cell: value for cell, value in read if not math.isnan(value)}

    @cached_property
    def numbers(self) -> list[float]:
        """The present cells that are numbers."""
        values = self.values
        return [values[cell] for cell in self.present if cell in values]

    @cached_property
    def odd(self) -> list[str]:
        """The present cells that are no numbers, each once, in the order of their appearance."""
        return [cell for cell in self.distinct if cell not in self.values]

    @cached_property
    def times(self) -> dict[str, datetime] | None:
        """What each present cell means in UTC, if all are times.

        Numbers are times only if all of them lie within the usual years.
        """
        times: dict[str, datetime] = {}
        for cell in self.distinct:
            try:
                times[cell] = local_time(cell, _UTC).astimezone(UTC)
            except RefusedCellError:
                return None
            if cell in self.values and times[cell].year not in USUAL_YEARS:
                return None
        return times or None

    @property
    def counts_rows(self) -> bool:
        """Whether it holds the rows' numbers, from 0 or 1 on or one more with each line."""
        if self.odd or len(self.numbers) < len(self.cells):
            return False
        steps = np.diff(np.array(self.numbers))
        together = bool((steps == np.diff(np.array(self.lines))).all())
        return together or (min(self.numbers) in (0, 1) and bool((steps > 0).all()))

    @property
    def missing_share(self) -> float:
        """Which part of the cells is missing."""
        return 1 - len(self.present) / len(self.cells)

    @property
    def nearly_unique(self) -> bool:
        """Whether hardly a value occurs twice, in a sample that can tell."""
        rows = len(self.present)
        return rows >= UNIQUE_FROM_ROWS and len(self.distinct) >= NEARLY_UNIQUE * rows

    def line_of(self, cell: str) -> int:
        """The first line that holds a cell."""
        return self.lines[self.cells.index(cell)]


def coded(values: Iterable[Hashable]) -> Codes:
    """Values as numbers, from 0 in the order of their first appearance."""
    known: dict[Hashable, int] = {}
    return np.array([known.setdefault(value, len(known)) for value in values], np.int64)


def means_missing(cell: str) -> bool:
    """Whether a cell is empty, blank, or spelt as missing values commonly are."""
    if cell in MISSING_SPELLINGS or not cell:
        return True
    return len(cell) <= LONGEST_BLANK and cell.isspace()


def number_or_nan(cell: str) -> float:
    """The value of a numeric cell, NaN for any other."""
    try:
        return number(cell)
    except RefusedCellError:
        return math.nan
