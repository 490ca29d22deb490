"""Rows that are longer than what is read at a time, up to the one bound that rows have."""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Iterator
from itertools import accumulate
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from converters.files import block_reader
from converters.files.block_reader import LONGEST_ROW, BlockReader
from converters.files.csv_file import CsvFile, CsvFileError
from converters.files.framing import Dialect

MANY_LINES = b'"' + b"x\n" * 30_000 + b'",'
HEAD = b"a,b\n1,2\n"


@pytest.mark.parametrize("field", [b"x" * 70_000, b"x\r\n" * 20_000, b"x" * 2**20])
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_long_quoted_field(field: bytes, pack: Any) -> None:
    """A quoted field that closes is read whatever it holds, and the next row has its line."""
    file = CsvFile(io.BytesIO(pack(HEAD + b'3,"' + field + b'"\n4,5\n')), "f.csv")
    last = (4 + field.count(b"\n"), b"4,5")
    assert list(file.rows()) == [(2, b"1,2"), (3, b'3,"' + field + b'"'), last]


def test_longest_row() -> None:
    """A row of 8 MiB is read, quoted or not and with either line ending; a byte more is not."""
    for filled in (b"x" * (LONGEST_ROW - 2), b'"' + b"x\n" * (LONGEST_ROW // 2 - 3) + b'xx"'):
        row = b"1," + filled
        assert len(row) == LONGEST_ROW
        for ending in (b"\n", b"\r\n", b""):
            assert next(CsvFile(io.BytesIO(b"a,b\n" + row + ending), "f.csv").rows())[1] == row
        with pytest.raises(CsvFileError, match=r"line 2: .* more than 8 MiB.* 0 rows"):
            list(CsvFile(io.BytesIO(b"a,b\n1" + row + b"\n"), "f.csv").rows())


@pytest.mark.parametrize("line", [b"6,7\n", b"6,7"])
def test_quote_open_at_the_bound(line: bytes) -> None:
    """An open quote stops the reading at the row's bound: where it opened, and for how long."""
    content = HEAD + b'"3\n",4,"x\n' + line * (LONGEST_ROW // 2)
    said = (
        r"line 3: the row .*8 MiB, .* A quote opens in line 4 and is still open 8,\d{3},\d{3} bytes"
    )
    with pytest.raises(CsvFileError, match=rf"{said} later\. Close it.* 1 rows were read"):
        list(CsvFile(io.BytesIO(content), "f.csv").rows())


def test_quote_open_at_the_end_of_many_lines() -> None:
    """The line is that of the quote, not that of its row, and its length is told."""
    file = CsvFile(io.BytesIO(HEAD + b'"3\n","x\n' + b"6,7\n" * 50_000), "f.csv")
    with pytest.raises(CsvFileError, match=r"line 4: .*open 200,003 bytes later, at the end.* 1 r"):
        list(file.rows())


class Pieces(io.BytesIO):
    """A file that gives pieces of these lengths in turn, as a pipe does."""

    def __init__(self, content: bytes, lengths: list[int]) -> None:
        super().__init__(content)
        self._lengths = lengths

    def read1(self, size: int | None = -1, /) -> bytes:
        """The next piece."""
        self._lengths = [*self._lengths[1:], self._lengths[0]]
        return super().read1(min(size or 0, self._lengths[0]))


cells = st.builds(
    lambda text, times: text * times,
    st.sampled_from(['"', "\n", "x", ",", 'a"b', "\r\n", "y\n,"]),
    st.integers(0, 40),
)
tables = st.lists(st.lists(cells, min_size=2, max_size=2), min_size=1, max_size=8)


@given(tables, st.booleans(), st.lists(st.integers(1, 90), min_size=1, max_size=4))
@settings(deadline=None, max_examples=300)
def test_rows_around_the_bounds_equal_those_of_csv(
    table: list[list[str]], crlf: bool, lengths: list[int]
) -> None:
    """Rows longer and shorter than a read and the bound: as csv reads them, up to the bound."""
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator="\r\n" if crlf else "\n").writerows([["a", "b"], *table])
    content = out.getvalue().encode()
    rows = list(csv.reader(io.StringIO(out.getvalue(), newline="")))[1:]
    lines = accumulate((dialect_text(row).count("\n") + 1 for row in rows), initial=2)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(block_reader, "READ_BYTES", 16)
        patch.setattr(block_reader, "LONGEST_ROW", 60)
        file = CsvFile(Pieces(content, lengths), "f.csv")
        read: list[tuple[int, Any]] = []
        try:
            read.extend((line, file.dialect.cells_of(row)) for line, row in file.rows())
        except CsvFileError as error:
            assert f" {len(read):,} rows were read" in str(error)  # noqa: PT017  # as many as came
    longest = [len(dialect_text(row).encode()) > 60 for row in rows]
    fitting = longest.index(True) if True in longest else len(rows)
    assert read == list(zip(lines, rows, strict=False))[:fitting]


def test_longest_row_whose_ending_comes_in_two_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """A carriage return of a line ending is no part of the row, before its line feed comes too."""
    monkeypatch.setattr(block_reader, "LONGEST_ROW", 60)
    row = b"x" * 60
    file = CsvFile(Pieces(b"a\n" + row + b"\r\n", [2, 61]), "f.csv")
    assert [each.content for each in file.rows()] == [row]


def dialect_text(row: list[str]) -> str:
    """A row as csv writes it, without its ending."""
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator="\n").writerow(row)
    return out.getvalue()[:-1]


def test_row_of_many_lines_that_is_no_csv() -> None:
    """A row of more than 8 MiB stops the reading too where each of its fields is short."""
    rows = b"2" + b",2\n" + MANY_LINES * (LONGEST_ROW // len(MANY_LINES) + 2) + b"\n3,3\n"
    with pytest.raises(CsvFileError, match=r"line 3: .*has more than 8 MiB, .*have\. 1 rows"):
        list(CsvFile(io.BytesIO(b"a,b\n" + rows), "f.csv").rows())


class Counting(Dialect):
    """Counts the bytes that it frames."""

    framed = 0

    def frame(self, value: bytes) -> Iterator[tuple[bytes, bool]]:
        """As ever."""
        self.framed += len(value)
        return super().frame(value)


def test_long_row_is_framed_in_linear_time() -> None:
    """A row of many reads is not framed anew with each of them; all after it is read as well."""
    row, dialect = MANY_LINES * 60, Counting(",")
    content = row + b'\n"y"\n' + row + b"\n" + b'"z"\n' * 9
    blocks = list(BlockReader(io.BytesIO(content), "f.csv", dialect).blocks())
    assert [one for block in blocks for one in block.rows] == [row, b'"y"', row, *[b'"z"'] * 9]
    assert dialect.framed < 4 * len(content)
