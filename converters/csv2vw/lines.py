"""The bytes of a file -> blocks of whole lines as csv2vw sees them, in bounded memory.

Below :mod:`converters.csv2vw.convert`. csv2vw reads text as Python does: a line ends at a line
feed, and at a carriage return too, which only the lenient form follows.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from converters.files.blocks import LONGEST_ROW, CsvFileError, Readable
from converters.files.csv_file import STANDARD_INPUT, opened

# Much larger blocks leave the processor's cache.
BLOCK_BYTES = 64 * 1024


class Sized(Readable, Protocol):
    """An open file that knows how far it has been read."""

    @property
    def size(self) -> int | None:
        """Its size in bytes, if that is known."""
        ...

    def tell(self) -> int:
        """How many of them have been read."""
        ...


class Lines:
    """An open file, in blocks of whole lines that end in LF.

    Attributes:
        name: how messages call it.
        size: the file's size in bytes, if that is known.
        tell: how many of them have been read, for showing progress.
    """

    def __init__(self, file: Sized, name: str, *, lenient: bool) -> None:
        self.name = name
        self.size = file.size
        self.tell = file.tell
        self._file = file
        self._lenient = lenient
        self._begun = b""
        self._ended = False
        self._first = self._next()

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
        content, end = bytearray(self._begun), 0
        while not end and not self._ended:
            before = len(content)
            content += self._some()
            end = self._whole(content, before)
            if len(content) - end > LONGEST_ROW:
                raise CsvFileError(
                    f"{self.name} has a line of more than 8 MiB; this is not CSV with line feeds."
                )
        if self._ended:
            end = len(content)
        self._begun = bytes(content[end:])
        del content[end:]
        return self._as_read(bytes(content))

    def _whole(self, content: bytearray, before: int) -> int:
        """Where the last whole line ends, of which something came after so many bytes."""
        end = content.rfind(b"\n", before) + 1
        if end or not self._lenient:
            return end
        # Not one at the very end: the line feed that belongs to it may be still to come.
        return content.rfind(b"\r", max(before - 1, 0), len(content) - 1) + 1

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
        return more


@contextmanager
def open_lines(path: str, *, lenient: bool) -> Iterator[Lines]:
    """Open a file, or standard input for ``-``; either may be compressed by gzip or zstd.

    Raises:
        CsvFileError: the file cannot be opened.
    """
    with opened(path) as source:
        name = "standard input" if path == STANDARD_INPUT else path
        yield Lines(source, name, lenient=lenient)
