"""Whole lines of a file -> what csv2vw prints for them, a block at once or row by row.

The heart of :mod:`converters.csv2vw.convert`. A block goes through :mod:`converters.csv2vw.blocks`. One
that is not as it should be is taken again row by row, which tells the row and the column; that is
also the plain form, which the fast one must equal.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import repeat

from converters.cells.refusal import Refusal, RefusedCellError, quoted
from converters.convert.whole_file import Reject
from converters.csv2vw.blocks import Blocks
from converters.csv2vw.cells import MOST_REMEMBERED, Feature, Label, check_tag
from converters.csv2vw.flags_and_layout import Flags
from converters.csv2vw_layout import Csv2vwError, Layout

# Fewer take longer at once (200 us, whatever there is) than row by row.
FEW_BYTES = 1_500
LEAST_REMEMBERED = 64


class Csv2vw:
    """Turns the lines of one file into what csv2vw prints for them.

    Attributes:
        label: the label column; its classes are the file's so far.
    """

    def __init__(self, layout: Layout, flags: Flags, *, lenient: bool) -> None:
        room = MOST_REMEMBERED // (len(layout.features) + 1)
        # So many columns, and too few cells of each would be remembered to be of use.
        room *= room >= LEAST_REMEMBERED
        self.label = Label(room, binary=flags.binary, lenient=lenient)
        self._features = [
            Feature(layout.names[i], room, drop=flags.drop, lenient=lenient)
            for i in layout.features
        ]
        self._layout = layout
        self._flags = flags
        self._lenient = lenient
        others = (layout.label, layout.tag)
        self._needed = max((*layout.features, *(i for i in others if i is not None)), default=-1)
        self._blocks = Blocks(layout, flags, self._features, self.label, lenient=lenient)

    def printed(
        self, content: bytes, number: int
    ) -> Iterator[tuple[int, bytes | memoryview | Reject]]:
        """What is printed for so many lines at once or for one, or why that one is refused.

        Args:
            content: whole lines; the last may lack its ending.
            number: that of the first, as csv2vw counts them.

        Raises:
            Csv2vwError: csv2vw too would stop at a line, when lenient.
        """
        if not content.endswith(b"\n"):
            content += b"\n"
        block = self._block(content, number)
        if block is not None:
            yield content.count(b"\n"), block
            return
        # A refused row must not make all of its block slow.
        for part in _parts(content):
            block, rows = self._block(part, number), part.count(b"\n")
            if block is None:
                yield from zip(repeat(1), self.rows(part, number), strict=False)
            else:
                yield rows, block
            number += rows

    def _block(self, content: bytes, number: int) -> memoryview | None:
        """Many lines at once; None if they have to be taken row by row."""
        if len(content) < FEW_BYTES:
            return None
        before = self.label.kind
        try:
            if printed := self._blocks.printed(content, number):
                return printed
        except (UnicodeDecodeError, RefusedCellError):
            pass
        self.label.hold(before)
        return None

    def rows(self, content: bytes, number: int) -> Iterator[bytes | Reject]:
        """The text of each of the lines, or why it is refused.

        Raises:
            Csv2vwError: csv2vw too would stop at a line, when lenient.
        """
        self._blocks.tell_kinds()
        for at, line in enumerate(content.removesuffix(b"\n").split(b"\n"), number):
            before = self._kinds()
            printed = self._row(line, at)
            if isinstance(printed, str):
                yield printed.encode()
            else:
                self._restore(before)
                yield Reject(at + 1, printed)
        self._blocks.hear_kinds()

    def _row(self, line: bytes, number: int) -> str | Refusal:
        try:
            text = line.decode()
        except UnicodeDecodeError:
            shown = quoted(line.decode("utf-8", "backslashreplace"))
            if self._lenient:
                raise Csv2vwError(
                    f"Row {number + 1} is not UTF-8, where csv2vw stops too: {json.dumps(shown)}. "
                    "Convert the file, as by iconv."
                ) from None
            return Refusal("not-utf8", "", shown)
        cells = self._flags.split(text)
        if self._lenient:
            self._check_reach(cells, text, number)
        elif wrong := self._wrong_row(cells, text):
            return wrong
        layout, at = self._layout, -1
        try:
            if layout.tag is not None and not self._lenient:
                at = layout.tag
                check_tag(cells[at])
            written = []
            for at, feature in zip(layout.features, self._features, strict=True):
                written.append(feature[cells[at]])
            at = -1 if layout.label is None else layout.label
            label = " " if layout.label is None else self.label[cells[at]]
        except RefusedCellError as refused:
            return Refusal(refused.reason, layout.called[at], quoted(refused.cell))
        tag = number if layout.tag is None else cells[layout.tag]
        return f"{label}{tag}|{''.join(written)}\n"

    def _wrong_row(self, cells: list[str], text: str) -> Refusal | None:
        width = len(self._layout.names)
        if "\r" in text:
            return Refusal("bare-cr", "", quoted(text))
        for called, cell in zip(self._layout.called, cells, strict=False):
            if cell[:1] == '"':
                return Refusal("quote", called, quoted(cell))
        if not text:
            return Refusal("empty-row", "", "")
        if len(cells) != width:
            return Refusal("wrong-width", "", quoted(f"{len(cells)} cells, not {width}: {text}"))
        return None

    def _check_reach(self, cells: list[str], text: str, number: int) -> None:
        if len(cells) <= self._needed:
            raise Csv2vwError(
                f"Line {number}: [{quoted(text)}]: Bad input (expecting {len(self._layout.names)} "
                f"fields, found {len(cells)}): here csv2vw stops, counting lines from 0. Mend "
                "the line, or without --lenient set it aside by --rejects FILE."
            )

    def _kinds(self) -> list[bool | None]:
        return [column.kind for column in (*self._features, self.label)]

    def _restore(self, kinds: list[bool | None]) -> None:
        """Forget the kinds that columns took from rows that are refused or taken again."""
        for column, kind in zip((*self._features, self.label), kinds, strict=True):
            column.hold(kind)


def _parts(content: bytes) -> Iterator[bytes]:
    """Some eighths of a block of whole lines."""
    first = 0
    while first < len(content):
        stop = content.find(b"\n", first + len(content) // 8) + 1 or len(content)
        yield content[first:stop]
        first = stop
