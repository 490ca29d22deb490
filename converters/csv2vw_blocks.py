"""A block of whole lines -> what csv2vw prints for them, by a few operations on all its bytes.

The fast form of :mod:`converters.csv2vw_rows`: :mod:`converters.csv2vw_marks` finds the cells,
:mod:`converters.csv2vw_numbers` tells which are numbers, and :mod:`converters.csv2vw_words` writes
them behind the names of their columns. A block that is not as it should be gives nothing, and is
taken row by row.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from converters.csv2vw_cells import Feature, Label, good_tags
from converters.csv2vw_flags import Flags
from converters.csv2vw_layout import Layout
from converters.csv2vw_marks import SYNTAX, Cells, marked, sorts
from converters.csv2vw_numbers import Numbers
from converters.csv2vw_words import PADDING, Mask, Places, Writer, neighbours, writes_in_order

# Stands between cells where the separator is more than one byte.
UNIT_SEPARATOR = "\x1f"
_MINUS_ONE = b"-1 "


class Blocks:
    """Prints the blocks of one file.

    Args:
        layout: which column is what.
        flags: csv2vw's.
        features: the columns of features, for what they hold.
        label: the column of labels, if there is one.
        lenient: whether to print what would be misread.
    """

    def __init__(
        self,
        layout: Layout,
        flags: Flags,
        features: Sequence[Feature],
        label: Label,
        *,
        lenient: bool,
    ) -> None:
        self._layout, self._flags, self._lenient = layout, flags, lenient
        self._width = len(layout.names)
        self._label = label
        self._holders: dict[int, Feature] = dict(zip(layout.features, features, strict=True))
        if layout.label is not None:
            self._holders[layout.label] = label
        judged = np.zeros(self._width, np.bool_)
        judged[list(self._holders)] = True
        self._numbers = Numbers(judged, lenient=lenient)
        literal = flags.literal or ""
        self._own_separator = len(literal) == 1 and literal.isascii()
        self._sorts = sorts(ord(literal if self._own_separator else UNIT_SEPARATOR))
        self._row_by_row = (
            self._width == 1
            or (layout.label is not None and layout.label == layout.tag)
            or re.compile(flags.separator).groups > 0
            or not writes_in_order()
        )
        leads = [f" {layout.names[i]}".encode() for i in layout.features]
        named = [(lead + b"=", lead + b":") for lead in leads]
        # In front of a label and an id there is nothing, and behind all a line feed.
        self._writer = Writer([(b"", b""), (b"", b""), *named, (b"\n", b"\n")])
        self._features = neighbours(layout.features)

    def printed(self, content: bytes, number: int) -> bytes | None:
        """What is printed for whole lines; None if they have to be taken row by row.

        Args:
            content: lines that all end in a line feed.
            number: that of the first, as csv2vw counts them.

        Raises:
            RefusedCellError: Vowpal Wabbit would misread a cell, and this is not lenient.
            UnicodeDecodeError: the lines are not UTF-8.
        """
        cells = self._cells(content)
        if cells is None:
            return None
        numbers = self._numbers.among(cells)
        if not (self._lenient or self._sound(cells, numbers)):
            return None
        source = bytearray(cells.content)
        shape = len(cells.starts), len(self._layout.features) + 3
        starts, lengths = np.zeros(shape, np.intp), np.zeros(shape, np.intp)
        starts[:, 2:-1] = cells.starts[:, self._features]
        lengths[:, 2:-1] = cells.lengths[:, self._features]
        leads, kept = np.zeros(shape, np.bool_), np.ones(shape, np.bool_)
        leads[:, 2:-1] = numbers[:, self._features]
        if self._flags.drop:
            kept[:, 2:-1] = self._kept(cells)
        starts[:, 1], lengths[:, 1] = self._tags(cells, source, number)
        # Last, for it numbers classes, which the row of a refused feature must not.
        starts[:, 0], lengths[:, 0] = self._labels(cells, numbers, source)
        return self._writer.lines(source + PADDING, starts, lengths, leads, kept)

    def _cells(self, content: bytes) -> Cells | None:
        if self._row_by_row or (b"\r" in content and not self._lenient):
            return None
        text = "" if content.isascii() else content.decode()
        if not self._own_separator:
            if UNIT_SEPARATOR.encode() in content:
                return None
            lines = (text or content.decode()).split("\n")
            cut = map(self._flags.split, lines)
            content = "\n".join(map(UNIT_SEPARATOR.join, cut)).encode()
        return marked(content, self._sorts, self._width)

    def _sound(self, cells: Cells, numbers: Mask) -> bool:
        """Whether nothing is refused: each column is of one kind, and none holds syntax."""
        found = cells.marks & SYNTAX
        found |= numbers
        found |= ((cells.marks > 0) > numbers).view(np.uint8) << 1
        marks = np.bitwise_or.reduce(found, axis=0).tolist()
        if b'"' in cells.content and (cells.characters[cells.starts] == ord('"')).any():
            return False
        tag = self._layout.tag
        if tag is not None and (marks[tag] & SYNTAX or b"'" in cells.content):
            return good_tags(cells.column(tag)) and self._hold_kinds(marks)
        return self._hold_kinds(marks)

    def _hold_kinds(self, marks: Sequence[int]) -> bool:
        for column, holder in self._holders.items():
            if marks[column] & SYNTAX and holder is not self._label:
                return False
            kind = marks[column] & 3
            if kind == 3 or (kind and holder.kind is (kind != 1)):
                return False
            if kind:
                holder.kind = kind == 1
        return True

    def _kept(self, cells: Cells) -> Mask:
        """Which features are neither empty nor ``0``."""
        kept: Mask = cells.marks > 0
        single = np.flatnonzero(cells.lengths == 1)
        characters = cells.characters[cells.starts.reshape(-1)[single]]
        kept.reshape(-1)[single] = characters != ord("0")
        return kept[:, self._features]

    def _tags(self, cells: Cells, source: bytearray, number: int) -> tuple[Places, Places]:
        tag = self._layout.tag
        if tag is None:
            return _laid([b"%d|" % (number + row) for row in range(len(cells.starts))], source)
        return _with_behind(cells, tag, "|", source)

    def _labels(
        self, cells: Cells, numbers: Mask, source: bytearray
    ) -> tuple[Places | int, Places | int]:
        label, binary = self._layout.label, self._flags.binary
        if label is None:
            source += b" "
            return len(source) - 1, 1
        found = cells.lengths[:, label]
        classes = numbers[:, label] < (found > 0)
        if classes.any() or (binary and found.max() > 1):
            written = [self._label[cell] for cell in cells.column(label)[:-1].split("\n")]
            return _laid([text.encode() for text in written], source)
        starts, lengths = _with_behind(cells, label, " ", source)
        if binary:
            zeros = (found == 1) & (cells.characters[starts] == ord("0"))
            starts[zeros], lengths[zeros] = len(source), len(_MINUS_ONE)
            source += _MINUS_ONE
        return starts, lengths


def _laid(written: Sequence[bytes], source: bytearray) -> tuple[Places, Places]:
    """Put text behind the source; where each piece begins, and how long it is."""
    lengths = np.fromiter(map(len, written), np.intp, len(written))
    starts = len(source) + lengths.cumsum() - lengths
    source += b"".join(written)
    return starts, lengths


def _with_behind(
    cells: Cells, column: int, behind: str, source: bytearray
) -> tuple[Places, Places]:
    """Put something instead of the separator behind the cells of a column, and count it to them."""
    starts, lengths = cells.starts[:, column].copy(), cells.lengths[:, column]
    np.frombuffer(source, np.uint8)[starts + lengths] = ord(behind)
    return starts, lengths + 1
