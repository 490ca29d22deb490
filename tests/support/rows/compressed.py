"""Compressed files to read, for tests: gzip and zstd, and the rows that are in them."""

from __future__ import annotations

import gzip
import io
from collections.abc import Callable

import pytest

from converters.files.compressed import zstd
from converters.files.csv_file import CsvFile

ROWS = b"a,b\n" + b"".join(b'%d,"x\ny"\n' % i for i in range(20_000))
Pack = Callable[[bytes], bytes]


def pack_zstd(content: bytes) -> bytes:
    """The content as one zstd frame."""
    with io.BytesIO() as packed:
        with zstd.ZstdFile(packed, "w") as file:
            file.write(content)
        return packed.getvalue()


SKIPPED = b"\x5e\x2a\x4d\x18\x04\x00\x00\x00skip"
PACKS: dict[str, Pack] = {"gzip": gzip.compress, "zstd": pack_zstd}
packs = pytest.mark.parametrize("pack", PACKS.values(), ids=PACKS)


def read(packed: bytes) -> list[bytes]:
    """The rows of a compressed file."""
    return [row.content for row in CsvFile(io.BytesIO(packed), "f.csv").rows()]


PLAIN = read(ROWS)
