"""The bytes of a file or of standard input, unpacked while they are read.

Below :mod:`converters.files.csv_file`. What is packed is told by its first bytes, never by a name.
gzip
and zstd are unpacked in pieces, so that a small file that unpacks to a huge one takes no memory;
several members or frames that follow each other are one content, as ``cat`` makes them. What is
written is packed by its name (:mod:`converters.files.output`).
"""

from __future__ import annotations

import gzip
import io
import os
import stat
import zlib
from collections.abc import Callable
from typing import BinaryIO, Protocol, cast

# With what a Parquet file begins and ends; it is read from both ends.
PARQUET = b"PAR1"
READ_BYTES = 64 * 1024


class Readable(Protocol):
    """What is needed of an open file."""

    def read1(self, size: int, /) -> bytes:
        """What is there already, at most so much; nothing only at the end of the file."""
        ...


class PackedError(OSError):
    """What a file was packed into cannot be unpacked."""


class _Part(Protocol):
    """A gzip member or a zstd frame, unpacked piece by piece."""

    name: str

    @property
    def eof(self) -> bool: ...

    @property
    def needs_input(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...

    def unpack(self, packed: bytes, most: int) -> bytes: ...


class Source:
    """An open file, unpacked.

    Args:
        file: open for reading bytes.
    """

    def __init__(self, file: io.BufferedIOBase) -> None:
        self._file = file
        self._taken = 0
        self._ended = False
        self._packed = b""  # taken from the file, not handed on yet
        self._begin: Callable[[], _Part] | None = None
        self._part: _Part | None = None
        self._looked = False

    @property
    def size(self) -> int | None:
        """The file's size in bytes, packed; None for a stream, whose end is not known."""
        try:
            status = os.fstat(self._file.fileno())
        except io.UnsupportedOperation:
            return None
        return status.st_size if stat.S_ISREG(status.st_mode) else None

    def tell(self) -> int:
        """How many bytes of the file have been read, packed; for showing progress."""
        return self._taken

    def read1(self, size: int, /) -> bytes:
        """Some of the content, at most so much; nothing only at its end.

        Raises:
            OSError: the file cannot be read, or not be unpacked.
        """
        if not self._looked:
            self._look()
        if self._begin is not None:
            return self._unpacked(size)
        if self._packed:
            content, self._packed = self._packed[:size], self._packed[size:]
            return content
        return self._more(size)

    def _look(self) -> None:
        """Tell from the first bytes how the file is packed; of a pipe, take no more than needed."""
        self._looked = True
        known = (*_PACKED, PARQUET)
        while any(len(m) > len(self._packed) and m.startswith(self._packed) for m in known):
            more = self._more(READ_BYTES)
            if not more:
                return
            self._packed += more
        if self._packed.startswith(PARQUET):
            raise PackedError(
                "it is a Parquet file, which is read by its name, and neither through a pipe nor "
                "by --csv2vw"
            )
        self._begin = next((b for m, b in _PACKED.items() if self._packed.startswith(m)), None)

    def _more(self, size: int) -> bytes:
        more = self._file.read1(size)
        self._taken += len(more)
        self._ended = not more
        return more

    def _unpacked(self, size: int) -> bytes:
        while True:
            if self._part is None and not self._next_part():
                return b""
            assert self._part is not None
            if self._part.needs_input and not self._packed and not self._ended:
                self._packed = self._more(READ_BYTES)
            packed, self._packed = self._packed, b""
            content = self._part.unpack(packed, size)
            if self._part.eof:
                self._packed, self._part = self._part.unused_data, None
            elif not content and self._ended:
                raise PackedError(f"its {self._part.name} data breaks off; the file is cut short")
            if content:
                return content

    def _next_part(self) -> bool:
        """Whether another member or frame begins; zeros may fill up what is behind the last."""
        while not (rest := self._packed.lstrip(b"\0")):
            self._packed = b"" if self._ended else self._more(READ_BYTES)
            if self._ended:
                return False
        assert self._begin is not None
        self._packed, self._part = rest, self._begin()
        return True


class _GzipMember:
    name = "gzip"

    def __init__(self) -> None:
        self._unpacker = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)

    @property
    def eof(self) -> bool:
        return self._unpacker.eof

    @property
    def needs_input(self) -> bool:
        return not self._unpacker.unconsumed_tail

    @property
    def unused_data(self) -> bytes:
        return self._unpacker.unused_data

    def unpack(self, packed: bytes, most: int) -> bytes:
        try:
            return self._unpacker.decompress(self._unpacker.unconsumed_tail + packed, most)
        except zlib.error as error:
            raise _damaged(self.name, error) from None


class _ZstdFrame:
    name = "zstd"

    def __init__(self) -> None:
        from converters.files import zstd

        self._error = zstd.ZstdError
        # Takes windows of 128 MiB at most, as the command zstd does unless told otherwise.
        self._unpacker = zstd.ZstdDecompressor()

    @property
    def eof(self) -> bool:
        return self._unpacker.eof

    @property
    def needs_input(self) -> bool:
        return self._unpacker.needs_input

    @property
    def unused_data(self) -> bytes:
        return self._unpacker.unused_data

    def unpack(self, packed: bytes, most: int) -> bytes:
        try:
            return self._unpacker.decompress(packed, most)
        except self._error as error:
            raise _damaged(self.name, error) from None


def packing(file: BinaryIO, name: str) -> BinaryIO:
    """What packs into an open file whose name ends in ``.gz`` or ``.zst``; another file itself.

    It is to be closed before the file is. The same content gives the same bytes.
    """
    if name.endswith(".gz"):
        packed = gzip.GzipFile(filename="", mode="wb", compresslevel=6, fileobj=file, mtime=0)
        return cast("BinaryIO", packed)
    if name.endswith(".zst"):
        from converters.files import zstd

        options: dict[int, int] = {zstd.CompressionParameter.checksum_flag: 1}
        return cast("BinaryIO", zstd.ZstdFile(file, "w", options=options))
    return file


def _damaged(name: str, error: Exception) -> PackedError:
    # A checksum stands at the end of what it is about.
    return PackedError(
        f"its {name} data is damaged ({error}), and what came before may be wrong as well"
    )


def _refused(name: str) -> Callable[[], _Part]:
    def begin() -> _Part:
        raise PackedError(f"it is packed as {name}; unpack it, or pack it with gzip or zstd")

    return begin


# The first bytes of packed files. zstd's parallel tools begin with a frame that is skipped.
_PACKED: dict[bytes, Callable[[], _Part]] = {
    b"\x1f\x8b": _GzipMember,
    b"\x28\xb5\x2f\xfd": _ZstdFrame,
    **{bytes([first]) + b"\x2a\x4d\x18": _ZstdFrame for first in range(0x50, 0x60)},
    b"BZh91AY&SY": _refused("bzip2"),
    b"\xfd7zXZ\0": _refused("xz"),
    b"PK\x03\x04": _refused("ZIP"),
}
