"""The cells of a CSV file column by column, each different cell held once.

A row takes four bytes a column, so that a million rows can be taken in any order.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from converters.cells.refusal import Refusal
from converters.files.csv_file import CsvFile

Codes = NDArray[np.int32]
Integers = NDArray[np.int64]
# How many rows make a step of progress.
SHOWN_EVERY = 1_024


@dataclass(frozen=True)
class CodedColumn:
    """A column.

    Attributes:
        values: its different cells, in the order in which they first came.
        codes: of each row, which of them it holds.
    """

    values: Sequence[str]
    codes: Codes

    def cells(self, first: int, last: int) -> list[str]:
        """The cells of some rows."""
        return [self.values[code] for code in self.codes[first:last].tolist()]


@dataclass(frozen=True)
class Columns:
    """Rows of a file.

    Attributes:
        by_name: its columns, in the file's order.
        lines: on which line of the file each row begins.
        left_out: how many rows could not be taken, by reason.
        whole: whether these are all rows of the file.
    """

    by_name: dict[str, CodedColumn]
    lines: Integers
    left_out: Counter[str] = field(default_factory=Counter)
    whole: bool = True

    def __len__(self) -> int:
        return len(self.lines)

    def taken(self, rows: Integers) -> Columns:
        """Some of the rows, in this order."""
        columns = {n: CodedColumn(c.values, c.codes[rows]) for n, c in self.by_name.items()}
        return replace(self, by_name=columns, lines=self.lines[rows])

    def without(self, bad: NDArray[np.bool_], why: str) -> Columns:
        """The rows that are not bad; the others are counted."""
        count = int(bad.sum())
        left_out = self.left_out + Counter({why: count} if count else {})
        return replace(self.taken(np.flatnonzero(~bad)), left_out=left_out)

    def rows(self, first: int = 0, last: int | None = None) -> list[tuple[str, ...]]:
        """The cells of some rows."""
        last = len(self) if last is None else last
        return list(zip(*(c.cells(first, last) for c in self.by_name.values()), strict=True))

    def blocks(self, size: int) -> Iterator[tuple[int, list[tuple[str, ...]]]]:
        """All rows in blocks, each with the number of its first one."""
        for first in range(0, len(self), size):
            yield first, self.rows(first, min(first + size, len(self)))


def read_columns(file: CsvFile, most: int, shown: Callable[[int], None]) -> Columns:
    """Read the first rows of a file.

    Args:
        file: open.
        most: how many rows at most; 0 for all.
        shown: told how many have been read.

    Raises:
        CsvFileError: the file cannot be framed.
    """
    known: list[dict[str, int]] = [{} for _ in file.header]
    codes = [array("i") for _ in file.header]
    lines, left_out, whole = array("q"), Counter[str](), True
    for row in file.rows():
        if most and len(lines) == most:
            whole = False
            break
        cells = file.dialect.cells_of(row.content)
        if isinstance(cells, Refusal):
            left_out[cells.reason] += 1
        elif len(cells) != len(known):
            left_out["wrong-width"] += 1
        else:
            lines.append(row.line)
            for column, values, cell in zip(codes, known, cells, strict=True):
                column.append(values.setdefault(cell, len(values)))
            if not len(lines) % SHOWN_EVERY:
                shown(len(lines))
    columns = {
        name: CodedColumn(list(values), np.array(column, np.int32))
        for name, values, column in zip(file.header, known, codes, strict=True)
    }
    return Columns(columns, np.array(lines, np.int64), left_out, whole)
