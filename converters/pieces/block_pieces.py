"""The pieces of all columns of a block of lines, from tables as far as that pays.

Cells that a table does not know go the plain way, :class:`CheckedColumn`, and are put there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import accumulate

import numpy as np

from converters.cells.kind import Pieces
from converters.cells.numbers import is_plain
from converters.cells.refusal import RefusedCellError
from converters.files.cut_lines import CutLines
from converters.pieces import column_memory as memory
from converters.pieces.clock_form import TO_HOUR
from converters.pieces.column_memory import CheckedColumn
from converters.pieces.piece_table import Entries, Missed, Objects, PieceTable
from converters.pieces.table_column import WORDS, TableColumn

# More columns than this are cut at one go.
FEW_CUT = 3


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

    def pays(self, rows: int) -> bool:
        """Whether so many lines are better not converted as strings, column by column."""
        given_up = [column for column in self._columns if column.is_given_up]
        if 2 * len(given_up) <= len(self._columns):
            return True
        if True in [column.is_rested(rows) for column in given_up]:
            self._make_tables()
        return False

    def of(self, cut: CutLines) -> Found:
        """The pieces of a block's lines, of which there is at least one."""
        self._asked += cut.rows
        begun = [column.begin(cut) for column in self._columns if column.is_beginning]
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
            columns = [each for each in self._columns if each.level == level]
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
        if sum(column.is_given_up for column in self._columns) > FEW_CUT:
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
            run = -1, 0, 0
            texts, lead, plain = _many(column, cut, found)
            parts += [lead, texts] if lead else [texts]
            found.plain &= plain
            changed |= column.is_rested(cut.rows)
        widths = [part.shape[1] if isinstance(part, np.ndarray) else 1 for part in parts]
        found.pieces = np.empty((cut.rows, sum(widths)), object)
        for part, width, end in zip(parts, widths, accumulate(widths), strict=True):
            if isinstance(part, np.ndarray):
                found.pieces[:, end - width : end] = part
            else:
                found.pieces[:, end - 1] = part
        return changed

    def _learn(
        self, table: PieceTable, cut: CutLines, missed: Missed, found: Found, pieces: Objects
    ) -> bool:
        """Put what was not found into its table; whether the tables have to be made again."""
        width = len(table.columns)
        new = _New(cut, missed)
        columns = missed.at % width
        of_firsts: dict[int, list[int]] = {}
        for n, at in enumerate(columns[new.firsts].tolist()):
            of_firsts.setdefault(at, []).append(n)
        changed = False
        for at, numbers in of_firsts.items():
            column, before = table.columns[at], len(new.put)
            unfit = new.make(column, numbers)
            changed |= column.is_changed(self._asked, len(numbers), unfit, len(new.put) - before)
        flat = pieces.reshape(-1)
        flat[missed.at] = np.array(new.pieces, object).take(new.of)
        for n, piece in new.alone.items():
            flat[missed.at[n]] = piece
        found.refused.update(int(missed.at[n]) // width for n in new.refused())
        found.plain &= not new.odd
        if new.put:
            keys = [each[new.firsts[new.put]] for each in missed.keys]
            known = np.array([new.pieces[n] for n in new.put], object)
            odd = np.array([n in new.odd for n in new.put])
            table.put(missed.slots[new.firsts[new.put]], Entries(keys, known, odd))
        return changed


class _New:
    """Cells of a block that a table did not know, and their pieces.

    Args:
        cut: the block.
        missed: the cells.

    Attributes:
        firsts: by their numbers among the missed, those that differ.
        of: for each missed cell which one of these is like it.
        pieces: of each of these; None if it is refused.
        odd: those whose pieces hold a number that is not plain.
        put: those that the table will have.
        alone: the pieces of missed cells that only seemed to be like a first one.
    """

    def __init__(self, cut: CutLines, missed: Missed) -> None:
        self._cut, self._missed = cut, missed
        self.firsts, self.of = missed.alike()
        self._cells = cut.cells(missed.starts[self.firsts], missed.lengths[self.firsts])
        self._fit = missed.fit[self.firsts].tolist()
        self.pieces: list[str | None] = [None] * len(self._cells)
        self.odd: set[int] = set()
        self.put: list[int] = []
        self.alone: dict[int, str | None] = {}

    def make(self, column: TableColumn, numbers: Sequence[int]) -> int:
        """Make the pieces of first cells of a column; gives how many cells no table can have."""
        cells = [self._cells[n] for n in numbers]
        known = _made(column.column, list(dict.fromkeys(cells)))
        unfit, seen = 0, set()
        for n, cell in zip(numbers, cells, strict=True):
            self.pieces[n] = piece = known[cell]
            if piece is not None and _is_odd(piece):
                self.odd.add(n)
            fits, key = self._fit[n], cell
            if column.column.times is not None:
                fits, key = column.is_sure(cell), cell[:TO_HOUR]
                if self._fit[n] and not fits:
                    unfit += self._part(column, n)
            unfit += not fits
            if fits and piece is not None and key not in seen:
                seen.add(key)
                self.put.append(n)
        return unfit

    def _part(self, column: TableColumn, first: int) -> int:
        """Convert by themselves those that only share the hour of a time; gives how many."""
        like = np.flatnonzero(self.of == first)
        like = like[like != self.firsts[first]]
        cells = self._cut.cells(self._missed.starts[like], self._missed.lengths[like])
        for n, cell in zip(like.tolist(), cells, strict=True):
            self.alone[n] = _piece(column.column, cell)
        return len(like)

    def refused(self) -> list[int]:
        """The numbers of missed cells that are refused."""
        bad = [n for n, piece in enumerate(self.pieces) if piece is None]
        like = np.flatnonzero(np.isin(self.of, bad)).tolist() if bad else []
        alone = [n for n, piece in self.alone.items() if piece is None]
        return [n for n in like if n not in self.alone] + alone


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
