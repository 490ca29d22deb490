"""Packed files that are cut short, damaged or packed otherwise: rows up to there, and why."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma

import pytest

from converters.files.csv_file import CsvFile, CsvFileError
from tests.support.rows.compressed import PLAIN, ROWS, Pack, packs, read


def broken(packed: bytes) -> tuple[list[bytes], str]:
    """The rows that a broken file gives, and what is said then."""
    rows: list[bytes] = []
    with pytest.raises(CsvFileError) as error:
        rows.extend(row.content for row in CsvFile(io.BytesIO(packed), "f.csv").rows())
    assert f" {len(rows):,} rows were read before it" in str(error.value)
    return rows, str(error.value)


@packs
def test_a_file_that_breaks_off(pack: Pack) -> None:
    """The rows before the break are there; the message says how many, and what happened."""
    packed = pack(ROWS)
    rows, said = broken(packed[: len(packed) * 3 // 4])
    assert len(rows) > 1_000
    assert rows == PLAIN[: len(rows)]
    assert "data breaks off; the file is cut short" in said


@packs
def test_a_file_without_its_last_byte(pack: Pack) -> None:
    """Even where all rows are there, a file that lacks its end may not be what it was."""
    assert "breaks off" in broken(pack(ROWS)[:-1])[1]


@packs
def test_a_damaged_file(pack: Pack) -> None:
    """Bytes that have changed stop the reading, and nobody is to trust what was read before."""
    packed = bytearray(pack(ROWS))
    for at in range(len(packed) // 2, len(packed) // 2 + 40):
        packed[at] ^= 0xFF
    _, said = broken(bytes(packed))
    assert "data is damaged" in said
    assert "what came before may be wrong" in said


def test_content_that_is_not_what_was_packed() -> None:
    """A checksum that does not fit is damage, though everything could be unpacked."""
    packed = bytearray(gzip.compress(ROWS))
    packed[-8] ^= 1
    assert "gzip data is damaged" in broken(bytes(packed))[1]


@packs
def test_garbage_behind_a_packed_file(pack: Pack) -> None:
    """What follows and is no member stops the reading behind the rows."""
    rows, said = broken(pack(ROWS) + b"garbage")
    assert rows == PLAIN
    assert "is damaged" in said


def test_a_window_too_large_to_take() -> None:
    """A frame that asks for gigabytes of memory is refused; such are made to harm."""
    header = b"\x28\xb5\x2f\xfd\x00" + bytes([21 << 3]) + b"\x01\x00\x00"
    with pytest.raises(CsvFileError, match=r"zstd data is damaged .*too much memory"):
        read(header)


PACKED_OTHERWISE = [("bzip2", bz2.compress(ROWS)), ("xz", lzma.compress(ROWS))]
PACKED_OTHERWISE += [("ZIP", b"PK\x03\x04" + ROWS)]


@pytest.mark.parametrize(("name", "packed"), PACKED_OTHERWISE)
def test_a_file_packed_otherwise(name: str, packed: bytes) -> None:
    """What is packed in a way that is not read is named, not taken for a strange CSV."""
    with pytest.raises(
        CsvFileError, match=f"compressed as {name}; decompress it, or compress it with gzip"
    ):
        read(packed)
