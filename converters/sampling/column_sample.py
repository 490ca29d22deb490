"""One column of a sample: its cells, which of them are missing, distinct, numbers, times."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from converters.cells.numbers import number
from converters.cells.refusal import RefusedCellError
from converters.cells.times import USUAL_YEARS, TimeReading
from converters.config.column_settings import FALSE_VALUES, TRUE_VALUES
from converters.sampling import missing_markers
from converters.sampling.nearly_numbers import Beside, beside, shape_of
from converters.sampling.number_notations import is_number_otherwise
from converters.sampling.time_formats import time_format

# Among numbers, times or truth values, of so many cells, any spelling of missing is one.
TYPED_SHARE = 0.5
# So many of its values must be distinct for a column to be "nearly unique", among this many rows.
NEARLY_UNIQUE = 0.95
UNIQUE_FROM_ROWS = 20

_SPELLINGS = frozenset({*TRUE_VALUES, *FALSE_VALUES})
_PAIRS = (("true", "false"), ("t", "f"), ("yes", "no"), ("y", "n"), ("on", "off"), ("1", "0"))
# A day in numbers or with the month's name, a time of day, or a time as ISO 8601 has it.
_LIKE_A_TIME = re.compile(
    r" *(?:\d{1,4}([-./])\d{1,2}\1\d{1,4}|\d{1,2}[- ][A-Za-z]{3,9}[- ]\d{2,4}"
    r"|[A-Za-z]{3,9} \d{1,2},? \d{4}|\d{1,2}:\d\d)(?:[T ,].*|:\d\d.*)?",
    re.DOTALL,
)

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
        return sorted({*self.markers, *self.sentinels} & self.counts.keys())

    @cached_property
    def markers(self) -> frozenset[str]:
        """The cells that say that nothing is there, besides the empty one, in such a column."""
        saying = missing_markers.words(self.counts)
        others = {cell: n for cell, n in self.counts.items() if cell and cell not in {*saying}}
        if saying and are_typed(others):
            return frozenset(saying)
        return frozenset(missing_markers.among_categories(self.counts) - {""})

    def share_of(self, cells: Iterable[str]) -> str:
        """How many of the cells these are, in words."""
        rows = sum(self.counts[cell] for cell in cells)
        share = rows / len(self.cells)
        part = f"{share:.0%}" if share >= 0.01 else "under 1%"
        return f"{rows:,} of {len(self.cells):,} cells ({part})"

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
    def beside(self) -> Beside | None:
        """What stands beside the numbers, in a column that is one of numbers all the same."""
        return beside(self.distinct, self.values) if self.odd and self.values else None

    @property
    def of_numbers(self) -> bool:
        """Whether it holds numbers, with few other cells beside them if any."""
        return bool(self.values) and (not self.odd or self.beside is not None)

    @cached_property
    def time_format(self) -> str:
        """How its times are written, if it holds some that are not read, or not alike, without."""
        return time_format(self.distinct)

    @cached_property
    def times(self) -> dict[str, datetime] | None:
        """What each present cell means in UTC, if all are times.

        Numbers are times only if all of them lie within the usual years.
        """
        times: dict[str, datetime] = {}
        reading = TimeReading(format=self.time_format)
        for cell in self.distinct:
            try:
                times[cell] = reading.moment(cell).astimezone(UTC)
            except (RefusedCellError, OverflowError):
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


@dataclass(frozen=True)
class LabelColumn(ColumnSample):
    """The label column of a sample and its classes.

    Attributes:
        positive: the spellings of the positive class; one at least must occur.
        negative: those of the negative class; empty means every other one that occurs.
    """

    positive: tuple[str, ...] = ()
    negative: tuple[str, ...] = ()

    @cached_property
    def markers(self) -> frozenset[str]:
        """The cells that say that the label is not known; one learned as negative would be wrong.

        Where the positive class is such a spelling itself, such as ``+``, they are as the others
        show.
        """
        saying = missing_markers.words(self.counts)
        if set(self.positive).isdisjoint(saying):
            return frozenset(saying)
        return frozenset(missing_markers.among_categories(self.counts) - {""})

    @property
    def declared(self) -> tuple[str, ...]:
        """The spellings of both classes."""
        return (*self.positive, *self.negative)

    @cached_property
    def unknown(self) -> list[str]:
        """The spellings of missing that occur and are not declared as a class."""
        return [c for c in self.spellings if c not in self.declared]

    @cached_property
    def classes(self) -> list[str]:
        """The other cells but the empty one, each once, sorted."""
        return sorted(self.counts.keys() - {"", *self.unknown})

    def ranked(self, values: Sequence[str]) -> tuple[str, ...]:
        """Values by how often they occur, the most frequent first."""
        return tuple(sorted(values, key=lambda value: -self.counts[value]))


def coded(values: Iterable[Hashable]) -> Codes:
    """Values as numbers, from 0 in the order of their first appearance."""
    known: dict[Hashable, int] = {}
    return np.array([known.setdefault(value, len(known)) for value in values], np.int64)


def truth_values(distinct: Collection[str]) -> bool:
    """Whether these are spellings of true and false, each with its counterpart."""
    if not distinct or not _SPELLINGS.issuperset(distinct):
        return False
    folded = {cell.lower() for cell in distinct}
    return all(folded.issuperset(pair) or folded.isdisjoint(pair) for pair in _PAIRS)


def are_typed(cells: Mapping[str, int]) -> bool:
    """Whether most of a column's cells, and of its values, are numbers or times, or all are truths.

    Args:
        cells: how often each came; without what may be missing.
    """
    if truth_values(cells):
        return True
    typed = [cell for cell in cells if _is_typed(cell)]
    rows = sum(map(cells.__getitem__, typed))
    return bool(
        typed
        and rows >= TYPED_SHARE * sum(cells.values())
        and len(typed) >= TYPED_SHARE * len(cells)
    )


def _is_typed(cell: str) -> bool:
    """Whether a cell is a number or a time, in whatever notation."""
    number = not math.isnan(number_or_nan(cell)) or is_number_otherwise(cell)
    return number or bool(shape_of(cell) or _LIKE_A_TIME.fullmatch(cell))


def number_or_nan(cell: str) -> float:
    """The value of a numeric cell, NaN for any other."""
    try:
        return number(cell)
    except RefusedCellError:
        return math.nan
