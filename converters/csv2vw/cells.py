"""The cells of one column -> what csv2vw prints for them, or why it would be misread.

At the bottom of :mod:`converters.csv2vw.convert`: one cell at a time, the plain form which whole
blocks
(:mod:`converters.csv2vw.blocks`) must equal. A column remembers what it has printed for which cell.

csv2vw decides for each cell whether it is a number, as Python's ``float`` does, and escapes
nothing. Unless lenient, what Vowpal Wabbit would not read as it is meant is refused here.
"""

from __future__ import annotations

import re

from converters.cells.numbers import NUMBER, PLAIN_DECIMALS
from converters.cells.refusal import RefusedCellError

# What all columns together may remember: some 30 MB. Longer cells than this are not remembered.
MOST_REMEMBERED = 100_000
LONGEST_REMEMBERED = 64
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
