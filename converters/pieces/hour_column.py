"""A column of times of which the pieces of each hour are remembered, by the digits of the hour.

Times come nearly in order, so that a block of rows has runs of one hour: each run is looked up
once. A table, which looks every cell up and learns each hour anew, took ten times as long.

All cells of one form that begin with the same thirteen characters, ``2013-01-01 05``, are times
of one hour, and become the same pieces.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import numpy as np

from converters.cells.kind import Pieces
from converters.files.cut_lines import CutLines, Places, Words
from converters.pieces.column_memory import CheckedColumn
from converters.pieces.piece_table import Mask, Objects
from converters.pieces.time_pieces import REMEMBERED_HOURS, TO_HOUR, TimePieces

_HIGH_BITS = 0x8080808080808080
# Where the values of the digits are in ``2013-01-`` and ``01 05``: half a byte each.
_DATE, _DAY_AND_HOUR = np.uint64(0x000F0F000F0F0F0F), np.uint64(0x0F0F000F0F)
_HALF_BYTE = np.uint64(4)
# Where more than one of so many cells have another form than the column's, it is looked for again.
_FEW = 8


class HourColumn:
    """A column of times.

    Args:
        column: what makes its pieces.
        times: the same.
        many: the pieces of strings, while its cells have no form of which an hour says all.
    """

    def __init__(
        self,
        column: CheckedColumn,
        times: TimePieces,
        many: Callable[[Sequence[str]], Pieces],
    ) -> None:
        self.column, self.many = column, many
        self._times = times
        self._form: ClockForm | None = None
        self._pieces: dict[int, str] = {}

    @property
    def is_empty(self) -> bool:
        """Whether its cells are checked, and all their pieces are empty."""
        return not self._times.parts

    def has_form(self, cut: CutLines) -> bool:
        """Whether :meth:`of` can be asked; of the first cells it looks for a form."""
        if self._form is None:
            at = [0, cut.rows // 2]
            place = self.column.place
            for cell in cut.cells(cut.starts[at, place], cut.lengths[at, place]):
                clock = self._times.sure_clock(cell)
                if clock is not None:
                    self._form = ClockForm(cell, clock)
                    self._pieces.clear()
                    break
        return self._form is not None

    def of(self, cut: CutLines, refused: set[int]) -> Objects:
        """The pieces of a block's cells; the lines with refused ones are added to the refused."""
        assert self._form is not None
        place = self.column.place
        starts, lengths = cut.starts[:, place], cut.lengths[:, place]
        fit, keys = self._form.read(cut.words, starts, lengths)
        firsts = np.flatnonzero(keys[1:] != keys[:-1]) + 1
        firsts = np.concatenate([np.zeros(1, firsts.dtype), firsts])
        runs: list[str | None] = list(map(self._pieces.get, keys[firsts].tolist()))
        if None in runs:
            self._learn(cut, keys, fit, firsts, runs)
        counts = np.diff(firsts, append=cut.rows)
        pieces: Objects = np.repeat(np.array(runs, object), counts)
        if None in runs:
            fit &= np.repeat([piece is not None for piece in runs], counts)
        if not fit.all():
            at = np.flatnonzero(~fit)
            cells = cut.cells(starts[at], lengths[at])
            made, _ = self.column.made(cells)
            pieces[at] = [made[cell] for cell in cells]
            each = zip(at.tolist(), cells, strict=True)
            refused.update(n for n, cell in each if made[cell] is None)
            if _FEW * len(at) > cut.rows:
                self._form = None
        return pieces

    def _learn(
        self, cut: CutLines, keys: Words, fit: Mask, firsts: Places, runs: list[str | None]
    ) -> None:
        """The pieces of runs that are not known, where their hours say them."""
        assert self._form is not None
        new = [n for n, piece in enumerate(runs) if piece is None and fit[firsts[n]]]
        at, place = firsts[new], self.column.place
        cells = cut.cells(cut.starts[at, place], cut.lengths[at, place])
        offset = self._form.offset_of
        if len(self._pieces) + len(new) > REMEMBERED_HOURS:
            self._pieces.clear()
        for n, cell, key in zip(new, cells, keys[at].tolist(), strict=True):
            # No such cell is missing or unseen, so nobody has to look at it.
            runs[n] = piece = self._times.of_hour(cell[:TO_HOUR] + offset(cell))
            if piece is not None:
                self._pieces[key] = piece


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
