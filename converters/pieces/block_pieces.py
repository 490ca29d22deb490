"""The pieces of all columns of a block of lines, from tables as far as that pays.

Cells that a table does not know go the plain way, :class:`CheckedColumn`, and are put there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from converters.cells.kind import Pieces
from converters.cells.numbers import is_plain
from converters.cells.refusal import RefusedCellError
from converters.files.cut_lines import CutLines
from converters.pieces import column_memory as memory
from converters.pieces.clock_form import TO_HOUR, ClockForm
from converters.pieces.column_memory import CheckedColumn
from converters.pieces.piece_table import Entries, Missed, Objects, PieceTable
from converters.pieces.table_column import WORDS, TableColumn


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
        self._columns = [TableColumn(*each, most) for each in zip(columns, many, strict=True)]
        self.tables: list[PieceTable] = []
        self._asked = 0
        self._make_tables()

    def of(self, cut: CutLines) -> Found:
        """The pieces of a block's lines, of which there is at least one."""
        self._asked += cut.rows
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
            columns = [each for each in self._columns if each.level == level]
            if columns:
                self.tables.append(PieceTable(words, columns, before))

    def _gather(self, cut: CutLines, found: Found, taken: Sequence[Objects]) -> bool:
        """Put the pieces of tables and of columns in none in order; whether one has rested."""
        columns: list[Sequence[str] | str | Objects] = []
        changed = False
        of = {
            id(column): pieces[:, at]
            for table, pieces in zip(self.tables, taken, strict=True)
            for at, column in enumerate(table.columns)
        }
        for column in self._columns:
            if id(column) in of:
                columns.append(of[id(column)])
                continue
            texts, lead, plain = _many(column, cut, found)
            columns += [lead, texts] if lead else [texts]
            found.plain &= plain
            changed |= column.is_rested(cut.rows)
        found.pieces = np.empty((cut.rows, len(columns)), object)
        for at, pieces in enumerate(columns):
            found.pieces[:, at] = pieces
        return changed

    def _learn(
        self, table: PieceTable, cut: CutLines, missed: Missed, found: Found, pieces: Objects
    ) -> bool:
        """Put what was not found into its table; whether the tables have to be made again."""
        width = len(table.columns)
        cells = cut.cells(missed.starts, missed.lengths)
        by_column: dict[int, list[int]] = {}
        for n, at in enumerate((missed.at % width).tolist()):
            by_column.setdefault(at, []).append(n)
        made: list[str] = [""] * len(cells)
        new = _New()
        changed = False
        for at, places in by_column.items():
            column, before = table.columns[at], len(new.places)
            known = _made(column.column, list(dict.fromkeys(map(cells.__getitem__, places))))
            unfit = new.add(column, places, cells, known, missed)
            for n in places:
                piece = known[cells[n]]
                if piece is None:
                    found.refused.add(int(missed.at[n]) // width)
                else:
                    made[n] = piece
            put = len(new.places) - before
            changed |= column.is_changed(self._asked, len(places), unfit, put)
            found.plain &= not any(map(_is_odd, filter(None, known.values())))
        pieces.reshape(-1)[missed.at] = made
        if new.places:
            keys = [each[new.places] for each in missed.keys]
            odd = np.array(list(map(_is_odd, new.pieces)))
            table.put(missed.slots[new.places], Entries(keys, np.array(new.pieces, object), odd))
        return changed


class _New:
    """Missed cells that a table remembers, by their numbers among those, and their pieces."""

    def __init__(self) -> None:
        self.places: list[int] = []
        self.pieces: list[str] = []

    def add(
        self,
        column: TableColumn,
        places: Sequence[int],
        cells: Sequence[str],
        known: dict[str, str | None],
        missed: Missed,
    ) -> int:
        """Add each different one of a column; gives how many cells no table can have."""
        times, unfit, seen = column.column.times, 0, set()
        for n in places:
            cell, fits = cells[n], bool(missed.fit[n])
            piece = known[cell]
            if times is not None:
                hour = times.of_hour(cell)
                if hour is not None and column.form is None:
                    column.form = ClockForm(cell, hour[0])
                fits = hour is not None and column.form is not None and column.form.is_of(cell)
                cell = cell[:TO_HOUR]
            unfit += not fits
            if fits and piece is not None and cell not in seen:
                seen.add(cell)
                self.places.append(n)
                self.pieces.append(piece)
        return unfit


def _made(column: CheckedColumn, cells: list[str]) -> dict[str, str | None]:
    """The piece of each cell; None for one that is refused."""
    if len(cells) > memory.FEW_NEW:
        try:
            texts, lead, _ = column.pieces(cells)
        except RefusedCellError:
            pass
        else:
            return dict(zip(cells, map(lead.__add__, texts) if lead else texts, strict=True))
    return {cell: _piece(column, cell) for cell in cells}


def _piece(column: CheckedColumn, cell: str) -> str | None:
    try:
        return column.piece(cell)
    except RefusedCellError:
        return None


def _many(column: TableColumn, cut: CutLines, found: Found) -> Pieces:
    """The pieces of a column that is in no table; nothing for cells that are refused."""
    cells = cut[column.column.place]
    try:
        return column.many(cells)
    except RefusedCellError:
        pieces = _made(column.column, list(dict.fromkeys(cells)))
        found.refused.update(at for at, cell in enumerate(cells) if pieces[cell] is None)
        return [pieces[cell] or "" for cell in cells], "", False


def _is_odd(piece: str) -> bool:
    return ":" in piece and not is_plain(piece)
