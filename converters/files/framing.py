"""CSV bytes -> rows -> cells, before anything is known of the columns.

CSV is read as Python's ``csv`` module reads it, with these rules where readers disagree: rows end
at LF outside quotes, CRs before it belong to the ending, and a quote opens only at the start
of a field. A row that is not UTF-8, or holds text behind a closing quote or a CR outside quotes,
is refused without harming its neighbours. A quote that never closes refuses everything from its
row to the record's end, as one refusal. A byte order mark in front of a row is no part of it.
"""

from __future__ import annotations

import csv
import io
import re
from abc import abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from typing import overload

from converters.cells.escaping import quoted, quoted_bytes
from converters.cells.refusal import Refusal

# In front of a row it is no part of it, unless a quote precedes it.
BYTE_ORDER_MARK = "\ufeff"


def csv_line(cells: Sequence[object], delimiter: str = ",") -> str:
    """One CSV row without its line ending."""
    written = io.StringIO(newline="")
    marked = bool(cells) and str(cells[0]).startswith(BYTE_ORDER_MARK)
    # With any other line ending, Python before 3.13 leaves a CR (or LF) in a cell without quotes.
    csv.writer(
        written,
        delimiter=delimiter,
        lineterminator="\r\n",
        quoting=csv.QUOTE_ALL if marked else csv.QUOTE_MINIMAL,
    ).writerow(cells)
    return written.getvalue().removesuffix("\r\n")


# The most rows of one record. A record of nothing but line feeds would become millions of refusals
# of half a kilobyte each.
MOST_ROWS = 100_000

# What is too long is for logs and files to say; csv's own limit would refuse a row that the path
# without quotes takes.
csv.field_size_limit(2**31 - 1)


class ByteColumns(Sequence[Sequence[str]]):
    """The columns of lines of which only the bytes are there; a column is cut when asked for.

    :mod:`converters.files.cut_lines` makes them, apart, since it needs numpy.
    """

    @property
    @abstractmethod
    def rows(self) -> int:
        """How many cells each column has."""

    @abstractmethod
    def parts(self, most: int) -> Sequence[ByteColumns]:
        """The same lines in parts of so many."""


class TextColumns(ByteColumns):
    """The columns of lines that are cut to strings already.

    Args:
        columns: of these.
        rows: how many cells each has.
    """

    def __init__(self, columns: Sequence[Sequence[str]], rows: int) -> None:
        self._columns, self._rows = columns, rows

    def __len__(self) -> int:
        return len(self._columns)

    @property
    def rows(self) -> int:
        """How many cells each column has."""
        return self._rows

    @overload
    def __getitem__(self, at: int) -> Sequence[str]: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[Sequence[str]]: ...
    def __getitem__(self, at: int | slice) -> Sequence[str] | Sequence[Sequence[str]]:
        return self._columns[at]

    def parts(self, most: int) -> Sequence[ByteColumns]:
        """The same lines in parts of so many."""
        if self._rows <= most:
            return [self]
        return [
            TextColumns([cells[at : at + most] for cells in self], min(most, self._rows - at))
            for at in range(0, self._rows, most)
        ]

    def ordered(self, places: Sequence[int | None]) -> TextColumns:
        """The columns in another order; those without a place are empty."""
        absent = [""] * self._rows
        columns = [absent if place is None else self._columns[place] for place in places]
        return TextColumns(columns, self._rows)


_MARKS = rb"(?>(?:%b)*)" % BYTE_ORDER_MARK.encode()


class Dialect:
    """CSV with one delimiter.

    Attributes:
        delimiter: the character between two cells.
    """

    def __init__(self, delimiter: str) -> None:
        self.delimiter = delimiter
        mark = re.escape(delimiter.encode("ascii"))
        # Never going back: no row, however it is made, is looked at more than twice. Groups are
        # atomic, for Python before 3.11.5 loses its place in possessive ones.
        quoted = rb'"[^"]*+(?>(?:""[^"]*+)*)"(?:[^"%b\n][^%b\n]*+)?' % (mark, mark)
        field = rb'(?:%b|(?!")[^%b\n]*+)' % (quoted, mark)
        self._fields = re.compile(rb"%b(?>(?:%b%b)*)" % (_MARKS, field, mark))
        self._row = re.compile(rb"%b%b(?>(?:%b%b)*)(?=\n|\Z)" % (_MARKS, field, mark, field))

    def frame(self, value: bytes) -> Iterator[tuple[bytes, bool]]:
        """Cut CSV bytes into rows at the line feeds outside quotes.

        Yields:
            (row without its line ending, whether it is complete); an incomplete row has a quote
            that never closes, reaches to the end, and is the last.
        """
        at, end, row = 0, len(value), self._row
        while at < end:
            match = row.match(value, at)
            if match is None:
                yield value[at:], False
                return
            yield match[0].rstrip(b"\r"), True
            at = match.end() + 1

    def row_end(self, value: bytes, at: int, end: int) -> int | None:
        """Where the row that begins at ``at`` ends: at a line feed outside quotes, or at ``end``.

        None if a quote in it does not close before ``end``; nothing behind that is looked at.
        """
        match = self._row.match(value, at, end)
        return None if match is None else match.end()

    def open_field(self, row: bytes) -> int:
        """Where in an incomplete row the field begins whose quote does not close."""
        match = self._fields.match(row)
        return match.end() if match else 0

    def cells_of(self, row: bytes) -> list[str] | Refusal:
        """The cells of one framed row."""
        try:
            text = row.decode("utf-8")
        except UnicodeDecodeError:
            return Refusal("not-utf8", "", quoted_bytes(row))
        text = text.lstrip(BYTE_ORDER_MARK)
        if '"' not in text and "\r" not in text:
            return text.split(self.delimiter) if text else []
        try:
            return next(csv.reader([text], delimiter=self.delimiter, strict=True), [])
        except csv.Error:
            return Refusal(self._fault(text), "", quoted(text))

    def line(self, cells: Sequence[object]) -> str:
        """Cells as a row without its line ending."""
        return csv_line(cells, self.delimiter)

    def cells(self, value: bytes) -> Iterable[Sequence[str] | Refusal]:
        """The cells of each row, or why it cannot be read."""
        return self._at_once(value) or self._one_by_one(value)

    def _at_once(self, value: bytes) -> list[list[str]] | None:
        """All rows as ``csv`` reads them, where nothing is wrong with any: 3x one by one."""
        if value.count(b"\n") >= MOST_ROWS:
            return None
        try:
            text = value.decode("utf-8")
            if BYTE_ORDER_MARK in text:
                return None
            lines = io.StringIO(text, newline="\n")
            return list(csv.reader(lines, delimiter=self.delimiter, strict=True))
        except (UnicodeDecodeError, csv.Error):
            return None

    def _one_by_one(self, value: bytes) -> Iterator[Sequence[str] | Refusal]:
        if not value:
            yield Refusal("empty-record", "", "")
        for number, (row, complete) in enumerate(self.frame(value)):
            if number == MOST_ROWS:
                yield too_many()
                return
            yield self.cells_of(row) if complete else unclosed(row)

    def _fault(self, text: str) -> str:
        """Which of the two faults a framed row has that ``csv`` does not read."""
        try:
            next(csv.reader([text], delimiter=self.delimiter))
        except csv.Error:
            return "bare-cr"
        return "text-after-quote"


def without_returns(content: bytes) -> bytes:
    """The same lines without the carriage returns that belong to their endings."""
    # Looking for one byte takes a twentieth of the time of looking for two.
    while b"\r" in content and b"\r\n" in content:
        content = content.replace(b"\r\n", b"\n")
    return content


def plain_text(value: bytes) -> str | None:
    """CSV whose rows are its lines, and whose cells are all that is between delimiters.

    Cutting such text takes two thirds of the time of ``csv``. None for what needs a closer look: a
    quote, a carriage return, a byte order mark, or bytes that are not UTF-8.
    """
    if b'"' in value or b"\r" in value:
        return None
    try:
        text = value.decode("utf-8")
    except UnicodeDecodeError:
        return None
    return None if BYTE_ORDER_MARK in text else text


def plain_lines(value: bytes) -> list[str] | None:
    """The rows of such CSV."""
    text = plain_text(value)
    if text is None:
        return None
    lines = text.split("\n")
    if not lines[-1]:
        lines.pop()
    return lines


def columns_of(lines: Sequence[str], delimiter: str, width: int) -> list[list[str]] | None:
    """The cells by column, all cut in C; None unless each line has as many cells as columns.

    An empty line is a row without cells, which a single column would hide.
    """
    return _cut(f"{delimiter}\n{delimiter}".join(lines), len(lines), delimiter, width)


def columns_of_text(text: str, rows: int, delimiter: str, width: int) -> list[list[str]] | None:
    """The same of a text of so many lines, the last one not ended, which need not be cut first."""
    return _cut(text.replace("\n", f"{delimiter}\n{delimiter}"), rows, delimiter, width)


def text_columns(content: bytes, rows: int, delimiter: str, width: int) -> TextColumns | None:
    """The columns of lines, each ended; None where ``cut_lines`` gives none, too."""
    text = None if b"\0" in content else plain_text(content[:-1])
    columns = None if text is None else columns_of_text(text, rows, delimiter, width)
    return None if columns is None else TextColumns(columns, rows)


def _cut(marked: str, rows: int, delimiter: str, width: int) -> list[list[str]] | None:
    """Columns of lines between which a line feed is a cell of its own."""
    if width == 1:
        return None
    cells = marked.split(delimiter)
    step = width + 1
    ends = cells[width::step]
    if len(cells) != rows * step - 1 or ends.count("\n") != rows - 1:
        return None
    return [cells[place::step] for place in range(width)]


def unclosed(row: bytes) -> Refusal:
    """The refusal of an incomplete row."""
    return Refusal("unclosed-quote", "", quoted_bytes(row))


def too_many() -> Refusal:
    """The one refusal of all rows after the first :data:`MOST_ROWS`."""
    return Refusal("too-many-rows", "", f"this row and all after it; a record has {MOST_ROWS:,}")
