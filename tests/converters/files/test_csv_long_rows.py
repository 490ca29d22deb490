"""Rows of many lines that are longer than what is read at a time."""

from __future__ import annotations

import io
from collections.abc import Iterator

import pytest

from converters.files.block_reader import LONGEST_ROW, BlockReader
from converters.files.csv_file import CsvFile, CsvFileError
from converters.files.framing import Dialect

MANY_LINES = b'"' + b"x\n" * 30_000 + b'",'  # a field that may be as long


def test_row_of_many_lines_that_is_no_csv() -> None:
    """A row of more than 8 MiB stops the reading too where each of its fields is short."""
    rows = b"2" + b",2\n" + MANY_LINES * (LONGEST_ROW // len(MANY_LINES) + 2) + b"\n3,3\n"
    with pytest.raises(CsvFileError, match=r"line 3: .*has more than 8 MiB; .*CSV\. 1 rows"):
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
