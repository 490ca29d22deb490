"""A file's content while it is read, decompressed if it is gzip or zstd, in bounded memory.

The first bytes tell how a file is compressed, never its name. Several members or frames that
follow each other are one content, as ``cat`` makes them. What is written is compressed as its name
says. zstd is the standard library's from Python 3.14 on, and before that its backport.
"""

from __future__ import annotations

import gzip
import io
import os
import stat
import sys
import zipfile
import zlib
from typing import BinaryIO, Protocol, cast

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

__all__ = ["zstd"]

# With what a Parquet file begins and ends; it is read from both ends.
PARQUET = b"PAR1"
READ_BYTES = 64 * 1024

# The first bytes of compressed files. zstd's parallel tools begin with a frame that is skipped.
_FORMATS = {
    b"\x1f\x8b": "gzip",
    b"\x28\xb5\x2f\xfd": "zstd",
    **{bytes([first]) + b"\x2a\x4d\x18": "zstd" for first in range(0x50, 0x60)},
    b"BZh91AY&SY": "bzip2",
    b"\xfd7zXZ\0": "xz",
    b"PK\x03\x04": "ZIP",
    PARQUET: "Parquet",
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1": "an Excel workbook",
    b"ARROW1\0\0": "a file of Arrow's (Feather)",
    b"SQLite format 3\0": "a database of SQLite's",
}
# What is in a ZIP that is a workbook.
_WORKBOOKS = {
    "[Content_Types].xml": "an Excel workbook",
    "content.xml": "an OpenDocument spreadsheet",
}


class Readable(Protocol):
    """What is needed of an open file."""

    def read1(self, size: int, /) -> bytes:
        """What is there already, at most so much; nothing only at the end of the file."""
        ...


class CompressedError(OSError):
    """A file cannot be decompressed."""


class Source:
    """An open file, decompressed.

    Args:
        file: open for reading bytes.
    """

    def __init__(self, file: io.BufferedIOBase) -> None:
        self._file = file
        self._taken = 0
        self._ended = False
        self._held = b""  # taken from the file, not given yet
        self._format: str | None = None  # empty for a plain file, None before it is known
        self._part: _GzipMember | zstd.ZstdDecompressor | None = None

    @property
    def size(self) -> int | None:
        """The file's size in bytes, compressed; None for a stream, whose end is not known."""
        try:
            status = os.fstat(self._file.fileno())
        except io.UnsupportedOperation:
            return None
        return status.st_size if stat.S_ISREG(status.st_mode) else None

    def tell(self) -> int:
        """How many bytes of the file have been read, compressed; for showing progress."""
        return self._taken

    def read1(self, size: int, /) -> bytes:
        """Some of the content, at most so much; nothing only at its end.

        Raises:
            OSError: the file cannot be read or decompressed.
        """
        if self._format is None:
            self._format = self._recognized()
        if self._format:
            return self._decompressed(size)
        if self._held:
            content, self._held = self._held[:size], self._held[size:]
            return content
        return self._more(size)

    def _recognized(self) -> str:
        """The format that the first bytes tell; of a pipe, no more is taken than needed."""
        while any(len(m) > len(self._held) and m.startswith(self._held) for m in _FORMATS):
            more = self._more(READ_BYTES)
            if not more:
                return ""
            self._held += more
        found = next((name for m, name in _FORMATS.items() if self._held.startswith(m)), "")
        if found == "Parquet":
            raise CompressedError(
                "it is a Parquet file, which is read by its name, and neither through a pipe nor "
                "by --csv2vw"
            )
        kind = self._zipped() if found == "ZIP" else found
        if kind.startswith(("a ", "an ")):
            raise CompressedError(f"it is {kind}; save its table as CSV or Parquet, and take that")
        if found not in ("", "gzip", "zstd"):
            raise CompressedError(
                f"it is compressed as {found}; decompress it, or compress it with gzip or zstd"
            )
        return found

    def _zipped(self) -> str:
        """What a ZIP is, by the files in it; of a pipe, by those that come first."""
        try:
            names = zipfile.ZipFile(self._file).namelist() if self._file.seekable() else []
        except (OSError, zipfile.BadZipFile):  # cut short
            names = []
        for name, kind in _WORKBOOKS.items():
            if name in names or (not names and name.encode() in self._held):
                return kind
        return "ZIP"

    def _more(self, size: int) -> bytes:
        more = self._file.read1(size)
        self._taken += len(more)
        self._ended = not more
        return more

    def _decompressed(self, size: int) -> bytes:
        while part := self._part or self._next_part():
            if part.needs_input and not self._held and not self._ended:
                self._held = self._more(READ_BYTES)
            held, self._held = self._held, b""
            try:
                content = part.decompress(held, size)
            except (zlib.error, zstd.ZstdError) as error:
                # A checksum follows the content that it is about.
                raise CompressedError(
                    f"its {self._format} data is damaged ({error}), and what came before may be "
                    "wrong as well"
                ) from None
            if part.eof:
                self._held, self._part = part.unused_data, None
            elif not content and self._ended:
                raise CompressedError(f"its {self._format} data breaks off; the file is cut short")
            if content:
                return content
        return b""

    def _next_part(self) -> _GzipMember | zstd.ZstdDecompressor | None:
        """The next member or frame, if there is one; zeros may fill up the file's end."""
        while not (rest := self._held.lstrip(b"\0")):
            if self._ended:
                return None
            self._held = self._more(READ_BYTES)
        # zstd takes windows of 128 MiB at most, as its command does by default.
        self._held, self._part = (
            rest,
            _GzipMember() if self._format == "gzip" else zstd.ZstdDecompressor(),
        )
        return self._part


class _GzipMember:
    """zlib's decompressor with zstd's interface, which needs no care for input left over."""

    def __init__(self) -> None:
        self._member = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)

    @property
    def eof(self) -> bool:
        return self._member.eof

    @property
    def needs_input(self) -> bool:
        return not self._member.unconsumed_tail

    @property
    def unused_data(self) -> bytes:
        return self._member.unused_data

    def decompress(self, data: bytes, max_length: int) -> bytes:
        return self._member.decompress(self._member.unconsumed_tail + data, max_length)


def compressing(file: BinaryIO, name: str) -> BinaryIO:
    """What compresses into an open file whose name ends in ``.gz`` or ``.zst``; else the file.

    It is to be closed before the file is. The same content gives the same bytes.
    """
    if name.endswith(".gz"):
        zipped = gzip.GzipFile(filename="", mode="wb", compresslevel=6, fileobj=file, mtime=0)
        return cast("BinaryIO", zipped)
    if name.endswith(".zst"):
        options: dict[int, int] = {zstd.CompressionParameter.checksum_flag: 1}
        return cast("BinaryIO", zstd.ZstdFile(file, "w", options=options))
    return file
