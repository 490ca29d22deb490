"""A CSV file -> blocks of cells, column by column, and the rows that cannot be told apart.

The first step of :mod:`converters.check.profile`. Cells are what
:meth:`converters.convert.records.RowReader.event_cells` makes of the same bytes; blocks are larger
than those of the file, for what follows works on whole columns.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from converters.cells.numbers import number, numbers
from converters.cells.refusal import Refusal, RefusedCellError
from converters.cells.weight import LEAST, MOST
from converters.config.column_settings import ColumnSettings
from converters.convert.to_vw_text import wrong_width
from converters.convert.whole_file import Reject
from converters.files.csv_file import Block, CsvFile
from converters.files.framing import BYTE_ORDER_MARK, Dialect
from converters.schema.schema import Schema

# Blocks of so many rows cost numpy's calls little, and of so many characters hold some MB.
ROWS_A_BLOCK = 1_024
CHARACTERS_A_BLOCK = 2**20


class CellBlock(NamedTuple):
    """Rows that follow each other.

    Attributes:
        columns: the cells of each of the file's columns, of the rows that have as many as these.
        lines: the line on which each of these rows begins.
        texts: each of these rows as one line of CSV, the same for all rows of the same cells.
        refused: the other rows.
    """

    columns: Sequence[Sequence[str]]
    lines: Sequence[int]
    texts: Sequence[bytes]
    refused: Sequence[Reject]


def cell_blocks(file: CsvFile) -> Iterator[CellBlock]:
    """All rows of a file, in order.

    Raises:
        CsvFileError: the file cannot be framed to its end.
    """
    width = len(file.header)
    gathered = _Gathered(width)
    for block in file.blocks():
        gathered.add(block, file.dialect)
        if gathered.full:
            yield gathered.block()
            gathered = _Gathered(width)
    if gathered.lines or gathered.refused:
        yield gathered.block()


class _Gathered:
    """What has been read for the next block."""

    def __init__(self, width: int) -> None:
        self._columns: list[list[str]] = [[] for _ in range(width)]
        self._texts: list[bytes] = []
        self._characters = 0
        self.lines: list[int] = []
        self.refused: list[Reject] = []

    @property
    def full(self) -> bool:
        """Whether it makes a block."""
        rows = len(self.lines) + len(self.refused)
        return rows >= ROWS_A_BLOCK or self._characters >= CHARACTERS_A_BLOCK

    def block(self) -> CellBlock:
        """What has been gathered."""
        return CellBlock(self._columns, self.lines, self._texts, self.refused)

    def add(self, block: Block, dialect: Dialect) -> None:
        """Take a block of the file."""
        value = b"\n".join(block.rows)
        self._characters += len(value)
        if self._add_plain(block.lines, value, dialect.delimiter):
            self._texts += block.rows
        else:
            self._add_each(block.lines, value, dialect)

    def _add_plain(self, lines: Sequence[int], value: bytes, delimiter: str) -> bool:
        """Take rows without quotes that all have the header's width; false if they are not so.

        All of them are split at once, with each row's end as a cell of its own: 5x as fast as row
        by row.
        """
        text = _plain_text(value)
        width = len(self._columns)
        if text is None:
            return False
        cells = text.replace("\n", f"{delimiter}\n{delimiter}").split(delimiter)
        ends = cells[width :: width + 1]
        # Each of the rows' ends has to stand where a row of the header's width ends.
        if not ends.count("\n") == len(ends) == len(lines) - 1:
            return False
        if len(cells) != len(lines) * (width + 1) - 1:
            return False
        if width == 1 and "" in cells:  # a blank line is no row of one missing cell
            return False
        for place, column in enumerate(self._columns):
            column.extend(cells[place :: width + 1])
        self.lines += lines
        return True

    def _add_each(self, lines: Sequence[int], value: bytes, dialect: Dialect) -> None:
        width = len(self._columns)
        good = []
        for line, cells in zip(lines, dialect.cells(value + b"\n"), strict=True):
            if isinstance(cells, Refusal):
                self.refused.append(Reject(line, cells))
            elif len(cells) != width:
                self.refused.append(Reject(line, wrong_width(cells, width)))
            else:
                good.append(cells)
                self.lines.append(line)
                self._texts.append(dialect.line(cells).encode())
        for column, more in zip(self._columns, zip(*good, strict=True), strict=False):
            column.extend(more)


def _plain_text(value: bytes) -> str | None:
    """The rows as text, if nothing in them needs a closer look."""
    if b'"' in value or b"\r" in value:
        return None
    try:
        text = value.decode("utf-8")
    except UnicodeDecodeError:
        return None
    return None if BYTE_ORDER_MARK in text else text


UNKNOWN = "unknown"


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
        zone: the clock of times without an offset.
    """

    name: str
    role: str
    kind: str | None
    missing: frozenset[str]
    low: float = -math.inf
    high: float = math.inf
    known: frozenset[str] = frozenset()
    zone: str = "UTC"

    @property
    def numeric(self) -> bool:
        """Whether its cells are read as numbers."""
        return self.kind == "numeric" or self.role == "weight"

    @property
    def learned(self) -> bool:
        """Whether features are made of it."""
        return self.kind is not None

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
        found = numbers(cells) if cells else []
        return np.array(list(map(_number, cells)) if found is None else found, np.float64)


def plans(header: Sequence[str], schema: Schema) -> list[ColumnPlan]:
    """One for each column of a file."""
    settings = {column.name: column.settings for column in schema.columns}
    return [_plan(name, settings.get(name)) for name in header]


def _plan(name: str, settings: ColumnSettings | None) -> ColumnPlan:
    if settings is None:
        return ColumnPlan(name, UNKNOWN, None, frozenset({""}))
    low, high = (LEAST, MOST) if settings.role == "weight" else (-math.inf, math.inf)
    return ColumnPlan(
        name,
        settings.role,
        settings.kind,
        frozenset({"", *settings.missing_values}),
        low if settings.min is None else settings.min,
        high if settings.max is None else settings.max,
        frozenset({*settings.values, *settings.rare_values}),
        settings.zone or "UTC",
    )


def _number(cell: str) -> float:
    try:
        return number(cell)
    except RefusedCellError:
        return math.nan
