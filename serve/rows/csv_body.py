"""A CSV body, cut into rows as the stream cuts a record; a chunk of them at a time gives cells."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from converters.cells.refusal import Refusal
from converters.files.framing import Dialect, plain_lines, unclosed
from serve.http.body import check_rows
from serve.http.problems import RowsRefusedError


class CsvBody:
    """The rows of a CSV body, without its header.

    Args:
        body: the bytes below the header.
        most_rows: more are refused.
        dialect: its CSV.

    Raises:
        TooLargeError: there are more rows than ``most_rows``.
    """

    def __init__(self, body: bytes, most_rows: int, dialect: Dialect) -> None:
        self._dialect = dialect
        self._framed: list[tuple[bytes, bool]] = []
        self._lines = plain_lines(body)
        if self._lines is None:
            for row in dialect.frame(body):
                self._framed.append(row)
                check_rows(len(self._framed), most_rows)
        check_rows(len(self), most_rows)

    def __len__(self) -> int:
        """How many rows there are."""
        return len(self._framed if self._lines is None else self._lines)

    def lines(self, start: int, stop: int) -> list[str] | None:
        """These rows, if their cells are all that is between delimiters."""
        return None if self._lines is None else self._lines[start:stop]

    def cells(self, start: int, stop: int) -> Iterator[Sequence[str] | Refusal]:
        """The cells of the rows from ``start`` up to ``stop``, or why there are none."""
        if self._lines is not None:
            mark = self._dialect.delimiter
            return (line.split(mark) if line else [] for line in self._lines[start:stop])
        cells_of = self._dialect.cells_of
        framed = self._framed[start:stop]
        return (cells_of(row) if complete else unclosed(row) for row, complete in framed)

    def value(self, start: int, stop: int) -> bytes:
        """These rows as they came, as the value of a record."""
        if self._lines is not None:
            return "\n".join(self._lines[start:stop]).encode()
        return b"\n".join(row for row, _ in self._framed[start:stop])


def split_header(body: bytes, dialect: Dialect) -> tuple[list[str], bytes]:
    """The names in the first row, and what follows it.

    Raises:
        RowsRefusedError: there is no first row, or it is not CSV.
    """
    row, complete = next(dialect.frame(body), (b"", True))
    names = dialect.cells_of(row) if complete else unclosed(row)
    if isinstance(names, Refusal) or names in ([], [""]):
        raise RowsRefusedError(
            "The CSV has no header: its first row must name the columns, in UTF-8."
        )
    rest = body[len(row) :]
    return names, rest.removeprefix(b"\r").removeprefix(b"\n")
