"""The cells of a block -> which of them csv2vw takes for numbers, all at once.

Second step of :mod:`converters.csv2vw.blocks`. It must agree with ``is_number`` and, unless
lenient, with ``check_number`` of :mod:`converters.csv2vw.cells` on every cell: what its marks leave
in doubt is asked there.
"""

from __future__ import annotations

import re

import numpy as np

from converters.csv2vw.block_marks import DIGIT, EXPONENT, ODD, OTHER, POINT, SYNTAX, WORD, Cells
from converters.csv2vw.block_words import Mask, Places
from converters.csv2vw.cells import LONGEST_REMEMBERED, check_number, is_number

# A number with more characters might be too large for Vowpal Wabbit.
LONGEST_PLAIN = 36
# "nan" and "inf" are the shortest numbers without a digit.
SHORTEST_WORD = 3
MOST_REMEMBERED = 20_000

# What marks say of a cell; EMPTY_OR_TEXT is no number.
EMPTY_OR_TEXT, NUMBER, DOUBT, DOUBT_IF_LONG = range(4)

# Numbers with an exponent that need no second look.
_PLAIN_EXPONENTS = re.compile(
    r"(?>(?:[+-]?[1-9](?:\.[0-9]{0,20})?[eE]"
    r"(?:\+?(?:0?[0-9]|[12][0-9]|3[0-5])|-(?:0?[0-9]|1[0-4]))\n)*)"
)
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
    """Tells numbers, and remembers of doubtful cells whether they are.

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

    def _asked(self, cells: Cells, places: Places) -> list[bool] | bool:
        text = cells.text(cells.starts.reshape(-1)[places], cells.lengths.reshape(-1)[places])
        if _PLAIN_EXPONENTS.fullmatch(text):
            return True
        return [self[cell] for cell in text[:-1].split("\n")]


def _small_among(content: bytes) -> bool:
    return _ZEROS in content and _SMALL.search(content) is not None
