"""The cells of one column -> what csv2vw prints for them, or why it would be misread.

The middle of :mod:`converters.csv2vw`. A column remembers what it has printed for which cell, and
stops when its values hardly repeat: then whole blocks are judged by a few searches through their
joined text. The plain form is one cell at a time, ``judge``; the others must equal it.

csv2vw decides for each cell whether it is a number, as Python's ``float`` does, and escapes
nothing. Unless lenient, what Vowpal Wabbit would not read as it is meant is refused here.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from converters.cells import RefusedCellError
from converters.numbers import NUMBER, PLAIN_DECIMALS

Parts = tuple[Sequence[str], ...]

# What all columns together may remember: some 30 MB. Longer cells than this are not remembered.
MOST_REMEMBERED = 100_000
LONGEST_REMEMBERED = 64
# A cell seen for the first time costs as much as thirty that were remembered.
HARDLY_REPEAT = 0.1
# So many rows a column may take to come to know its values, unless nearly every one is new.
LEARNING_ROWS = 20_000
NEARLY_ALL = 0.7
# Classes beyond this are no classes, and would fill the memory.
MOST_CLASSES = 100_000

_SYNTAX = re.compile(r'\A"|[\x00-\x20\x7f:|]')
_TAG_SYNTAX = re.compile(r"""\A["']|[\x00-\x20\x7f|]""")
# The same for cells joined by line feeds, one before the first.
_SYNTAX_AMONG = re.compile(r'\n"|[\x00-\x09\x0b-\x20\x7f:|]')
_TAG_SYNTAX_AMONG = re.compile(r"""\n["']|[\x00-\x09\x0b-\x20\x7f|]""")
# Numbers that need no second look, or empty cells.
_PLAIN_NUMBERS = re.compile(
    r"\n(?:(?:[+-]?(?:[0-9]{1,30}(?:\.[0-9]{0,40})?|\.[0-9]{1,40}"
    r"|[1-9](?:\.[0-9]{0,20})?[eE][+-]?0?[0-9]))?\n)*+"
)
_SMALL = "." + 14 * "0"
# At least every ASCII cell that float takes, if it holds no blanks.
_NUMBER_AMONG = re.compile(
    r"\n[+-]?(?:[0-9._]+(?:[eE][+-]?[0-9_]+)?|[iI][nN][fF]\w*|[nN][aA][nN])(?=\n)"
)


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

    Attributes:
        kind: whether its cells are numbers; None until one is not empty, or when lenient.
    """

    def __init__(self, name: object, room: int, *, drop: bool, lenient: bool) -> None:
        super().__init__()
        self.kind: bool | None = None
        self._lead = f" {name}"
        self._absent = "" if drop else f" {name}="
        self._dropped = "0" if drop else ""
        self._lenient = lenient
        self._room = room
        self._missed = 0
        self._seen = 0
        self._varied = False

    def __missing__(self, cell: str) -> str:
        written = self.judge(cell)
        self._missed += 1
        if len(cell) <= LONGEST_REMEMBERED and not self._varied:
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

    def hold_to(self, numeric: bool, cell: str) -> None:
        """Refuse a number among others, and others among numbers."""
        if self.kind is not None and self.kind is not numeric:
            raise RefusedCellError("mixed-column", cell)
        if numeric:
            check_number(cell)
        self.kind = numeric

    def parts(self, cells: Sequence[str], *, clean: bool) -> Parts:
        """What is printed for each cell, in parts that follow each other.

        Args:
            cells: the column in a block.
            clean: whether no cell of the block holds blanks, control characters or syntax.
        """
        if self._varied:
            text = "\n" + "\n".join(cells) + "\n"
            return self._at_once(cells, text, clean=clean) or (list(map(self.judge, cells)),)
        before = self._missed
        written = list(map(self.__getitem__, cells))
        self._settle(len(cells), self._missed - before)
        return (written,)

    def _settle(self, rows: int, missed: int) -> None:
        self._seen += rows
        wanted = HARDLY_REPEAT if self._seen > LEARNING_ROWS else NEARLY_ALL
        if missed > max(16, wanted * rows):
            self._varied = True
            self.clear()

    def _at_once(self, cells: Sequence[str], text: str, *, clean: bool) -> Parts | None:
        numeric = plain_numbers(text)
        if not numeric and (_NUMBER_AMONG.search(text) or not text.isascii()):
            return None
        # Blanks around a number are still a number to csv2vw.
        readable = numeric or clean or not (self._lenient or _SYNTAX_AMONG.search(text))
        if not readable or not (self._lenient or self.kind is numeric):
            return None
        lead = f"{self._lead}{':' if numeric else '='}"
        if "\n\n" in text or (self._dropped and "\n0\n" in text):
            dropped, absent = self._dropped, self._absent
            return ([lead + c if c and c != dropped else absent for c in cells],)
        return [lead] * len(cells), cells


class Label(Feature):
    """The label column: numbers as they are, classes numbered by their first appearance.

    Attributes:
        classes: the number of each class.
    """

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

    def _at_once(
        self,
        cells: Sequence[str],
        text: str,
        *,
        clean: bool,  # noqa: ARG002 - numbers are clean
    ) -> Parts | None:
        if self._binary or "\n\n" in text or not (self.kind or self._lenient):
            return None
        return (cells, [" "] * len(cells)) if plain_numbers(text) else None


def plain_numbers(text: str) -> bool:
    """Whether cells joined by line feeds are numbers that need no second look."""
    return _PLAIN_NUMBERS.fullmatch(text) is not None and _SMALL not in text


def check_tag(tag: str) -> None:
    """Refuse an id that would not be read as the tag that it is."""
    if _TAG_SYNTAX.search(tag):
        raise RefusedCellError("quote" if tag[0] == '"' else "vw-syntax", tag)


def good_tags(tags: Sequence[str]) -> bool:
    """Whether :func:`check_tag` passes all."""
    return not _TAG_SYNTAX_AMONG.search("\n" + "\n".join(tags))
