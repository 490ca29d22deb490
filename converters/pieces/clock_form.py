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
    """The form of one cell, and of all that differ from it in digits of the clock alone.

    Args:
        cell: of ISO 8601, a clock behind its hour.
        clock: the characters of that.
    """

    def __init__(self, cell: str, clock: str) -> None:
        offset = cell[TO_HOUR + len(clock) :]
        self._like = re.sub("[0-9]", "0", clock) + offset
        self._length, self._offset = len(cell), len(offset)
        # Tens of minutes and of seconds end with 5.
        most = [{1: 5, 4: 5}.get(at, 9) if c.isdigit() else 0 for at, c in enumerate(clock)]
        most += [0] * len(offset)
        like = self._like
        self._words = [
            _word(like[at : at + 8].encode(), most[at : at + 8]) for at in range(0, len(like), 8)
        ]

    def is_of(self, cell: str) -> bool:
        """Whether a cell of ISO 8601 has this form."""
        behind = cell[TO_HOUR:]
        if len(behind) != len(self._like):
            return False
        clock = len(self._like) - self._offset
        return re.sub("[0-9]", "0", behind[:clock]) + behind[clock:] == self._like

    def fits(self, words: Words, starts: Places, lengths: Places) -> NDArray[np.bool_]:
        """Which cells have this form, whatever their first thirteen characters are."""
        fit: NDArray[np.bool_] = lengths == self._length
        for at, word in enumerate(self._words):
            fit &= word.fits(words[starts + (TO_HOUR + 8 * at)])
        return fit


def _word(like: bytes, most: list[int]) -> _Word:
    high = [0x7F - each for each in most]
    return _Word(
        np.uint64(int.from_bytes(like, "little")),
        np.uint64(int.from_bytes(b"\xff" * len(like), "little")),
        np.uint64(int.from_bytes(bytes(high), "little")),
    )
