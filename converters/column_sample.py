"""One column of a sample: its cells, which of them are missing, distinct, numbers, times.

Facts alone; what follows from them is decided in :mod:`converters.infer_column`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

from converters.cells import RefusedCellError
from converters.numbers import number
from converters.times import time_ms

# Spellings of missing that pandas, R, SQL and people write.
MISSING_SPELLINGS = frozenset(
    {"NA", "N/A", "NaN", "nan", "NULL", "Null", "null", "None", "none", "?", "-"}
)
# So many of its values must be distinct for a column to be "nearly unique", among this many rows.
NEARLY_UNIQUE = 0.95
UNIQUE_FROM_ROWS = 20


@dataclass(frozen=True)
class ColumnSample:
    """A column's cells, the line of each, and each row's label (None where it is not known)."""

    name: str
    cells: Sequence[str]
    lines: Sequence[int]
    labels: Sequence[int | None] = field(repr=False)

    @cached_property
    def counts(self) -> Counter[str]:
        """How often each cell occurs."""
        return Counter(self.cells)

    @cached_property
    def spellings(self) -> list[str]:
        """The spellings of missing that occur, besides the empty cell."""
        return sorted(c for c in self.counts if c and means_missing(c))

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
    def numbers(self) -> list[float]:
        """The present cells that are numbers."""
        return [value for value in map(number_or_none, self.present) if value is not None]

    @property
    def missing_share(self) -> float:
        """Which part of the cells is missing."""
        return 1 - len(self.present) / len(self.cells)

    @property
    def nearly_unique(self) -> bool:
        """Whether hardly a value occurs twice, in a sample that can tell."""
        rows = len(self.present)
        return rows >= UNIQUE_FROM_ROWS and len(self.distinct) >= NEARLY_UNIQUE * rows

    @property
    def holds_times(self) -> bool:
        """Whether each present cell is a time."""
        try:
            return all(time_ms(cell) >= 0 for cell in self.present)
        except RefusedCellError:
            return False


def means_missing(cell: str) -> bool:
    """Whether a cell is empty, blank, or spelt as missing values commonly are."""
    return cell in MISSING_SPELLINGS or not cell or cell.isspace()


def number_or_none(cell: str) -> float | None:
    """The value of a numeric cell, None for any other."""
    try:
        return number(cell)
    except RefusedCellError:
        return None
