"""The columns of a schema that are checked, each with a memory of the pieces of its cells.

Real columns repeat their values, and looking a piece up takes a tenth of making it. Where every
value differs, remembering costs more than it saves, so a full memory is watched for a while.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from converters.cells.feature import Piece
from converters.cells.kind import Pieces
from converters.cells.numbers import is_plain
from converters.cells.refusal import RefusedCellError
from converters.pieces.time_pieces import TimePieces

# Pieces remembered per column. Real columns repeat their values (the flights hold 4,043 tail
# numbers); at 16,384 (and those of the last look) a column costs at most some 3 MB.
REMEMBERED_PIECES = 16_384
# Of all columns together: some 60 MB.
ALL_PIECES = 2**18
# A longer cell is not remembered, so that a stream of huge cells stays bounded.
LONGEST_REMEMBERED = 64

# A memory of so many pieces, of four times as many, and so on, is watched for so many cells.
FIRST_LOOK = 512
WATCHED_CELLS = 256
# It is given up if it knows hardly one of them, or, once it is full, not every other one.
HARDLY = 0.05
WORTH_IT = 0.5
# A column given up is remembered again after so many cells, after twice as many, and so on: what is
# unique today may repeat tomorrow. Such a look takes as long as three times its cells.
FIRST_REST, LONGEST_REST = 16_384, 131_072
# Of blocks a window is so many times as long. In the second no more than one of two cells may be
# new, in the third one of three, in this one and later ones one of so many: a memory of less takes
# longer than converting all cells together.
WINDOW, WORTH_IN_BLOCKS = 8, 6
# New cells of a block are converted one by one up to so many, more of them together.
FEW_NEW = 8


@dataclass(frozen=True)
class CheckedColumn:
    """A column whose cells are checked, and what makes its pieces.

    Attributes:
        place: its place in a row.
        name: what it is called.
        piece: a cell -> its piece.
        pieces: the same for many cells.
        plain: the plain twin of ``piece``.
        times: what makes the pieces of a column of times.
    """

    place: int
    name: str
    piece: Piece
    pieces: Callable[[Sequence[str]], Pieces]
    plain: Piece
    times: TimePieces | None = None

    def made(self, cells: Sequence[str]) -> tuple[dict[str, str | None], bool]:
        """The piece of each cell, None for one that is refused; whether all numbers are plain.

        That is certain if true.
        """
        new = list(dict.fromkeys(cells))
        if len(new) > FEW_NEW:
            try:
                texts, lead, plain = self.pieces(new)
            except RefusedCellError:
                pass
            else:
                made = map(lead.__add__, texts) if lead else texts
                return dict(zip(new, made, strict=True)), plain
        return {cell: self._piece(cell) for cell in new}, False

    def _piece(self, cell: str) -> str | None:
        try:
            return self.piece(cell)
        except RefusedCellError:
            return None

    @classmethod
    def of_each(cls, place: int, name: str, piece: Piece) -> CheckedColumn:
        """A column whose cells are checked one by one, and whose pieces hold no numbers."""
        return cls(place, name, piece, lambda cells: (list(map(piece, cells)), "", True), piece)

    @classmethod
    def of_times(cls, place: int, name: str, times: TimePieces) -> CheckedColumn:
        """A column of times."""
        return cls(place, name, times.piece, times.pieces, times.plain, times)


def at_one_look(columns: Sequence[CheckedColumn]) -> list[CheckedColumn]:
    """The same columns, those of one time together: its parts, and the check of its cells.

    Parts between whose pieces there are others stay apart.
    """
    found: list[CheckedColumn] = []
    for column in columns:
        joined = column
        for each in found:
            if each.times is None or column.times is None or each.place != column.place:
                continue
            if each is found[-1] or not each.times.parts:
                times = each.times.with_parts(column.times)
                joined = CheckedColumn.of_times(column.place, column.name, times)
                found.remove(each)
                break
        found.append(joined)
    return found


# Puts another column, which gives the same pieces, in place of one.
Watched = Callable[[CheckedColumn], CheckedColumn]


class Columns:
    """The columns of a schema, each with a memory of its own while that pays.

    Attributes:
        each: for each column the function from a cell to its piece. The list is alive: a function
            is replaced in it when its memory is watched or given up.
    """

    def __init__(self, checked: Sequence[CheckedColumn]) -> None:
        self.each: list[Piece] = []
        most = max(1, min(REMEMBERED_PIECES, ALL_PIECES // max(1, len(checked))))
        memories = [_Memory(column, self.each, at, most) for at, column in enumerate(checked)]
        self.each += [memory.__getitem__ for memory in memories]
        self.pieces = [memory.many for memory in memories]


class _ManyNewError(Exception):
    """More than a few cells of a block are not known."""


class _Memory(dict[str, str]):
    """Cell -> piece. Looking a known cell up never leaves C; the rest is for those not known.

    Args:
        column: what makes pieces.
        each: the list that holds the way from a cell of this column to its piece.
        place: where in it.
        most: so many pieces are remembered, and those of the last look.
    """

    def __init__(self, column: CheckedColumn, each: list[Piece], place: int, most: int) -> None:
        super().__init__()
        self._column, self._each, self._place, self._most = column, each, place, most
        # The cells in it whose piece holds a number that is not plain; whether one was met now.
        self._odd: set[str] = set()
        self._met_odd = False
        # How many new cells may yet be converted one by one; whether the last block had many.
        self._left, self._has_many = math.inf, False
        self._next_look = min(FIRST_LOOK, most)
        self._new = 0
        # While it is watched: the cells asked for, and those of them that were new.
        self._is_watched = False
        self._asked = self._known = 0
        # The cells of blocks since a window began, the new ones of them, and how many there were.
        self._of_window = self._new_in_window = self._windows = 0
        # The cells that are not remembered before it is tried again; 0 while they are.
        self._rest, self._next_rest = 0, FIRST_REST

    def __missing__(self, cell: str) -> str:
        self._left -= 1
        if self._left < 0:
            raise _ManyNewError
        self._new += 1
        piece = self._column.piece(cell)
        odd = ":" in piece and not is_plain(piece)
        self._met_odd |= odd
        if len(cell) <= LONGEST_REMEMBERED:
            self[cell] = piece
            if odd:
                self._odd.add(cell)
            self._look()
        return piece

    def many(self, cells: Sequence[str]) -> Pieces:
        """The pieces of many cells.

        Raises:
            RefusedCellError: one of the cells must not reach a learner.
        """
        if self._rest:
            self._rest = max(0, self._rest - len(cells))
            if not self._rest and self._hardly_repeat(cells):
                self._give_up()
            if self._rest:
                return self._column.pieces(cells)
            self._each[self._place] = self.__getitem__
        elif not self and self._hardly_repeat(cells):
            self._give_up()
            return self._column.pieces(cells)
        self._met_odd, was_new = False, self._new
        pieces = self._pieces(cells)
        plain = not self._met_odd and (not self._odd or self._odd.isdisjoint(cells))
        new = self._new - was_new
        if self._is_watched:
            self._asked += len(cells)
            self._known += len(cells) - new
            self._decide()
        self._window(len(cells), new)
        return pieces, "", plain

    def _window(self, cells: int, new: int) -> None:
        """Give up if too many cells of blocks are new; in the first windows it may yet learn."""
        self._of_window += cells
        self._new_in_window += new
        if self._of_window < WINDOW * WATCHED_CELLS or self._rest:
            return
        self._windows = min(self._windows + 1, WORTH_IN_BLOCKS)
        if self._windows * self._new_in_window > self._of_window:
            self._give_up()
        self._of_window = self._new_in_window = 0

    def _pieces(self, cells: Sequence[str]) -> Sequence[str]:
        if not self._has_many:
            self._left = FEW_NEW
            try:
                return list(map(self.__getitem__, cells))
            except _ManyNewError:
                pass
            finally:
                self._left = math.inf
        new = [cell for cell in dict.fromkeys(cells) if cell not in self]
        self._has_many = len(new) > FEW_NEW
        if self._has_many:
            short = [cell for cell in new if len(cell) <= LONGEST_REMEMBERED]
            if 2 * len(short) < len(new):
                texts, lead, plain = self._column.pieces(cells)
                self._met_odd |= not plain
                return list(map(lead.__add__, texts)) if lead else texts
            self._learn(short)
        return list(map(self.__getitem__, cells))

    def _learn(self, new: Sequence[str]) -> None:
        """Remember the pieces of many cells that differ."""
        texts, lead, plain = self._column.pieces(new)
        pieces = list(map(lead.__add__, texts)) if lead else texts
        self.update(zip(new, pieces, strict=True))
        self._new += len(new)
        if not plain:
            odd = [c for c, p in zip(new, pieces, strict=True) if ":" in p and not is_plain(p)]
            self._odd.update(odd)
        self._look()

    def _look(self) -> None:
        """Begin to watch, if it is time."""
        if len(self) >= self._next_look and not self._is_watched:
            self._is_watched = True
            self._each[self._place] = self._watched

    def _watched(self, cell: str) -> str:
        """Keep remembering, but count hits; after some cells decide how to continue."""
        self._asked += 1
        self._known += cell in self
        text = self[cell]
        self._decide()
        return text

    def _decide(self) -> None:
        if self._asked < WATCHED_CELLS:
            return
        known = self._known / self._asked
        self._asked = self._known = 0
        self._is_watched = False
        full = self._next_look >= self._most
        if known < (WORTH_IT if full else HARDLY):
            self._give_up()
            return
        if full:
            self._forget()  # what is common now is soon known again
        if known >= WORTH_IT:
            self._next_rest = FIRST_REST
        self._next_look = min(4 * self._next_look, self._most)
        self._each[self._place] = self.__getitem__

    def _hardly_repeat(self, cells: Sequence[str]) -> bool:
        """Whether so many cells nearly all differ; asked only when nothing is remembered."""
        return len(cells) >= WATCHED_CELLS and len(set(cells)) > (1 - HARDLY) * len(cells)

    def _give_up(self) -> None:
        self._forget()
        self._next_look = min(FIRST_LOOK, self._most)
        self._windows = 0
        self._rest, self._next_rest = self._next_rest, min(2 * self._next_rest, LONGEST_REST)
        self._each[self._place] = self._resting

    def _resting(self, cell: str) -> str:
        """Remember nothing, until it is tried again."""
        self._rest -= 1
        if not self._rest:
            self._each[self._place] = self.__getitem__
        return self._column.piece(cell)

    def _forget(self) -> None:
        self.clear()
        self._odd.clear()
