"""A column of which a :mod:`~converters.pieces.piece_table` has a region, while that pays.

The region grows with the column's values up to a bound. A column whose cells hardly repeat, or are
too long, is given up for a while, as in :mod:`converters.pieces.column_memory`; that has its cells
meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from converters.cells.kind import Pieces
from converters.files.cut_lines import CutLines
from converters.pieces import column_memory as memory
from converters.pieces.column_memory import CheckedColumn

# The words of a key in each table.
WORDS = (1, 2, 4)
_FIRST_BITS = 10
# A region has at least so many slots a piece, and grows by so many bits.
_SLOTS_A_PIECE, _MORE_BITS = 2, 2
# As :data:`~converters.pieces.column_memory.WORTH_IN_BLOCKS`: learning a cell takes as long as
# converting ten as strings.
_WORTH = 16
# A column of whose cells more than one of so many are too long is moved on.
_FEW = 8


class TableColumn:
    """A column, and what was seen of it.

    Args:
        column: what makes its pieces.
        many: the pieces of strings, while it is in no table.
        most: so many pieces are remembered, and those of the last look.

    Attributes:
        level: its place in :data:`WORDS`; as many as these are while it is in no table.
        bits: its region has two to the power of so many slots.
        count: how many pieces were put there.
    """

    def __init__(
        self, column: CheckedColumn, many: Callable[[Sequence[str]], Pieces], most: int
    ) -> None:
        self.column, self.many, self._most = column, many, most
        self._rest, self._next_rest = 0, memory.FIRST_REST
        self._begin()

    def _begin(self) -> None:
        self.level = 0
        self.bits = _FIRST_BITS
        self._windows = 0
        self._forget(0)

    def _forget(self, asked: int) -> None:
        self.count = 0
        self._look_again(asked)

    def _look_again(self, asked: int) -> None:
        # The cells asked for until the last decision; since then the new ones, and those that no
        # table can have.
        self._before, self._new, self._unfit = asked, 0, 0

    @property
    def is_given_up(self) -> bool:
        """Whether it is in no table."""
        return self.level == len(WORDS)

    def is_rested(self, cells: int) -> bool:
        """Whether it is to be tried again, after so many more cells that were in no table."""
        self._rest -= cells
        if self._rest <= 0:
            self._begin()
        return self._rest <= 0

    @property
    def is_beginning(self) -> bool:
        """Whether its table knows nothing of it yet, and it was not given up."""
        return self.count == 0 and not self.is_given_up

    def begin(self, cut: CutLines) -> bool:
        """Choose a table for the first cells, or none if they are too long or hardly repeat.

        Returns:
            Whether that is another one.
        """
        if cut.rows < memory.WATCHED_CELLS:
            return False
        lengths, keys = cut.first_words(self.column.place)
        before = self.level
        longest = np.sort(lengths)[-1 - len(lengths) // _FEW]
        self.level = next((n for n, words in enumerate(WORDS) if longest <= 8 * words), len(WORDS))
        different = len(np.unique(keys))
        if self.is_given_up or different > (1 - memory.HARDLY) * len(keys):
            self._give_up()
        return self.level != before

    def is_changed(self, asked: int, new: int, unfit: int, put: int) -> bool:
        """Decide how to continue; whether the table has to be made again for that.

        Args:
            asked: how many cells of each column the table was asked for so far.
            new: how many different ones of this column were not found since it was last called.
            unfit: how many were not that the table cannot have.
            put: how many different ones were put there.
        """
        self._new += new
        self._unfit += unfit
        self.count += put
        since = asked - self._before
        if since < memory.WINDOW * memory.WATCHED_CELLS:
            return self._grows()
        if _FEW * self._unfit > since:
            self._move_on(asked)
            return True
        self._windows = min(self._windows + 1, _WORTH)
        if self._windows * self._new > since:
            self._give_up()
            return True
        if self._windows == _WORTH:
            self._next_rest = memory.FIRST_REST
        self._look_again(asked)
        if self.count >= self._most:
            self._forget(asked)  # what is common now is soon known again
            return True
        return self._grows()

    def _grows(self) -> bool:
        if self.count * _SLOTS_A_PIECE <= 1 << self.bits or self.count > self._most:
            return False
        self.bits += _MORE_BITS
        return True

    def _move_on(self, asked: int) -> None:
        """To a table of longer keys, or to none."""
        self.level += 1
        self._forget(asked)
        if self.is_given_up:
            self._give_up()

    def _give_up(self) -> None:
        self.level = len(WORDS)
        self.count = 0
        self._rest, self._next_rest = self._next_rest, min(2 * self._next_rest, memory.LONGEST_REST)
