"""The bytes of a CSV file -> blocks of whole rows with their line numbers, in bounded memory.

Some 64 KiB are read at a time and cut into rows, all at once where there is no quote: line by line,
cutting took half as long as converting the rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from converters.errors import FreshetError
from converters.files.compressed import READ_BYTES, Readable
from converters.files.framing import Dialect, without_returns

__all__ = ["READ_BYTES", "Block", "BlockReader", "CsvFileError", "Readable"]

# A row longer than this, of one line or of many, is not CSV; it must not fill the memory. A quote
# that never closes is found here at the latest.
LONGEST_ROW = 8 * 2**20
_CLOSE_IT = "Close it, or double a quote that is part of a field."


class CsvFileError(FreshetError):
    """A CSV file cannot be read as rows."""


class Block(NamedTuple):
    """Rows that follow each other, without line endings, and the lines on which they begin."""

    lines: Sequence[int]
    rows: Sequence[bytes]


class BlockReader:
    """Cuts an open file into blocks.

    Args:
        file: its bytes are UTF-8, or rows that are not.
        name: how messages call it.
        dialect: its CSV.
        line: the number of its first line.

    Attributes:
        bytes_read: how much of it has been read.
    """

    def __init__(self, file: Readable, name: str, dialect: Dialect, line: int = 1) -> None:
        self._file = file
        self._name = name
        self._dialect = dialect
        self._begun = b""  # what follows the last whole row
        self._enough = 0  # so much has to be there before a row that was open is framed again
        self._ended = False
        self._open = b""  # the row at the file's end whose quote does not close
        self._line = line
        self._rows = 0
        self.bytes_read = 0

    def blocks(self) -> Iterator[Block]:
        """All rows, the header too, in order.

        Raises:
            CsvFileError: a quote is still open at the end of the file, or a row is longer than
                8 MiB; the rows before it have been given.
        """
        while content := self._read():
            line = self._line
            block = self._quoted(content) if b'"' in content else self._plain(content)
            # Reading stops soon after so much, hence no row but the first can be as long.
            if block.rows and len(block.rows[0]) > LONGEST_ROW:
                raise self._too_long(line, block.rows[0])
            self._rows += len(block.rows)
            if block.rows:
                yield block
            if self._open:
                line, length = self._open_quote(self._open)
                raise CsvFileError(
                    f"{self._name}, line {line}: a quote opens and is still open {length:,} bytes "
                    f"later, at the end of the file. {_CLOSE_IT} {self._rows_before} rows were "
                    "read before it."
                )

    def _plain(self, content: bytes) -> Block:
        rows = without_returns(content).split(b"\n")
        # After the last line feed there is nothing, but at the end of a file that lacks one.
        last = rows.pop()
        if last:
            rows.append(last.rstrip(b"\r"))
        first, self._line = self._line, self._line + len(rows)
        return Block(range(first, self._line), rows)

    def _quoted(self, content: bytes) -> Block:
        lines: list[int] = []
        rows: list[bytes] = []
        for row, complete in self._dialect.frame(content):
            if complete:
                lines.append(self._line)
                rows.append(row)
                self._line += row.count(b"\n") + 1
            elif self._ended:
                self._open = row
            else:
                self._keep_open(row)
        return Block(lines, rows)

    def _keep_open(self, row: bytes) -> None:
        """Put a row back that continues in what is not read yet.

        A long one is framed again only when twice as much is there: with every read, it took time
        with the square of its length.
        """
        if len(row) > LONGEST_ROW:
            raise self._too_long(self._line, row)
        self._begun = row + self._begun
        self._enough = min(2 * len(row), LONGEST_ROW + 1) if len(row) > READ_BYTES else 0

    def _read(self) -> bytes:
        """Some whole lines, what was begun before in front; nothing at the end of the file."""
        pieces, length, end = [self._begun], len(self._begun), 0
        while not self._ended and (not end or length < self._enough):
            more = self._read_some()
            self.bytes_read += len(more)
            self._ended = not more
            if last := more.rfind(b"\n") + 1:
                end = length + last
            pieces.append(more)
            length += len(more)
            # Its last carriage return may belong to a line ending.
            if not end and length > LONGEST_ROW + 1:
                raise self._too_long(self._line, b"".join(pieces))
        content, self._enough = b"".join(pieces), 0
        if self._ended:
            end = length
        self._begun = content[end:]
        return content[:end]

    def _read_some(self) -> bytes:
        try:
            return self._file.read1(READ_BYTES)
        except OSError as error:
            raise CsvFileError(
                f"{self._name} cannot be read: {error.strerror or error}. {self._rows_before} rows "
                "were read before it."
            ) from None

    def _too_long(self, line: int, row: bytes) -> CsvFileError:
        only_returns = b"\r" in row and b"\n" not in row
        why = "Its lines end in carriage returns only. " if only_returns else ""
        if self._dialect.row_end(row, 0, len(row)) is None:
            at, length = self._open_quote(row)
            if 2 * length > len(row):
                where = "here" if at == line else f"in line {at}"
                why = (
                    f"A quote opens {where} and is still open {length:,} bytes later. {_CLOSE_IT} "
                )
        return CsvFileError(
            f"{self._name}, line {line}: the row that begins here has more than 8 MiB, the most "
            f"that a row may have. {why}{self._rows_before} rows were read before it."
        )

    def _open_quote(self, row: bytes) -> tuple[int, int]:
        """The line in which the quote opens that does not close in a row, and for how long."""
        at = self._dialect.open_field(row)
        return self._line + row.count(b"\n", 0, at), len(row) - at

    @property
    def _rows_before(self) -> str:
        """How many rows have been given, not counting the header."""
        return f"{max(0, self._rows - 1):,}"
