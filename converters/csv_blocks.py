"""The bytes of a CSV file -> blocks of whole rows with their line numbers, in bounded memory.

Stands below :mod:`converters.csv_file`. Reads some 64 KiB at a time and cuts it into rows, all at
once where there is no quote: line by line that alone took half as long as converting the rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from converters.compressed import READ_BYTES, Readable
from converters.errors import FreshetError
from converters.framing import Dialect

__all__ = ["READ_BYTES", "Block", "BlockReader", "CsvFileError", "Readable"]

# A quote still open after this much is a mistake in the file, not a field.
LONGEST_QUOTED = 64 * 1024
# A line longer than this is not CSV; it must not fill the memory.
LONGEST_LINE = 8 * 2**20


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

    Attributes:
        bytes_read: how much of it has been read.
    """

    def __init__(self, file: Readable, name: str, dialect: Dialect) -> None:
        self._file = file
        self._name = name
        self._dialect = dialect
        self._begun = b""  # what follows the last whole row
        self._ended = False
        self._open = ""  # how long the quote has been open that ends the reading
        self._line = 1
        self._rows = 0
        self.bytes_read = 0

    def blocks(self) -> Iterator[Block]:
        """All rows, the header too, in order.

        Raises:
            CsvFileError: a quote is still open after 64 KiB or at the end of the file, or a line
                is longer than 8 MiB; the rows before it have been given.
        """
        while content := self._read():
            block = self._quoted(content) if b'"' in content else self._plain(content)
            self._rows += len(block.rows)
            if block.rows:
                yield block
            if self._open:
                raise CsvFileError(
                    f"{self._name}, line {self._line}: a quote opens and is still open "
                    f"{self._open}. Close it, or double a quote that is part of a field. "
                    f"{self._rows_before} rows were read before it."
                )

    def _plain(self, content: bytes) -> Block:
        while b"\r\n" in content:
            content = content.replace(b"\r\n", b"\n")
        rows = content.split(b"\n")
        # What stands after the last line feed: nothing, but at the end of a file without one.
        last = rows.pop()
        if last:
            rows.append(last.rstrip(b"\r"))
        first, self._line = self._line, self._line + len(rows)
        return Block(range(first, self._line), rows)

    def _quoted(self, content: bytes) -> Block:
        lines: list[int] = []
        rows: list[bytes] = []
        for row, complete in self._dialect.frame(content):
            if len(row) > LONGEST_QUOTED and self._longest_open(row, complete) > LONGEST_QUOTED:
                self._open = "after 64 KiB"
                break
            if complete:
                lines.append(self._line)
                rows.append(row)
                self._line += row.count(b"\n") + 1
            elif self._ended:
                self._open = "at the end of the file"
            else:
                self._begun = row + self._begun
        return Block(lines, rows)

    def _read(self) -> bytes:
        """Some whole lines, what was begun before in front; nothing at the end of the file."""
        content, end = self._begun, 0
        while not end and not self._ended:
            more = self._read_some()
            self.bytes_read += len(more)
            self._ended = not more
            content += more
            end = content.rfind(b"\n") + 1
            self._check_length(content, end)
        if self._ended:
            end = len(content)
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

    def _check_length(self, content: bytes, begun: int) -> None:
        if len(content) - begun > LONGEST_LINE:
            lone = ": its lines end in carriage returns alone" if b"\r" in content[begun:] else ""
            raise CsvFileError(
                f"{self._name}, line {self._line}: the row that begins here has a line of more "
                f"than 8 MiB; this is not CSV{lone}. {self._rows_before} rows were read before it."
            )

    def _longest_open(self, row: bytes, complete: bool) -> int:
        """For how many bytes a quote stays open in a row, or has when the row ends within it."""
        if complete:
            return self._dialect.longest_quoted(row)
        return len(row) - self._dialect.open_field(row)

    @property
    def _rows_before(self) -> str:
        """How many rows have been given, not counting the header."""
        return f"{max(0, self._rows - 1):,}"
