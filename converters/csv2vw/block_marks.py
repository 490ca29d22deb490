"""A block of lines -> where each cell stands, and which sorts of characters it holds.

First step of :mod:`converters.csv2vw.blocks`. A cell's marks, one bit a sort, tell of nearly every
cell whether it is a number without looking at it again (:mod:`converters.csv2vw_numbers`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from converters.csv2vw.block_words import Places

Bytes = NDArray[np.uint8]

# The sorts. What is no OTHER may stand in a number: WORD in "nan" or "Infinity", ODD ("_" and all
# beyond ASCII) and SYNTAX (blanks, and what VW takes for syntax) in what only Python's float reads.
DIGIT, POINT, SIGN, EXPONENT, WORD, ODD, OTHER, SYNTAX = (1 << bit for bit in range(8))
SORTS = {
    **dict.fromkeys(b"0123456789", DIGIT),
    ord("."): POINT,
    **dict.fromkeys(b"+-", SIGN),
    **dict.fromkeys(b"eE", EXPONENT),
    **dict.fromkeys(b"infatyINFATY", WORD),
    **dict.fromkeys((ord("_"), *range(128, 256)), ODD),
    **dict.fromkeys((*range(33), 127, *b":|"), SYNTAX),
}
LINE_END = 10


@dataclass(frozen=True)
class Cells:
    """The cells of a block; matrices have a row for each line and a column for each cell of it.

    Attributes:
        content: the block.
        starts: where each cell begins.
        lengths: how many bytes it has; a separator follows.
        marks: the sorts of its characters together; OTHER too where they stand in an order that
            no number has.
    """

    content: bytes
    starts: Places
    lengths: Places
    marks: Bytes

    @property
    def characters(self) -> Bytes:
        """The block as numbers."""
        return np.frombuffer(self.content, np.uint8)

    def text(self, starts: Places, lengths: Places) -> str:
        """Some of the cells, each with a line feed behind."""
        pairs = zip(starts.tolist(), (starts + lengths).tolist(), strict=True)
        cut = [self.content[start:stop] for start, stop in pairs]
        return b"\n".join((*cut, b"")).decode()

    def column(self, at: int) -> str:
        """The cells of a column, each with a line feed behind."""
        return self.text(self.starts[:, at], self.lengths[:, at])


def sorts(separator: int) -> bytes:
    """The sort of each character, as a table for ``bytes.translate``."""
    table = bytearray(SORTS.get(character, OTHER) for character in range(256))
    table[separator] = table[LINE_END] = 0
    return bytes(table)


def marked(content: bytes, table: bytes, width: int) -> Cells | None:
    """The cells of whole lines; None if not every line has as many.

    Args:
        content: lines that all end in a line feed.
        table: from :func:`sorts`.
        width: how many cells a line has.
    """
    characters = np.frombuffer(content, np.uint8)
    found = np.frombuffer(content.translate(table), np.uint8)
    ends = np.flatnonzero(found == 0)
    # As many line feeds as lines, and one after each full line: so no line is short or long.
    rows = np.count_nonzero(characters == LINE_END)
    if len(ends) != rows * width or (characters[ends[width - 1 :: width]] != LINE_END).any():
        return None
    starts = np.empty_like(ends)
    starts[0] = 0
    np.add(ends[:-1], 1, out=starts[1:])
    marks: NDArray[np.uint8] = np.bitwise_or.reduceat(found, starts)
    if b"." in content:
        _settle_points(marks, found, starts)
    if b"-" in content or b"+" in content:
        _settle_signs(marks, found, starts)
    ends -= starts
    shape = (rows, width)
    return Cells(content, starts.reshape(shape), ends.reshape(shape), marks.reshape(shape))


def _settle_points(marks: Bytes, found: Bytes, starts: Places) -> None:
    """Mark as OTHER what has two points."""
    places = np.flatnonzero(found == POINT)
    if len(places) != np.count_nonzero(marks & POINT):
        owners = _owners(starts, places)
        marks[owners[1:][owners[1:] == owners[:-1]]] |= OTHER


def _settle_signs(marks: Bytes, found: Bytes, starts: Places) -> None:
    """Mark as OTHER what has a sign within, where there is no exponent."""
    places = np.flatnonzero(found == SIGN)
    if len(places):
        # Before the very first character there is the line feed at the end.
        owners = _owners(starts, places[found[places - 1] != 0])
        # Behind a blank a sign is in front, for csv2vw.
        marks[owners[marks[owners] & (EXPONENT | SYNTAX | ODD) == 0]] |= OTHER


def _owners(starts: Places, places: Places) -> Places:
    """The number of the cell in which each character stands."""
    return np.searchsorted(starts, places, "right") - 1
