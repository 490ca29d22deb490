"""The bytes of a file -> blocks of whole lines as csv2vw sees them, in bounded memory.

Below :mod:`converters.csv2vw`. csv2vw reads text as Python does: a line ends at a line feed, and
at a carriage return too, which only the lenient form follows.
"""

from __future__ import annotations

import io
import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

from converters.csv_blocks import LONGEST_LINE, CsvFileError, Readable

# Much larger blocks leave the processor's cache.
BLOCK_BYTES = 64 * 1024


class Lines:
    """An open file, in blocks of whole lines that end in LF.

    Attributes:
        name: how messages call it.
    """

    def __init__(self, file: Readable, name: str, *, lenient: bool, size: int | None) -> None:
        self.name = name
        self.size = size
        self._file = file
        self._lenient = lenient
        self._begun = b""
        self._ended = False
        self._read = 0
        self._first = self._next()

    def tell(self) -> int:
        """How many bytes have been read, for showing progress."""
        return self._read

    def first(self) -> bytes | None:
        """The first line, without its ending; None in an empty file."""
        return self._first.partition(b"\n")[0] if self._first else None

    def blocks(self, *, skip_first: bool) -> Iterator[bytes]:
        """The lines in order; the last may lack its ending."""
        block = self._first
        if skip_first:
            block = block.partition(b"\n")[2] or self._next()
        while block:
            yield block
            block = self._next()

    def _next(self) -> bytes:
        content, end = self._begun, 0
        while not end and not self._ended:
            more = self._some()
            content += more
            end = self._whole(content)
            if len(content) - end > LONGEST_LINE:
                raise CsvFileError(
                    f"{self.name} has a line of more than 8 MiB; this is not CSV with line feeds."
                )
        if self._ended:
            end = len(content)
        self._begun = content[end:]
        return self._as_read(content[:end])

    def _whole(self, content: bytes) -> int:
        end = content.rfind(b"\n") + 1
        if end or not self._lenient:
            return end
        # Not one at the very end: the line feed that belongs to it may be still to come.
        return content.rfind(b"\r", 0, len(content) - 1) + 1

    def _as_read(self, content: bytes) -> bytes:
        if b"\r" not in content:
            return content
        content = content.replace(b"\r\n", b"\n")
        if self._ended and content.endswith(b"\r"):
            content = content[:-1] + b"\n"
        return content.replace(b"\r", b"\n") if self._lenient else content

    def _some(self) -> bytes:
        """A block's worth of bytes, or what is there; nothing only at the end."""
        try:
            more = self._file.read1(BLOCK_BYTES)
        except OSError as error:
            raise CsvFileError(f"{self.name} cannot be read: {error.strerror or error}.") from None
        self._ended = not more
        self._read += len(more)
        return more


@contextmanager
def open_lines(path: str, *, lenient: bool) -> Iterator[Lines]:
    """Open a file, or standard input for ``-``.

    Raises:
        CsvFileError: the file cannot be opened.
    """
    if path == "-":
        source = cast("io.BufferedReader", sys.stdin.buffer)
        yield Lines(source, "standard input", lenient=lenient, size=None)
        return
    try:
        # Closed below; here only its errors matter.
        file = Path(path).open("rb", BLOCK_BYTES)  # noqa: SIM115
    except OSError as error:
        raise CsvFileError(f"{path} cannot be opened: {error.strerror or error}.") from None
    with file:
        status = os.fstat(file.fileno())
        size = status.st_size if stat.S_ISREG(status.st_mode) else None
        yield Lines(cast("io.BufferedReader", file), path, lenient=lenient, size=size)
