"""A CSV file as rows of bytes with their line numbers, in bounded memory.

Where history enters: ``convert``, ``produce``, ``score`` and ``backfill`` all read files through
this. It frames rows exactly as :mod:`converters.rows` frames a record, but never decodes or
judges them; a bad row is handed on as it is.
"""

from __future__ import annotations

import io
import os
import stat
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import NamedTuple, cast

from converters.cells import Refusal
from converters.csv_blocks import READ_BYTES, Block, BlockReader, CsvFileError
from converters.framing import cells_of

__all__ = ["Block", "CsvFile", "CsvFileError", "FileRow", "open_csv"]


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

    def __init__(self, file: io.BufferedIOBase, name: str) -> None:
        self._file = file
        self.name = name
        self.rows_read = 0
        self._reader = BlockReader(file, name)
        self._blocks = self._reader.blocks()
        self.header = self._read_header()

    @property
    def size(self) -> int | None:
        """The file's size in bytes; None for a stream, whose end is not known."""
        try:
            status = os.fstat(self._file.fileno())
        except io.UnsupportedOperation:
            return None
        return status.st_size if stat.S_ISREG(status.st_mode) else None

    def tell(self) -> int:
        """How many bytes have been read, for showing progress."""
        return self._reader.bytes_read

    def rows(self) -> Iterator[FileRow]:
        """The rows after the header, in order.

        Raises:
            CsvFileError: a quote is still open after 64 KiB or at the end of the file, or a line
                is longer than 8 MiB; says where and how many rows were read before.
        """
        for lines, rows in self._blocks:
            for row in map(FileRow, lines, rows):
                self.rows_read += 1
                yield row

    def blocks(self) -> Iterator[Block]:
        """The same rows in the blocks in which they are read, for who takes many at once."""
        for block in self._blocks:
            self.rows_read += len(block.rows)
            yield block

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
        lines, rows = next(self._blocks, Block((), (b"",)))
        rest = [Block(lines[1:], rows[1:])] if rows[1:] else []
        self._blocks = chain(rest, self._blocks)
        header = cells_of(rows[0])
        if isinstance(header, Refusal) or not header:
            raise CsvFileError(
                f"{self.name} has no header: its first line must name the columns in UTF-8."
            )
        twice = sorted({c for c in header if header.count(c) > 1})
        if twice:
            raise CsvFileError(f"{self.name} names the column '{twice[0]}' twice in its header.")
        return header


@contextmanager
def open_csv(path: str) -> Iterator[CsvFile]:
    """Open a CSV file, or standard input for ``-``.

    Raises:
        CsvFileError: the file cannot be opened or has no header.
    """
    if path == "-":
        yield CsvFile(cast("io.BufferedReader", sys.stdin.buffer), "standard input")
        return
    try:
        # Closed below; here only its errors matter.
        file = Path(path).open("rb", READ_BYTES)  # noqa: SIM115
    except OSError as error:
        raise CsvFileError(f"{path} cannot be opened: {error.strerror or error}.") from None
    with file:
        yield CsvFile(cast("io.BufferedReader", file), path)
