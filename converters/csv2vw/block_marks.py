"""A block of lines -> the place of each cell, and which sorts of characters it holds.

A cell's marks, one bit a sort, tell of nearly every cell whether it is a number without looking at
it again.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from converters.csv2vw.block_words import Mask, Places
from converters.csv2vw.row_by_row import LONGEST_REMEMBERED, check_number, is_number

Bytes = NDArray[np.uint8]

# The sorts. What is no OTHER may be part of a number: WORD in "nan" or "Infinity", ODD ("_" and all
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
        marks: the sorts of its characters together; OTHER too where they are in an order that
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
    """The number of the cell to which each character belongs."""
    return np.searchsorted(starts, places, "right") - 1


# A number with more characters might be too large for Vowpal Wabbit.
LONGEST_PLAIN = 36
# "nan" and "inf" are the shortest numbers without a digit.
SHORTEST_WORD = 3
MOST_REMEMBERED = 20_000

# What marks say of a cell; EMPTY_OR_TEXT is no number.
EMPTY_OR_TEXT, NUMBER, DOUBT, DOUBT_IF_LONG = range(4)

# The beginning of a decimal that might be too small for Vowpal Wabbit.
_ZEROS = b"." + 14 * b"0"
_SMALL = re.compile(rb"(?:\A|[^0-9])0*+\.0{14}")


def _verdict(marks: int) -> int:
    """What its marks say of a cell."""
    if marks & OTHER or not marks & (DIGIT | WORD | ODD):
        return EMPTY_OR_TEXT
    if marks & WORD:
        if marks & (DIGIT | POINT | EXPONENT):
            return EMPTY_OR_TEXT
        return DOUBT if marks & (ODD | SYNTAX) else DOUBT_IF_LONG
    return DOUBT if marks & (ODD | SYNTAX | EXPONENT) else NUMBER


_VERDICTS = bytes(map(_verdict, range(256)))


class Numbers(dict[str, bool]):
    """Recognizes numbers, and remembers of doubtful cells whether they are.

    Args:
        judged: which columns matter.
        lenient: whether any number will do, even one that Vowpal Wabbit misreads.
    """

    def __init__(self, judged: Mask, *, lenient: bool) -> None:
        super().__init__()
        self._judged = judged
        self._lenient = lenient

    def __missing__(self, cell: str) -> bool:
        number = is_number(cell)
        if number and not self._lenient:
            check_number(cell)
        if len(cell) <= LONGEST_REMEMBERED:
            if len(self) >= MOST_REMEMBERED:
                self.clear()
            self[cell] = number
        return number

    def among(self, cells: Cells) -> Mask:
        """Which cells are numbers, for the columns that matter.

        Raises:
            RefusedCellError: Vowpal Wabbit would misread one, and this is not lenient.
        """
        verdicts = np.frombuffer(cells.marks.tobytes().translate(_VERDICTS), np.uint8)
        verdicts = verdicts.reshape(cells.marks.shape)
        numbers: Mask = verdicts == NUMBER
        doubtful = verdicts > NUMBER
        if doubtful.any():
            doubtful &= (verdicts == DOUBT) | (cells.lengths >= SHORTEST_WORD)
        if cells.lengths.max() > LONGEST_PLAIN:
            doubtful |= numbers & (cells.lengths > LONGEST_PLAIN)
        if not self._lenient and _small_among(cells.content):
            doubtful |= numbers & (cells.marks & POINT > 0)
        if doubtful.any():
            places = np.flatnonzero(doubtful & self._judged)
            numbers.reshape(-1)[places] = self._asked(cells, places)
        return numbers

    def _asked(self, cells: Cells, places: Places) -> list[bool]:
        text = cells.text(cells.starts.reshape(-1)[places], cells.lengths.reshape(-1)[places])
        return [self[cell] for cell in text[:-1].split("\n")]


def _small_among(content: bytes) -> bool:
    return _ZEROS in content and _SMALL.search(content) is not None
