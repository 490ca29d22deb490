"""The lines of a file one by one -> what csv2vw prints for each, or why it would be misread.

csv2vw decides for each cell whether it is a number, as Python's ``float`` does, and escapes
nothing. Unless lenient, what Vowpal Wabbit would not read as it is meant is refused. A column
remembers what it has printed for which cell. Whole blocks (:mod:`converters.csv2vw.blocks`) must
give the same.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from converters.cells.escaping import quoted
from converters.cells.numbers import NUMBER, PLAIN_DECIMALS
from converters.cells.refusal import Refusal, RefusedCellError
from converters.convert.whole_file import Reject
from converters.csv2vw.flags_and_layout import Csv2vwError, Flags, Layout

# What all columns together may remember: some 30 MB. Longer cells than this are not remembered.
MOST_REMEMBERED = 100_000
LONGEST_REMEMBERED = 64
# Fewer for each column are of no use.
LEAST_REMEMBERED = 64
# Classes beyond this are no classes, and would fill the memory.
MOST_CLASSES = 100_000

_SYNTAX = re.compile(r'\A"|[\x00-\x20\x7f:|]')
_TAG_SYNTAX = re.compile(r"""\A["']|[\x00-\x20\x7f|]""")
# The same for cells with a line feed behind each.
_TAG_SYNTAX_AMONG = re.compile(r"""(?:\A|\n)["']|[\x00-\x09\x0b-\x20\x7f|]""")


def is_number(cell: str) -> bool:
    """Whether csv2vw takes a cell for a number."""
    try:
        float(cell)
    except ValueError:
        return False
    return True


def check_number(cell: str) -> None:
    """Refuse a number that Vowpal Wabbit does not read as Python does."""
    magnitude = abs(float(cell))
    if not NUMBER.fullmatch(cell):
        infinite = magnitude == float("inf") or magnitude != magnitude  # noqa: PLR0124
        raise RefusedCellError("not-finite" if infinite else "not-a-number", cell)
    if magnitude and not PLAIN_DECIMALS[0] <= magnitude < PLAIN_DECIMALS[1]:
        raise RefusedCellError("out-of-range", cell)


class Feature(dict[str, str]):
    """One feature column, and what it printed for which cell.

    Args:
        name: what the column is called.
        room: how many cells it may remember.
        drop: whether empty cells and ``0`` are left out.
        lenient: whether nothing is refused.

    Attributes:
        kind: whether its cells are numbers; None until one is not empty, or when lenient.
    """

    __slots__ = ("_absent", "_dropped", "_lead", "_lenient", "_room", "kind")

    def __init__(self, name: object, room: int, *, drop: bool, lenient: bool) -> None:
        super().__init__()
        self.kind: bool | None = None
        self._lead = f" {name}"
        self._absent = "" if drop else f" {name}="
        self._dropped = "0" if drop else ""
        self._lenient = lenient
        self._room = room

    def __missing__(self, cell: str) -> str:
        written = self.judge(cell)
        if self._room and len(cell) <= LONGEST_REMEMBERED:
            if len(self) >= self._room:
                self.clear()
            self[cell] = written
        return written

    def judge(self, cell: str) -> str:
        """What is printed for a cell, with a blank in front.

        Raises:
            RefusedCellError: Vowpal Wabbit would misread it.
        """
        if not cell:
            return self._absent
        numeric = is_number(cell)
        if not self._lenient:
            if _SYNTAX.search(cell):
                raise RefusedCellError("quote" if cell[0] == '"' else "vw-syntax", cell)
            self.hold_to(numeric, cell)
        if cell == self._dropped:
            return ""
        return f"{self._lead}{':' if numeric else '='}{cell}"

    def hold(self, kind: bool | None) -> None:
        """Take back what kind this is, and what was printed for it."""
        if self.kind is not kind:
            self.kind = kind
            self.clear()

    def hold_to(self, numeric: bool, cell: str) -> None:
        """Refuse a number among others, and others among numbers."""
        if self.kind is not None and self.kind is not numeric:
            raise RefusedCellError("mixed-column", cell)
        if numeric:
            check_number(cell)
        self.kind = numeric


class Label(Feature):
    """The label column: numbers as they are, classes numbered by their first appearance.

    Attributes:
        classes: the number of each class.
    """

    __slots__ = ("_binary", "classes")

    def __init__(self, room: int, *, binary: bool, lenient: bool) -> None:
        super().__init__("", room, drop=False, lenient=lenient)
        self.classes: dict[str, int] = {}
        self._binary = binary

    def judge(self, cell: str) -> str:
        """What is printed for a label, with a blank behind."""
        if not cell:
            return " "
        numeric = is_number(cell)
        if not self._lenient:
            self._check(numeric, cell)
        if not numeric:
            return f"{self.classes.setdefault(cell, len(self.classes) + 1)} "
        return "-1 " if self._binary and cell == "0" else f"{cell} "

    def _check(self, numeric: bool, cell: str) -> None:
        if cell[0] == '"':
            raise RefusedCellError("quote", cell)
        self.hold_to(numeric, cell)
        if numeric and self._binary and cell != "0" and not float(cell):
            raise RefusedCellError("bad-label", cell)
        if not numeric and len(self.classes) >= MOST_CLASSES and cell not in self.classes:
            raise RefusedCellError("too-many-classes", cell)


def check_tag(tag: str) -> None:
    """Refuse an id that would not be read as the tag that it is."""
    if _TAG_SYNTAX.search(tag):
        raise RefusedCellError("quote" if tag[0] == '"' else "vw-syntax", tag)


def good_tags(tags: str) -> bool:
    """Whether :func:`check_tag` passes all of these, each with a line feed behind."""
    return not _TAG_SYNTAX_AMONG.search(tags)


class Rows:
    """Prints the lines of one file one by one.

    Attributes:
        features: the columns of features.
        label: the label column; its classes are the file's so far.
    """

    def __init__(self, layout: Layout, flags: Flags, *, lenient: bool) -> None:
        room = MOST_REMEMBERED // (len(layout.features) + 1)
        room *= room >= LEAST_REMEMBERED
        self.label = Label(room, binary=flags.binary, lenient=lenient)
        self.features = [
            Feature(layout.names[i], room, drop=flags.drop, lenient=lenient)
            for i in layout.features
        ]
        self._layout = layout
        self._flags = flags
        self._lenient = lenient
        others = (layout.label, layout.tag)
        self._needed = max((*layout.features, *(i for i in others if i is not None)), default=-1)

    def printed(self, content: bytes, number: int) -> Iterator[bytes | Reject]:
        """The text of each of the lines, or why it is refused.

        Raises:
            Csv2vwError: csv2vw too would stop at a line, when lenient.
        """
        for at, line in enumerate(content.removesuffix(b"\n").split(b"\n"), number):
            before = self._kinds()
            printed = self._row(line, at)
            if isinstance(printed, str):
                yield printed.encode()
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
            for at, feature in zip(layout.features, self.features, strict=True):
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
                f"fields, found {len(cells)}): here csv2vw stops, counting lines from 0. Correct "
                "the line, or without --lenient set it aside by --rejects FILE."
            )

    def _kinds(self) -> list[bool | None]:
        return [column.kind for column in (*self.features, self.label)]

    def _restore(self, kinds: list[bool | None]) -> None:
        """Forget the kinds that columns took from rows that are refused or taken again."""
        for column, kind in zip((*self.features, self.label), kinds, strict=True):
            column.hold(kind)
