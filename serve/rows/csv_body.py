"""A CSV body, cut into rows as the stream cuts a record, a part of them at a time.

Where nothing is quoted, rows are the lines of the text, and many are cut at once. Elsewhere each is
cut by itself; none is looked at beyond the length that a row may have.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from converters.cells.refusal import Refusal
from converters.files.first_line import contradiction, named, separator
from converters.files.framing import Dialect, plain_lines, unclosed
from serve.http.problems import RowsRefusedError
from serve.rows.row_limits import RowLimits

# Columns without a name that a header may have: each is given one, and then looked for.
MOST_UNNAMED = 10_000
OPEN_QUOTE = ", or a quote in it is not closed"


@dataclass(frozen=True, slots=True)
class CsvLines:
    """Some rows that follow each other: the lines of plain CSV, or rows with quotes.

    Attributes:
        dialect: their CSV.
        plain: the rows, if their cells are all that is between delimiters.
        framed: otherwise each row, and whether its quotes are closed.
    """

    dialect: Dialect
    plain: Sequence[str] | None
    framed: Sequence[tuple[bytes, bool]] = ()

    def __len__(self) -> int:
        """How many rows there are."""
        return len(self.framed if self.plain is None else self.plain)

    def cells(self) -> list[Sequence[str] | Refusal]:
        """The cells of each row, or why there are none."""
        if self.plain is not None:
            mark = self.dialect.delimiter
            return [line.split(mark) if line else [] for line in self.plain]
        cells_of = self.dialect.cells_of
        return [cells_of(row) if complete else unclosed(row) for row, complete in self.framed]

    def value(self, start: int, stop: int) -> bytes:
        """The rows from one number up to another as they came, as the value of a record."""
        if self.plain is not None:
            return "\n".join(self.plain[start:stop]).encode()
        return b"\n".join(row for row, _ in self.framed[start:stop])


def csv_lines(
    body: bytes, at: int, dialect: Dialect, limits: RowLimits
) -> Iterator[CsvLines | None]:
    """The rows of a body from a place on, a block at a time; None between two steps without any.

    Raises:
        TooLargeError: there are too many rows, or one is too long.
    """
    rows = 0
    while at < len(body):
        stop = _last_line_end(body, at, limits.part_bytes)
        part = body[at:stop]
        lines = plain_lines(part) if part else None
        if lines is None:
            framed, at = _framed(body, at, rows, dialect, limits)
            rows += len(framed)
            limits.check_rows(rows)
            yield CsvLines(dialect, None, framed)
            continue
        limits.check_rows(rows + len(lines))
        at, rows = stop, rows + len(lines)
        yield None
        for start in range(0, len(lines), limits.block_rows):
            yield CsvLines(dialect, lines[start : start + limits.block_rows])


def _last_line_end(body: bytes, at: int, most: int) -> int:
    """Behind the last line feed among so many bytes, or the end; ``at`` if there is neither."""
    if len(body) - at <= most:
        return len(body)
    return max(at, body.rfind(b"\n", at, at + most) + 1)


def _framed(
    body: bytes, at: int, before: int, dialect: Dialect, limits: RowLimits
) -> tuple[list[tuple[bytes, bool]], int]:
    """A block of rows with quotes from a place on, and where the next begins."""
    found: list[tuple[bytes, bool]] = []
    stop = min(len(body), at + limits.part_bytes)
    while at < stop and len(found) < limits.block_rows:
        end, complete = _row_end(body, at, before + len(found), dialect, limits)
        row = body[at:end]
        found.append((row.rstrip(b"\r") if complete else row, complete))
        at = end + 1
    return found, at


def _row_end(
    body: bytes, at: int, number: int, dialect: Dialect, limits: RowLimits
) -> tuple[int, bool]:
    """Where a row ends, and whether its quotes are closed; an open quote reaches to the end."""
    reach = min(len(body), at + limits.row_bytes + 1)
    end = dialect.row_end(body, at, reach)
    perhaps = OPEN_QUOTE if end is None else ""
    limits.check_row(number, (reach if end is None else end) - at, perhaps)
    return (len(body), False) if end is None else (end, True)


def split_header(body: bytes, dialect: Dialect, limits: RowLimits) -> tuple[list[str], int]:
    """The names in the first row, and where the next row begins.

    Raises:
        RowsRefusedError: there is no first row, it is not CSV, or too many columns have no name.
    """
    reach = min(len(body), limits.row_bytes + 1)
    end = dialect.row_end(body, 0, reach)
    if reach > limits.row_bytes and end in (None, reach):
        raise RowsRefusedError(
            f"The header has more than {limits.row_bytes:,} bytes, or a quote in it is not closed. "
            "Name the columns of the schema only, or raise serve.max_row."
        )
    names = Refusal("", "", "") if end is None else dialect.cells_of(body[:end].rstrip(b"\r"))
    if isinstance(names, Refusal) or names in ([], [""]):
        raise RowsRefusedError(
            "The CSV has no header: its first line must name the columns, in UTF-8, and not be "
            "blank."
        )
    if names.count("") > MOST_UNNAMED:
        raise RowsRefusedError(
            f"The header has more than {MOST_UNNAMED:,} columns without a name. Name each, and end "
            "no line with delimiters."
        )
    return named(names), len(body) if end is None else end + 1


def without_separator(body: bytes, dialect: Dialect) -> bytes:
    """A body without Excel's line ``sep=;``, if it begins with one.

    Raises:
        RowsRefusedError: the line names another delimiter than the config.
    """
    found, at = separator(body)
    if found and found != dialect.delimiter:
        raise RowsRefusedError(
            f"The CSV contradicts the config: {contradiction(found, dialect.delimiter)}. Send "
            "rows as the config says."
        )
    return body[at:] if at else body
