"""The columns of a schema that are checked, each with a memory of the pieces of its cells.

Real columns repeat their values, and looking a piece up takes a tenth of making it. Where every
value differs, remembering costs more than it saves, so a full memory is watched for a while.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from converters.cells.feature import Piece
from converters.cells.kind import Pieces
from converters.cells.numbers import is_plain

# Pieces remembered per column. Real columns repeat their values (the flights hold 4,043 tail
# numbers); at 16,384 (and those of the last look) a column costs at most some 3 MB.
REMEMBERED_PIECES = 16_384
# Of all columns together: some 60 MB.
ALL_PIECES = 2**18
# A longer cell is not remembered, so that a stream of huge cells stays bounded.
LONGEST_REMEMBERED = 64

# A memory of so many pieces, of four times as many, and so on, is watched for so many cells.
FIRST_LOOK = 1_024
WATCHED_CELLS = 512
# It is given up if it knows hardly one of them, or, once it is full, not every other one.
HARDLY = 0.05
WORTH_IT = 0.5


@dataclass(frozen=True)
class CheckedColumn:
    """A column whose cells are checked, and what makes its pieces.

    Attributes:
        place: its place in a row.
        name: what it is called.
        piece: a cell -> its piece.
        pieces: the same for many cells, and whether their numbers are plain.
        plain: the plain twin of ``piece``.
    """

    place: int
    name: str
    piece: Piece
    pieces: Callable[[Sequence[str]], Pieces]
    plain: Piece


# Puts another column, which gives the same pieces, in place of one.
Watched = Callable[[CheckedColumn], CheckedColumn]


class Columns:
    """The columns of a schema, each with a memory of its own while that pays.

    Attributes:
        each: for each column the function from a cell to its piece. The list is alive: a function
            is replaced in it when its memory is full or given up.
    """

    def __init__(self, checked: Sequence[CheckedColumn]) -> None:
        self._checked = checked
        self.each: list[Piece] = []
        most = max(1, min(REMEMBERED_PIECES, ALL_PIECES // max(1, len(checked))))
        self._memories = [
            _Memory(column.piece, self.each, place, most) for place, column in enumerate(checked)
        ]
        self.each += [memory.__getitem__ for memory in self._memories]

    def pieces(self, place: int, cells: Sequence[str]) -> Pieces:
        """The pieces of many cells of one column, and whether each number in them is plain.

        Raises:
            RefusedCellError: one of the cells must not reach a learner.
        """
        column, piece = self._checked[place], self.each[place]
        if piece is column.piece:
            return column.pieces(cells)
        memory = self._memories[place]
        memory.met_odd = False
        pieces = list(map(piece, cells))
        return pieces, not memory.met_odd and (not memory.odd or memory.odd.isdisjoint(cells))


class _Memory(dict[str, str]):
    """Cell -> piece. Looking a known cell up never leaves C; the rest is for those not known.

    Attributes:
        odd: the cells in it whose piece holds a number that is not plain.
        met_odd: whether such a piece was made; for whoever sets it back.
    """

    def __init__(self, piece: Piece, columns: list[Piece], place: int, most: int) -> None:
        super().__init__()
        self._piece = piece
        self._columns = columns
        self._place = place
        self._most = most
        self._next_look = min(FIRST_LOOK, most)
        self._asked = 0
        self._known = 0
        self.odd: set[str] = set()
        self.met_odd = False

    def __missing__(self, cell: str) -> str:
        text = self._piece(cell)
        odd = ":" in text and not is_plain(text)
        if odd:
            self.met_odd = True
        if len(cell) <= LONGEST_REMEMBERED:
            self[cell] = text
            if odd:
                self.odd.add(cell)
            if len(self) >= self._next_look and not self._asked:
                self._columns[self._place] = self._watched
        return text

    def _watched(self, cell: str) -> str:
        """Keep remembering, but count hits; after some cells decide how to continue."""
        asked = self._asked = self._asked + 1
        self._known += cell in self
        text = self[cell]
        if asked >= WATCHED_CELLS:
            self._decide(self._known / asked)
            self._asked = self._known = 0
        return text

    def _decide(self, known: float) -> None:
        full = self._next_look >= self._most
        if known < (WORTH_IT if full else HARDLY):
            self._columns[self._place] = self._piece
            self._forget()
            return
        if full:
            self._forget()  # what is common now is soon known again
        self._next_look = min(4 * self._next_look, self._most)
        self._columns[self._place] = self.__getitem__

    def _forget(self) -> None:
        self.clear()
        self.odd.clear()
