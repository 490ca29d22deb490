"""Compressed files: recognized by their bytes, and decompressed in bounded memory."""

from __future__ import annotations

import gzip
import io
import os
import threading
import tracemalloc
import zlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from converters.files.compressed import Source
from converters.files.csv_file import CsvFile, open_csv, opened
from converters.files.output import writing
from converters.sampling import file_sample
from tests.support.rows.compressed import PACKS, PLAIN, ROWS, SKIPPED, Pack, pack_zstd, packs, read
from tests.support.streams.stepping import Stepping


@packs
def test_a_packed_file_is_its_content(pack: Pack) -> None:
    """Rows come out as they went in."""
    assert read(pack(ROWS)) == PLAIN


@packs
def test_members_follow_each_other(pack: Pack) -> None:
    """Files that were packed by themselves and then joined are one file, wherever they join."""
    half = len(ROWS) // 2 + 1
    packed = pack(ROWS[:half]) + pack(b"") + pack(ROWS[half:])
    assert read(packed) == PLAIN


def test_frames_that_are_skipped() -> None:
    """What parallel tools put between zstd frames is no content, and may begin the file."""
    assert read(SKIPPED + pack_zstd(ROWS) + SKIPPED) == PLAIN


@packs
def test_zeros_may_fill_up_the_end(pack: Pack) -> None:
    """As tapes and disks leave them."""
    assert read(pack(ROWS) + bytes(100_000)) == PLAIN


@given(st.binary(max_size=300), st.sampled_from(sorted(PACKS)), st.integers(1, 50))
@settings(deadline=None)
def test_any_content_in_any_steps(content: bytes, pack: str, step: int) -> None:
    """However a packed file arrives and is asked for, its content is what was packed."""
    source = Source(Stepping(PACKS[pack](content), step))
    found = b""
    while more := source.read1(step):
        assert len(more) <= step
        found += more
    assert found == content
    assert source.read1(step) == b""


@pytest.mark.parametrize("content", [b"(,b\n1,2\n", b"P\n1\n", b"PK,b\n", b"B\n", b"\x1f,b\n"])
def test_what_looks_packed_at_first_is_plain(content: bytes) -> None:
    """A plain file may begin like a packed one; nothing of it is lost."""
    source = Source(Stepping(content, 1))
    assert b"".join(iter(lambda: source.read1(3), b"")) == content


def bomb_of(pack: str, size: int) -> bytes:
    """Mebibytes of rows, made of a few kilobytes."""
    piece = bomb_rows()
    if pack == "gzip":
        packer = zlib.compressobj(9, wbits=31)
        return b"".join(packer.compress(piece) for _ in range(size)) + packer.flush()
    return pack_zstd(piece * size)


@pytest.mark.parametrize("pack", PACKS)
def test_a_bomb_takes_no_memory(pack: str) -> None:
    """A small file that unpacks to a huge one is read in pieces."""
    packed = bomb_of(pack, 8)
    assert len(packed) * 400 < 32 * 2**20
    tracemalloc.start()
    file = CsvFile(io.BytesIO(packed), "f.csv")
    rows = sum(len(block.rows) for block in file.blocks())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert rows == 8 * 2**12 - 1
    assert peak < 8 * 2**20


def test_a_sample_ends_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is read for a sample is bounded by what is unpacked, not by the packed file's size."""
    monkeypatch.setattr(file_sample, "LARGEST_READ", 2**20)
    drawn = file_sample.read_sample(CsvFile(io.BytesIO(b"a,b\n" + bomb_rows()), "f.csv"), 10)
    packed = gzip.compress(b"a,b\n" + bomb_rows())
    assert (
        file_sample.read_sample(CsvFile(io.BytesIO(packed), "f.csv"), 10).described
        == drawn.described
    )
    assert not drawn.whole


def bomb_rows() -> bytes:
    """Some mebibytes of rows."""
    return (b"1," + b"2" * 1021 + b"\n") * 2**12


def test_progress_is_that_of_the_packed_file(tmp_path: Path) -> None:
    """Size and place are the file's own, so that a share of it can be shown."""
    path = tmp_path / "f.csv"
    path.write_bytes(gzip.compress(os.urandom(150_000).hex().encode().join([b"a\n", b"\n"])))
    size = path.stat().st_size
    with open_csv(str(path)) as file:
        assert file.size == size
        assert file.tell() < size
        assert len(list(file.rows())) == 1
        assert file.tell() == size
        assert file.bytes_read > 300_000


@packs
def test_standard_input_may_be_packed(pack: Pack, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pipe is looked at as a file is."""
    reading, writing_end = os.pipe()
    with os.fdopen(reading, "rb") as pipe, os.fdopen(writing_end, "wb") as into:
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(pipe))

        def feed() -> None:
            into.write(pack(ROWS))
            into.close()

        feeder = threading.Thread(target=feed)
        feeder.start()
        with open_csv("-") as file:
            assert file.size is None
            assert [row.content for row in file.rows()] == PLAIN
        feeder.join()


def test_bytes_of_a_packed_file(tmp_path: Path) -> None:
    """What reads no CSV gets the unpacked bytes."""
    (tmp_path / "f").write_bytes(pack_zstd(ROWS))
    with opened(str(tmp_path / "f")) as source:
        assert b"".join(iter(lambda: source.read1(1_000), b"")) == ROWS


@pytest.mark.parametrize(("name", "unpack"), [("o.gz", gzip.decompress), ("o.zst", None)])
def test_a_name_says_how_to_pack(tmp_path: Path, name: str, unpack: Pack | None) -> None:
    """A result of such a name is packed, and the same content gives the same bytes."""
    contents = []
    for _ in range(2):
        with writing(str(tmp_path / name)) as out:
            out.write(ROWS)
        contents.append((tmp_path / name).read_bytes())
    assert contents[0] == contents[1]
    assert len(contents[0]) < len(ROWS) / 4
    if unpack is not None:
        assert unpack(contents[0]) == ROWS
    assert read(contents[0]) == PLAIN
