"""Whole lines of a file -> what csv2vw prints for them, a block at once or row by row.

The heart of :mod:`converters.csv2vw`. A block goes column by column through
:mod:`converters.csv2vw_cells`. One that is not as it should be is taken again row by row, which
tells the row and the column; that is also the plain form, which the fast one must equal.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import repeat

from converters.cells import Refusal, RefusedCellError
from converters.conversion import Reject
from converters.csv2vw_cells import MOST_REMEMBERED, Feature, Label, Parts, check_tag, good_tags
from converters.csv2vw_flags import Flags
from converters.csv2vw_layout import Csv2vwError, Layout
from converters.quoting import quoted

# What Vowpal Wabbit, csv2vw or CSV readers may take for something else than a cell's text. Beyond
# ASCII only float knows blanks, which the cells see to themselves.
SYNTAX = {*range(33), 127, *b":|\"'"} - {ord("\n")}


class Csv2vw:
    """Turns the lines of one file into what csv2vw prints for them.

    Attributes:
        label: the label column; its classes are the file's so far.
    """

    def __init__(self, layout: Layout, flags: Flags, *, lenient: bool) -> None:
        room = max(64, MOST_REMEMBERED // (len(layout.features) + 1))
        self.label = Label(room, binary=flags.binary, lenient=lenient)
        self._features = [
            Feature(layout.names[i], room, drop=flags.drop, lenient=lenient)
            for i in layout.features
        ]
        self._layout = layout
        self._flags = flags
        self._lenient = lenient
        # A block without any of these, but as separators, needs no look into its cells.
        self._syntax = bytes(SYNTAX - set((flags.literal or "").encode()))
        others = (layout.label, layout.tag)
        self._needed = max((*layout.features, *(i for i in others if i is not None)), default=-1)

    def block(self, content: bytes, number: int) -> str | None:
        """The text of whole lines at once; None if they have to be taken row by row.

        Args:
            content: whole lines.
            number: that of the first, as csv2vw counts them.
        """
        before = self._kinds()
        try:
            if printed := self._at_once(content, number):
                return printed
        except (UnicodeDecodeError, RefusedCellError):
            pass
        self._restore(before)
        return None

    def _at_once(self, content: bytes, number: int) -> str | None:
        separator, width = self._flags.literal, len(self._layout.names)
        if separator is None or width == 1 or b"\r" in content:
            return None
        text = content.decode().removesuffix("\n")
        lines = text.split("\n")
        if list(map(str.count, lines, repeat(separator))).count(width - 1) != len(lines):
            return None
        cells = text.replace("\n", separator).split(separator)
        clean = len(content.translate(None, self._syntax)) == len(content)
        if not (clean or self._lenient) and any(c[:1] == '"' for c in cells):
            return None
        columns = [cells[i::width] for i in range(width)]
        parts = self._parts(columns, number, clean=clean)
        return None if parts is None else interleaved(parts, len(lines))

    def _parts(self, columns: list[list[str]], number: int, *, clean: bool) -> Parts | None:
        layout, rows = self._layout, len(columns[0])
        if layout.tag is None:
            tags: Sequence[str] = list(map(str, range(number, number + rows)))
        else:
            tags = columns[layout.tag]
            if not (clean or self._lenient or good_tags(tags)):
                return None
        both = zip(layout.features, self._features, strict=True)
        features = [part for i, f in both for part in f.parts(columns[i], clean=clean)]
        labels: Parts = ([" "] * rows,)
        # Last, for it numbers classes, which the row of a refused feature must not.
        if layout.label is not None:
            labels = self.label.parts(columns[layout.label], clean=clean)
        return (*labels, tags, ["|"] * rows, *features, ["\n"] * rows)

    def rows(self, content: bytes, number: int) -> Iterator[str | Reject]:
        """The text of each of the lines, or why it is refused.

        Raises:
            Csv2vwError: csv2vw too would stop at a line, when lenient.
        """
        for at, line in enumerate(content.removesuffix(b"\n").split(b"\n"), number):
            before = self._kinds()
            printed = self._row(line, at)
            if isinstance(printed, str):
                yield printed
            else:
                self._restore(before)
                yield Reject(at + 1, printed)

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
            if column.kind is not kind:
                column.kind = kind
                column.clear()


def interleaved(parts: Parts, rows: int) -> str:
    """First of each part, second of each part, ...; three times as fast as joining row by row."""
    width = len(parts)
    flat = [""] * (rows * width)
    for i, part in enumerate(parts):
        flat[i::width] = part
    return "".join(flat)
