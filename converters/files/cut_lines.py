"""Lines of CSV -> the place of every cell, at once, in the bytes as they came.

Nothing is cut until a column is asked for: a converter that knows the bytes of a cell needs no
string of it. Finding the cells takes .1 us a row of 15 columns, cutting them .7.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import overload

import numpy as np
from numpy.typing import NDArray

from converters.files.framing import BYTE_ORDER_MARK, ByteColumns, columns_of_text

Places = NDArray[np.int64]
Words = NDArray[np.uint64]

LINE_FEED = 10
# The bytes behind the last cell, which are read with it: a key's words, and those of a clock.
BEHIND = bytes(64)
# Of a word, the bytes of a cell that is so long from there on.
MASKS = np.array([2 ** (8 * length) - 1 for length in range(9)], np.uint64)
# Longer cells are cut as slices, and so are few.
LONGEST_WIDE, FEW_CELLS = 16, 64
_MARK = BYTE_ORDER_MARK.encode()
# What lines hold that are not just cells and what parts them; and zeros, which fill keys up.
_NOT_PLAIN = (b'"', b"\r", b"\0")


class CutLines(ByteColumns):
    """The columns of some lines; a sequence of columns, each of which is cut when it is asked for.

    Attributes:
        starts: where each cell begins; a row for each line, and a column for each of its cells.
        lengths: how many bytes it has.

    Args:
        delimiter: what parts all cells, the lines following one another; None where it does not.
    """

    def __init__(
        self, content: Content, starts: Places, lengths: Places, delimiter: str | None = None
    ) -> None:
        self._content, self._delimiter = content, delimiter
        self.starts, self.lengths = starts, lengths
        self._columns: list[list[str]] | None = None

    def __len__(self) -> int:
        columns: int = self.starts.shape[1]
        return columns

    @property
    def rows(self) -> int:
        """How many lines there are."""
        return len(self.starts)

    @property
    def words(self) -> Words:
        """The eight bytes from each place on, the first one the lowest."""
        return self._content.words

    @overload
    def __getitem__(self, at: int) -> list[str]: ...
    @overload
    def __getitem__(self, at: slice) -> list[list[str]]: ...
    def __getitem__(self, at: int | slice) -> list[str] | list[list[str]]:
        if isinstance(at, slice):
            return [self[each] for each in range(*at.indices(len(self)))]
        if self._columns is not None:
            return self._columns[at]
        return self.cells(self.starts[:, at], self.lengths[:, at])

    def split(self) -> None:
        """Cut all columns at one go, which takes as long as cutting three of them."""
        if self._delimiter is not None and self.rows and self._columns is None:
            end = int(self.starts[-1, -1] + self.lengths[-1, -1])
            text = self._content.content[int(self.starts[0, 0]) : end].decode()
            self._columns = columns_of_text(text, self.rows, self._delimiter, len(self))

    def cells(self, starts: Places, lengths: Places) -> list[str]:
        """Cells as strings."""
        text = self._content.text
        if text is not None and len(lengths) > FEW_CELLS:
            longest = int(lengths.max())
            if longest <= LONGEST_WIDE:
                return self._wide(starts, lengths, -(-longest // 8) or 1)
        spans = zip(starts.tolist(), (starts + lengths).tolist(), strict=True)
        if text is not None:
            return [text[start:end] for start, end in spans]
        content = self._content.content
        return [content[start:end].decode() for start, end in spans]

    def _wide(self, starts: Places, lengths: Places, words: int) -> list[str]:
        """Short cells of ASCII: numpy makes a string in half the time of a slice."""
        wide = np.empty((len(starts), words), "<u8")
        for at in range(words):
            wide[:, at] = self.words[starts + 8 * at] & MASKS.take(lengths - 8 * at, mode="clip")
        characters = wide.view(np.uint8).astype(np.uint32)
        cells: list[str] = characters.view(f"U{8 * words}").reshape(-1).tolist()
        return cells

    def first_words(self, at: int) -> tuple[Places, Words]:
        """The lengths of a column's cells, and the first eight bytes of each."""
        lengths = self.lengths[:, at]
        return lengths, self.words[self.starts[:, at]] & MASKS.take(lengths, mode="clip")

    def row(self, at: int) -> list[str]:
        """The cells of one line."""
        return self.cells(self.starts[at], self.lengths[at])

    def part(self, rows: slice | NDArray[np.bool_]) -> CutLines:
        """Some of the lines."""
        delimiter = self._delimiter if isinstance(rows, slice) else None
        return CutLines(self._content, self.starts[rows], self.lengths[rows], delimiter)

    def parts(self, most: int) -> list[CutLines]:
        """The lines in parts of so many."""
        if self.rows <= most:
            return [self]
        return [self.part(slice(at, at + most)) for at in range(0, self.rows, most)]

    def ordered(self, places: Sequence[int | None]) -> CutLines:
        """The columns in another order; those without a place are empty."""
        at = [place or 0 for place in places]
        lengths = self.lengths[:, at]
        lengths[:, [n for n, place in enumerate(places) if place is None]] = 0
        return CutLines(self._content, self.starts[:, at], lengths)


class Content:
    """The bytes of lines, and the same as text and as words."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self._padded = content + BEHIND

    @cached_property
    def text(self) -> str | None:
        """The same as text, if each byte is a character."""
        return self.content.decode("ascii") if self.content.isascii() else None

    @cached_property
    def words(self) -> Words:
        """The eight bytes from each place on."""
        count = len(self._padded) - 7
        return np.ndarray((count,), "<u8", self._padded, strides=(1,))


def cut_lines(content: bytes, rows: int, delimiter: str, width: int) -> CutLines | None:
    """The cells of lines, each ended by a line feed.

    Args:
        content: the lines.
        rows: how many there are, at least one.
        delimiter: between two cells.
        width: how many cells a line has.

    Returns:
        None if a line has another width, or needs a closer look: it holds a quote, a carriage
        return, a zero byte, a byte order mark, or bytes that are not UTF-8.
    """
    # An empty line is a row without cells, which a single column would hide.
    if width == 1 or any(map(content.__contains__, _NOT_PLAIN)) or not _is_text(content):
        return None
    characters = np.frombuffer(content, np.uint8)
    ends = np.flatnonzero((characters == ord(delimiter)) | (characters == LINE_FEED))
    if len(ends) != rows * width:
        return None
    starts = np.empty_like(ends)
    starts[0] = 0
    np.add(ends[:-1], 1, out=starts[1:])
    shape = (rows, width)
    # A line feed behind each full line and nowhere else: none is short or long.
    fed = characters.take(ends).reshape(shape) == LINE_FEED
    if not fed[:, -1].all() or np.count_nonzero(fed) != rows:
        return None
    ends -= starts
    return CutLines(Content(content), starts.reshape(shape), ends.reshape(shape), delimiter)


def _is_text(content: bytes) -> bool:
    if content.isascii():
        return True
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return _MARK not in content
