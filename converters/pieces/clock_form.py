"""The form of the times of a column: what follows the hour, and is not looked at one by one.

All cells of one form that begin with the same thirteen characters, ``2013-01-01 05``, are times
of one hour, and become the same pieces.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from converters.files.cut_lines import Places, Words
from converters.pieces.time_pieces import TO_HOUR

Mask = NDArray[np.bool_]

_HIGH_BITS = 0x8080808080808080
# Where the values of the digits are in ``2013-01-`` and ``01 05``: half a byte each.
_DATE, _DAY_AND_HOUR = np.uint64(0x000F0F000F0F0F0F), np.uint64(0x0F0F000F0F)
_HALF_BYTE = np.uint64(4)


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
        # What eight characters may be, for each eight: at most so far above one of this form, by
        # ``^``; a row for each.
        places = range(0, len(cell), 8)
        like = [self._like[at : at + 8].encode() for at in places]
        high = [bytes([0x7F - each for each in most[at : at + 8]]) for at in places]
        self._of, self._to_high_bit = _column(like), _column(high)
        self._mask = _column([b"\xff" * len(each) for each in like])
        self._places = np.arange(0, len(cell), 8)[:, None]

    def offset_of(self, cell: str) -> str:
        """The offset of a cell of this form."""
        return cell[self._length - self._offset :]

    def read(self, words: Words, starts: Places, lengths: Places) -> tuple[Mask, Words]:
        """Which cells have this form; their keys, which mean nothing where a cell has another."""
        given = words[self._places + starts]
        above = (given ^ self._of) & self._mask
        # No byte carries into the next: one that could has its own high bit.
        above |= above + self._to_high_bit
        fit: Mask = np.bitwise_or.reduce(above, 0) & np.uint64(_HIGH_BITS) == 0
        fit &= lengths == self._length
        return fit, ((given[0] & _DATE) << _HALF_BYTE) | (given[1] & _DAY_AND_HOUR)


def _column(words: Sequence[bytes]) -> Words:
    return np.array([[int.from_bytes(each, "little")] for each in words], np.uint64)
