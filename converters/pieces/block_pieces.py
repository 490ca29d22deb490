"""The pieces of all columns of a block of lines, from tables as far as that pays.

Cells that a table does not know go the plain way, :class:`CheckedColumn`, and are put there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import TypeGuard

import numpy as np

from converters.cells.kind import Pieces
from converters.cells.numbers import is_plain
from converters.cells.refusal import RefusedCellError
from converters.files.cut_lines import CutLines, Places
from converters.pieces import column_memory as memory
from converters.pieces.column_memory import CheckedColumn
from converters.pieces.hour_column import HourColumn
from converters.pieces.piece_table import Entries, Missed, Objects, PieceTable
from converters.pieces.table_column import WORDS, TableColumn

# More columns than this are cut at one go.
FEW_CUT = 3
# Among so few cells that a table did not know, equal ones are not looked for.
FEW_MISSED = 64


@dataclass(slots=True)
class Found:
    """The pieces of a block.

    Attributes:
        pieces: a row for each line; in the order of the columns, but for some what its pieces
            begin with is a column of its own, before it.
        refused: lines with a cell that is refused, by their numbers.
        plain: whether no number in the other lines is one that is not plain; certain if true.
    """

    pieces: Objects
    refused: set[int] = field(default_factory=set)
    plain: bool = True


class BlockPieces:
    """The pieces of columns.

    Args:
        columns: these, in the order of their pieces.
        many: for each the pieces of strings.

    Attributes:
        tables: those of the columns that are not given up.
    """

    def __init__(
        self,
        columns: Sequence[CheckedColumn],
        many: Sequence[Callable[[Sequence[str]], Pieces]],
    ) -> None:
        most = max(1, min(memory.REMEMBERED_PIECES, memory.ALL_PIECES // max(1, len(columns))))
        self._columns = [
            TableColumn(column, of, most)
            if column.times is None
            else HourColumn(column, column.times, of)
            for column, of in zip(columns, many, strict=True)
        ]
        self._tabled = [each for each in self._columns if isinstance(each, TableColumn)]
        self.tables: list[PieceTable] = []
        self._asked = 0
        self._make_tables()

    def pays(self, rows: int) -> bool:
        """Whether so many lines are better not converted as strings, column by column."""
        given_up = [column for column in self._tabled if column.is_given_up]
        if 2 * len(given_up) <= len(self._columns):
            return True
        if True in [column.is_rested(rows) for column in given_up]:
            self._make_tables()
        return False

    def of(self, cut: CutLines) -> Found:
        """The pieces of a block's lines, of which there is at least one."""
        self._asked += cut.rows
        begun = [column.begin(cut) for column in self._tabled if column.is_beginning]
        if True in begun:
            self._make_tables()
        found, changed, taken = Found(np.empty((cut.rows, 0), object)), False, []
        for table in self.tables:
            pieces, missed, odd = table.look(cut)
            taken.append(pieces)
            found.plain &= not odd
            if missed is not None:
                changed |= self._learn(table, cut, missed, found, pieces)
        if len(taken) == 1 and len(self.tables[0].columns) == len(self._columns):
            found.pieces = taken[0]
        else:
            changed |= self._gather(cut, found, taken)
        if changed:
            self._make_tables()
        return found

    def _make_tables(self) -> None:
        before, self.tables = self.tables, []
        for level, words in enumerate(WORDS):
            columns = [each for each in self._tabled if each.level == level]
            if columns:
                self.tables.append(PieceTable(words, columns, before))

    def _gather(self, cut: CutLines, found: Found, taken: Sequence[Objects]) -> bool:
        """Put the pieces of tables and of columns in none in order; whether one has rested."""
        parts: list[Sequence[str] | str | Objects] = []
        changed = False
        of = {
            id(column): (number, at)
            for number, table in enumerate(self.tables)
            for at, column in enumerate(table.columns)
        }
        if sum(column.is_given_up for column in self._tabled) > FEW_CUT:
            cut.split()
        run = -1, 0, 0
        for column in self._columns:
            number, at = of.get(id(column), (-1, 0))
            if number >= 0:
                # Columns that follow one another in a table are copied at once.
                first = run[1] if run[0] == number and run[2] == at else at
                if first < at:
                    parts.pop()
                run = number, first, at + 1
                parts.append(taken[number][:, first : at + 1])
                continue
            texts, lead, plain = _many(column, cut, found)
            found.plain &= plain
            if isinstance(column, TableColumn):
                changed |= column.is_rested(cut.rows)
            elif column.is_empty:
                continue
            run = -1, 0, 0
            parts += [lead, texts] if lead else [texts]
        found.pieces = _beside(parts, cut.rows)
        return changed

    def _learn(
        self, table: PieceTable, cut: CutLines, missed: Missed, found: Found, pieces: Objects
    ) -> bool:
        """Put what was not found into its table; whether the tables have to be made again."""
        width = len(table.columns)
        new = _New(cut, missed)
        of_firsts: dict[int, list[int]] = {}
        for n, at in enumerate(new.at):
            of_firsts.setdefault(at % width, []).append(n)
        changed = False
        for at, numbers in of_firsts.items():
            column, before = table.columns[at], len(new.put)
            unfit = new.make(column, numbers)
            changed |= column.is_changed(self._asked, len(numbers), unfit, len(new.put) - before)
        new.give(pieces.reshape(-1))
        found.refused.update(at // width for at in new.refused())
        found.plain &= not new.odd
        if new.put:
            keys = [each[new.put_at] for each in missed.keys]
            known = np.array([new.pieces[n] for n in new.put], object)
            odd = np.array([n in new.odd for n in new.put])
            table.put(missed.slots[new.put_at], Entries(keys, known, odd))
        return changed


class _New:
    """Cells of a block that a table did not know, and their pieces.

    Args:
        cut: the block.
        missed: the cells.

    Attributes:
        at: the places of those that differ, as far as that pays to find out.
        pieces: of each of these; None if it is refused.
        odd: those whose pieces hold a number that is not plain.
        put: those that the table will have.
    """

    def __init__(self, cut: CutLines, missed: Missed) -> None:
        self._missed = missed
        starts, lengths, fit, at = missed.starts, missed.lengths, missed.fit, missed.at
        # For each cell which one of the first ones is like it; None if all of them are.
        self._firsts: Places | None = None
        self._of: Places | None = None
        if len(at) > FEW_MISSED:
            self._firsts, self._of = missed.alike()
            starts, lengths = starts[self._firsts], lengths[self._firsts]
            fit, at = fit[self._firsts], at[self._firsts]
        self.at: list[int] = at.tolist()
        self._cells, self._fit = cut.cells(starts, lengths), fit.tolist()
        self.pieces: list[str | None] = [None] * len(self._cells)
        self.odd: set[int] = set()
        self.put: list[int] = []

    @property
    def put_at(self) -> Places | list[int]:
        """The numbers of :attr:`put` among all that was missed."""
        return self.put if self._firsts is None else self._firsts[self.put]

    def give(self, pieces: Objects) -> None:
        """Put the pieces of all into those of the block."""
        if self._of is None:
            for at, piece in zip(self.at, self.pieces, strict=True):
                pieces[at] = piece
            return
        pieces[self._missed.at] = np.array(self.pieces, object).take(self._of)

    def make(self, column: TableColumn, numbers: Sequence[int]) -> int:
        """Make the pieces of first cells of a column; gives how many cells no table can have."""
        cells = [self._cells[n] for n in numbers]
        made, plain = column.column.made(cells)
        for n, cell in zip(numbers, cells, strict=True):
            self.pieces[n] = made[cell]
        if not plain:
            self.odd.update(n for n in numbers if _is_odd(self.pieces[n]))
        fit = self._fit
        # Only among few may there be equal ones.
        first = {cell: n for n, cell in zip(numbers, cells, strict=True) if fit[n]}
        self.put += [n for n in first.values() if self.pieces[n] is not None]
        return sum(not fit[n] for n in numbers)

    def refused(self) -> list[int]:
        """The places of missed cells that are refused."""
        bad = [n for n, piece in enumerate(self.pieces) if piece is None]
        if self._of is None:
            return [self.at[n] for n in bad]
        at: list[int] = self._missed.at[np.isin(self._of, bad)].tolist() if bad else []
        return at


def _many(column: TableColumn | HourColumn, cut: CutLines, found: Found) -> Pieces:
    """The pieces of a column that is in no table; nothing for cells that are refused."""
    if isinstance(column, HourColumn) and column.has_form(cut):
        return column.of(cut, found.refused).tolist(), "", True
    place = column.column.place
    try:
        if not cut.lengths[:, place].any():
            texts, lead, plain = column.many([""])
            return [*texts] * cut.rows, lead, plain
        return column.many(cut[place])
    except RefusedCellError:
        cells = cut[place]
        pieces, _ = column.column.made(cells)
        found.refused.update(at for at, cell in enumerate(cells) if pieces[cell] is None)
        return [pieces[cell] or "" for cell in cells], "", False


def _beside(parts: Sequence[Sequence[str] | str | Objects], rows: int) -> Objects:
    """Columns, and matrices of columns, as one matrix."""
    if len(parts) == 1 and _is_matrix(parts[0]):
        return parts[0]
    widths = [part.shape[1] if _is_matrix(part) else 1 for part in parts]
    pieces = np.empty((rows, sum(widths)), object)
    for part, width, end in zip(parts, widths, accumulate(widths), strict=True):
        if _is_matrix(part):
            pieces[:, end - width : end] = part
        else:
            pieces[:, end - 1] = part
    return pieces


def _is_matrix(part: Sequence[str] | str | Objects) -> TypeGuard[Objects]:
    return isinstance(part, np.ndarray) and part.ndim > 1


def _is_odd(piece: str | None) -> bool:
    return piece is not None and ":" in piece and not is_plain(piece)
