"""The form of the times of a column: what follows the hour, and is not looked at one by one.

All cells of one form that begin with the same thirteen characters, ``2013-01-01 05``, are times
of one hour, and become the same pieces.
"""

from __future__ import annotations

import re
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from converters.files.cut_lines import Places, Words

# Characters of the date, and of the hour.
TO_HOUR = 13

_HIGH_BITS = 0x8080808080808080
# Where the values of the digits are in ``2013-01-`` and ``01 05``: half a byte each.
_DATE, _DAY_AND_HOUR = np.uint64(0x000F0F000F0F0F0F), np.uint64(0x0F0F000F0F)
_HALF_BYTE = np.uint64(4)


class _Word(NamedTuple):
    """What eight characters may be: each at most so far above one of this form, by ``^``."""

    of: np.uint64
    mask: np.uint64
    to_high_bit: np.uint64

    def fits(self, words: Words) -> NDArray[np.bool_]:
        """Which of these are so."""
        above = (words ^ self.of) & self.mask
        # No byte carries into the next: one that could has its own high bit.
        fit: NDArray[np.bool_] = (above | (above + self.to_high_bit)) & np.uint64(_HIGH_BITS) == 0
        return fit


class ClockForm:
    """The form of one cell, and of all that differ from it in digits alone.

    The digits of a date and an hour are the *key* of a cell of this form: one word.

    Args:
        cell: of ISO 8601, a clock behind its hour.
        clock: the characters of that.
    """

    def __init__(self, cell: str, clock: str) -> None:
        to_offset = TO_HOUR + len(clock)
        offset = cell[to_offset:]
        self._like = re.sub("[0-9]", "0", cell[:to_offset]) + offset
        self._length, self._offset = len(cell), len(offset)
        # Tens of minutes and of seconds end with 5.
        tens = {TO_HOUR + 1: 5, TO_HOUR + 4: 5}
        digits = enumerate(cell[:to_offset])
        most = [tens.get(at, 9) if c.isdigit() else 0 for at, c in digits] + [0] * len(offset)
        like = self._like
        self._words = [
            _word(like[at : at + 8].encode(), most[at : at + 8]) for at in range(0, len(like), 8)
        ]

    def is_of(self, cell: str) -> bool:
        """Whether a cell of ISO 8601 has this form."""
        to_offset = self._length - self._offset
        return re.sub("[0-9]", "0", cell[:to_offset]) + cell[to_offset:] == self._like

    def fits(self, words: Words, starts: Places, lengths: Places) -> NDArray[np.bool_]:
        """Which cells have this form."""
        fit: NDArray[np.bool_] = lengths == self._length
        for at, word in enumerate(self._words):
            fit &= word.fits(words[starts + 8 * at])
        return fit

    @staticmethod
    def keys(words: Words, starts: Places) -> Words:
        """The keys of cells, which mean nothing where a cell has another form."""
        date: Words = (words[starts] & _DATE) << _HALF_BYTE
        date |= words[starts + 8] & _DAY_AND_HOUR
        return date


def _word(like: bytes, most: list[int]) -> _Word:
    high = [0x7F - each for each in most]
    return _Word(
        np.uint64(int.from_bytes(like, "little")),
        np.uint64(int.from_bytes(b"\xff" * len(like), "little")),
        np.uint64(int.from_bytes(bytes(high), "little")),
    )
