"""A CSV file as rows of bytes with their line numbers, in bounded memory.

Where history enters: ``convert``, ``produce``, ``score`` and ``backfill`` all read files through
this. It frames rows exactly as :mod:`converters.rows` frames a record, but never decodes or
judges them; a bad row is handed on as it is.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, NamedTuple

from converters.cells import Refusal
from converters.errors import FreshetError
from converters.rows import cells_of, frame, open_field

# A quote still open after this much is a mistake in the file, not a field.
LONGEST_QUOTED = 64 * 1024
# A line longer than this is not CSV; it must not fill the memory.
LONGEST_LINE = 8 * 2**20


class CsvFileError(FreshetError):
    """A CSV file cannot be read as rows."""


class FileRow(NamedTuple):
    """One row as it stands in the file, without its line ending."""

    line: int
    content: bytes


class CsvFile:
    """An open CSV file with a header.

    Attributes:
        name: how messages call it.
        header: the column names of its first row.
        rows_read: how many rows have been handed out.
    """

    def __init__(self, file: BinaryIO, name: str) -> None:
        self._file = file
        self.name = name
        self.rows_read = 0
        self._line = 0
        self._bytes = 0
        self.header = self._read_header()

    @property
    def size(self) -> int | None:
        """The file's size in bytes; None for a stream, whose end is not known."""
        return os.fstat(self._file.fileno()).st_size if self._file.seekable() else None

    def tell(self) -> int:
        """How many bytes have been read, for showing progress."""
        return self._bytes

    def rows(self) -> Iterator[FileRow]:
        """The rows after the header, in order.

        Raises:
            CsvFileError: a quote is still open after 64 KiB or at the end of the file, or a line
                is longer than 8 MiB; says where and how many rows were read before.
        """
        for content, first in self._framed():
            self.rows_read += 1
            yield FileRow(first, content)

    def places(self, columns: Sequence[str]) -> list[int | None]:
        """Where each of these columns stands in a row of the file; None where it has none."""
        return [self.header.index(c) if c in self.header else None for c in columns]

    def require_known(self, columns: Sequence[str]) -> None:
        """Refuse a file with columns that the config does not know."""
        unknown = [c for c in self.header if c not in columns]
        if unknown:
            raise CsvFileError(
                f"{self.name} has the column '{unknown[0]}', which the config does not name. Its "
                f'columns are {", ".join(columns)}. Add it to [columns] (role "drop" if it is '
                "not to be learned from), or take it out of the file."
            )

    def _read_header(self) -> list[str]:
        content = next(self._framed(), (b"", 1))[0].removeprefix(b"\xef\xbb\xbf")
        header = cells_of(content)
        if isinstance(header, Refusal) or not content:
            raise CsvFileError(
                f"{self.name} has no header: its first line must name the columns in UTF-8."
            )
        twice = sorted({c for c in header if header.count(c) > 1})
        if twice:
            raise CsvFileError(f"{self.name} names the column '{twice[0]}' twice in its header.")
        return header

    def _framed(self) -> Iterator[tuple[bytes, int]]:
        """Rows with the number of the line they begin on."""
        while line := self._read_line():
            first = self._line
            if b'"' not in line:
                yield line.removesuffix(b"\n").removesuffix(b"\r"), first
                continue
            yield self._quoted(line), first

    def _quoted(self, row: bytes) -> bytes:
        """The whole of the row that begins with this line, which holds a quote."""
        first = self._line
        framed, complete = next(frame(row))
        opened = open_field(row)
        while not complete:
            more = self._read_line()
            if not more or len(row) - opened > LONGEST_QUOTED:
                raise CsvFileError(
                    f"{self.name}, line {first}: a quote opens and is still open "
                    f"{'after 64 KiB' if more else 'at the end of the file'}. Close it, or "
                    f"double a quote that is part of a field. {self.rows_read:,} rows were "
                    "read before it."
                )
            row += more
            if b'"' in more:  # without one the field stays open; framing anew would be quadratic
                framed, complete = next(frame(row))
                opened = open_field(row)
        return framed

    def _read_line(self) -> bytes:
        line = self._file.readline(LONGEST_LINE + 1)
        self._line += bool(line)
        self._bytes += len(line)
        if len(line) > LONGEST_LINE:
            raise CsvFileError(
                f"{self.name}, line {self._line}: the line is longer than 8 MiB; this is not CSV. "
                f"{self.rows_read:,} rows were read before it."
            )
        return line


@contextmanager
def open_csv(path: str) -> Iterator[CsvFile]:
    """Open a CSV file, or standard input for ``-``.

    Raises:
        CsvFileError: the file cannot be opened or has no header.
    """
    if path == "-":
        yield CsvFile(sys.stdin.buffer, "standard input")
        return
    try:
        file = Path(path).open("rb")  # noqa: SIM115  # closed below; here only its errors matter
    except OSError as error:
        raise CsvFileError(f"{path} cannot be opened: {error.strerror or error}.") from None
    with file:
        yield CsvFile(file, path)
