"""Remembers the pieces of each column's cells, and gives up where hardly a cell comes twice.

Part of the compiled conversion (:mod:`converters.convert.to_vw_text`): real columns repeat their
values, and a
look-up takes a tenth of making a piece anew. Where every value differs, remembering costs more
than it saves, so a column whose memory is full is watched for a while.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from converters.cells.feature import Piece

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

Pieces = Callable[[Sequence[str]], list[str]]


@dataclass(frozen=True)
class Plain:
    """How a column's cells become pieces without a memory: one by one, or many at once."""

    piece: Piece
    pieces: Pieces


class Columns:
    """The columns of a schema, each with a memory of its own while that is worth it.

    Attributes:
        each: for each column the function from a cell to its piece. The list is alive: a function
            is replaced in it when its memory is full or given up.
    """

    def __init__(self, plain: Sequence[Plain]) -> None:
        self._plain = plain
        self.each: list[Piece] = []
        most = max(1, min(REMEMBERED_PIECES, ALL_PIECES // max(1, len(plain))))
        for place, column in enumerate(plain):
            self.each.append(_Memory(column.piece, self.each, place, most).__getitem__)

    def pieces(self, place: int, cells: Sequence[str]) -> Iterable[str]:
        """The pieces of many cells of one column.

        Raises:
            RefusedCellError: one of the cells must not reach a learner; raised here, or when the
                pieces are taken.
        """
        plain, piece = self._plain[place], self.each[place]
        return plain.pieces(cells) if piece is plain.piece else map(piece, cells)


class _Memory(dict[str, str]):
    """Cell -> piece. Looking a known cell up never leaves C; the rest is for those not known."""

    def __init__(self, piece: Piece, columns: list[Piece], place: int, most: int) -> None:
        super().__init__()
        self._piece = piece
        self._columns = columns
        self._place = place
        self._most = most
        self._next_look = min(FIRST_LOOK, most)
        self._asked = 0
        self._known = 0

    def __missing__(self, cell: str) -> str:
        text = self._piece(cell)
        if len(cell) <= LONGEST_REMEMBERED:
            self[cell] = text
            if len(self) >= self._next_look and not self._asked:
                self._columns[self._place] = self._watched
        return text

    def _watched(self, cell: str) -> str:
        """Goes on remembering, but counts; after some cells decides how to go on."""
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
            self.clear()
            return
        if full:
            self.clear()  # what is common now is soon known again
        self._next_look = min(4 * self._next_look, self._most)
        self._columns[self._place] = self.__getitem__
