"""A column of times of which the pieces of each hour are remembered, by the digits of the hour.

Times come nearly in order, so that a block of rows has runs of one hour: each run is looked up
once. A table, which looks every cell up and learns each hour anew, took ten times as long.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from converters.cells.kind import Pieces
from converters.files.cut_lines import CutLines, Places, Words
from converters.pieces.clock_form import ClockForm, Mask
from converters.pieces.column_memory import CheckedColumn
from converters.pieces.piece_table import Objects
from converters.pieces.time_pieces import REMEMBERED_HOURS, TO_HOUR, TimePieces

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
