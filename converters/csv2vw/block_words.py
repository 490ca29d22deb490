"""Cells and what comes in front of each -> lines of text, written in words of sixteen bytes.

Every line has the same columns, each a *lead* and a cell. Nearly all are shorter than a word or
two, so they are written as whole words one after another, and what a word wrote beyond its cell is
overwritten by the next one. Most of the work is the same for every block of a file, and stays
prepared in ``_advances`` and ``_values``: a row for each line, a column for each word of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

Places = NDArray[np.intp]
Mask = NDArray[np.bool_]
Words = NDArray[np.void]

# Two machine words, which numpy copies as fast as one.
WORD = 16
# What is longer is copied cell by cell: 200 ns each, and a word costs 10.
MOST_WORDS = 3
MOST_BYTES = WORD * MOST_WORDS
PADDING = bytes(MOST_BYTES)


class Writer:
    """Writes the lines of one file.

    Args:
        leads: what comes in front of each column's cells, by whether they are numbers (which must
            make no difference but in the last character).
    """

    def __init__(self, leads: Sequence[tuple[bytes, bytes]]) -> None:
        lengths = np.array([len(lead) for lead, _ in leads], np.intp)
        self._lead_words = -(-lengths // WORD)
        self._cell_words = np.zeros(len(leads), np.intp)
        # How far each word of a lead brings what follows, up to the longest.
        left = lengths - WORD * np.arange(self._lead_words.max())[:, np.newaxis]
        self._lead_advances = left.clip(0, WORD)
        others, numbers = (_in_words(both) for both in zip(*leads, strict=True))
        self._lead_values = others, numbers
        last = self._lead_words.cumsum() - 1
        self._last_words = np.stack((others[last], numbers[last]), axis=1)
        # Which lead the prepared lines have.
        self._numeric = np.zeros(len(leads), np.bool_)
        self._lay_out(1)

    def _lay_out(self, rows: int) -> None:
        """Prepare so many lines with the leads, and room for cells."""
        words = self._lead_words + self._cell_words
        self._first_lead = words.cumsum() - words
        self._first_cell = self._first_lead + self._lead_words
        advances = np.zeros(words.sum(), np.intp)
        values = np.zeros(words.sum(), f"V{WORD}")
        before = self._lead_words.cumsum() - self._lead_words
        within = np.arange(self._lead_words.sum()) - before.repeat(self._lead_words)
        places = self._first_lead.repeat(self._lead_words) + within
        owners = np.arange(len(words)).repeat(self._lead_words)
        advances[places] = self._lead_advances[within, owners]
        values[places] = np.where(self._numeric[owners], *reversed(self._lead_values))
        self._advances, self._values = np.tile(advances, (rows, 1)), np.tile(values, (rows, 1))
        self._targets = np.zeros(self._advances.size + 1, np.intp)
        self._numeric_rows = np.tile(self._numeric, (rows, 1))
        # The columns that may have so many words, and their places.
        self._cells = []
        for word in range(int(self._cell_words.max())):
            columns = np.flatnonzero(self._cell_words > word)
            self._cells.append((columns, self._first_cell[columns] + word))

    def lines(
        self, source: bytearray, starts: Places, lengths: Places, numbers: Mask, kept: Mask
    ) -> memoryview:
        """The text of some lines.

        Args:
            source: what the cells are slices of, with :data:`PADDING` behind.
            starts: where each cell begins; like what follows, a row for each line.
            lengths: how many bytes it has.
            numbers: which lead it has.
            kept: whether it is printed, with its lead.
        """
        self._make_room(lengths)
        self._lay_cells(_words(source), starts, lengths)
        odd, dropped = self._odd(numbers, kept), _places(~kept)
        self._turn(*odd)
        self._drop(*dropped)
        text = self._written(source, starts, lengths)
        self._turn(*odd, back=True)
        self._take_back(*dropped)
        return text

    def _make_room(self, lengths: Places) -> None:
        longest = lengths.max()
        wanted = self._cell_words
        if longest > WORD * self._cell_words[:-1].min():
            wanted = np.maximum(wanted, (-(-lengths.max(axis=0) // WORD)).clip(0, MOST_WORDS))
        if len(lengths) > len(self._advances) or (wanted > self._cell_words).any():
            self._cell_words = wanted
            # Some more, for blocks differ in their lines.
            self._lay_out(max(len(lengths) * 5 // 4, len(self._advances)))

    def _lay_cells(self, source: Words, starts: Places, lengths: Places) -> None:
        values, advances = self._values[: len(starts)], self._advances[: len(starts)]
        for word, (columns, into) in enumerate(self._cells):
            values[:, into] = source[starts[:, columns] + WORD * word]
            left = lengths[:, columns]
            if word:
                left = (left - WORD * word).clip(0)
            # The last word of a column brings on as far as the cell is long.
            if (more := self._cell_words[columns] > word + 1).any():
                left = np.minimum(left, np.where(more, WORD, np.iinfo(np.intp).max))
            advances[:, into] = left

    def _odd(self, numbers: Mask, kept: Mask) -> tuple[Places, Places]:
        """The cells whose leads are not the prepared ones, once most have those."""
        rows = len(numbers)
        odd = (numbers != self._numeric_rows[:rows]) & kept
        if odd.any() and (mostly := odd.sum(axis=0) * 2 > rows).any():
            self._numeric ^= mostly
            self._numeric_rows[:] = self._numeric
            odd = (numbers != self._numeric_rows[:rows]) & kept
            columns = np.flatnonzero(mostly)
            last = self._first_cell[columns] - 1
            self._values[:, last] = self._last_words[columns, self._numeric[columns].astype(int)]
        return _places(odd)

    def _turn(self, rows: Places, columns: Places, *, back: bool = False) -> None:
        """Give cells the other lead than is prepared, or that again."""
        lead = (self._numeric[columns] == back).astype(int)
        self._values[rows, self._first_cell[columns] - 1] = self._last_words[columns, lead]

    def _drop(self, rows: Places, columns: Places) -> None:
        for word in range(len(self._lead_advances)):
            some = self._lead_words[columns] > word
            self._advances[rows[some], self._first_lead[columns[some]] + word] = 0
        for word in range(len(self._cells)):
            some = self._cell_words[columns] > word
            self._advances[rows[some], self._first_cell[columns[some]] + word] = 0

    def _take_back(self, rows: Places, columns: Places) -> None:
        """Undo for the leads what :meth:`_drop` did."""
        for word, advances in enumerate(self._lead_advances):
            some = self._lead_words[columns] > word
            into = self._first_lead[columns[some]] + word
            self._advances[rows[some], into] = advances[columns[some]]

    def _written(self, source: bytearray, starts: Places, lengths: Places) -> memoryview:
        advances = self._advances[: len(starts)].reshape(-1)
        targets = self._targets[: len(advances) + 1]
        advances.cumsum(out=targets[1:])
        total = int(targets[-1])
        text = np.empty(total + MOST_BYTES, np.uint8)
        _words(text)[targets[:-1]] = self._values[: len(starts)].reshape(-1)
        if lengths.max() > MOST_BYTES:
            rows, columns = long = _places(lengths > MOST_BYTES)
            into = targets[rows * self._advances.shape[1] + self._first_cell[columns]]
            whole, view = memoryview(source), text.data
            moves = zip(*(a.tolist() for a in (starts[long], lengths[long], into)), strict=True)
            for start, length, to in moves:
                view[to : to + length] = whole[start : start + length]
        return text.data[:total]


def _places(chosen: Mask) -> tuple[Places, Places]:
    """Rows and columns; three times as fast as ``numpy.nonzero`` where few are chosen."""
    rows, columns = np.divmod(np.flatnonzero(chosen), chosen.shape[1])
    return rows, columns


def _in_words(leads: Sequence[bytes]) -> Words:
    """Leads one behind the other, each filled up to whole words."""
    return np.frombuffer(b"".join(lead + bytes(-len(lead) % WORD) for lead in leads), f"V{WORD}")


def _words(buffer: bytearray | NDArray[np.uint8]) -> Words:
    """A word from each byte on."""
    return np.ndarray((len(buffer) - WORD + 1,), f"V{WORD}", buffer, strides=(1,))


@cache
def writes_in_order() -> bool:
    """Whether numpy writes in the order of an index, which it does without a promise."""
    for count in (10, 1_000, 100_000):
        text = bytearray(count + WORD)
        values = np.arange(count * WORD).astype(np.uint8)
        _words(text)[np.arange(count)] = values.view(f"V{WORD}")
        # Of each, the next one leaves the first byte.
        if values[::WORD].tobytes() != text[:count]:
            return False
    return True
