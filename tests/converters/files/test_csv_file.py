"""CSV files: rows with their lines, in bounded memory, and what stops the reading."""

from __future__ import annotations

import csv
import io
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from converters.files.block_reader import LONGEST_ROW
from converters.files.csv_file import CsvFile, CsvFileError, open_csv
from converters.schema.column_names import ColumnNames
from tests.support.rows import schemas
from tests.support.rows.rows_to_read import COMMA


def opened(content: bytes) -> CsvFile:
    """A file of this content, called ``f.csv``."""
    return CsvFile(io.BytesIO(content), "f.csv")


def rows_of(content: bytes) -> list[tuple[int, bytes]]:
    """The line and the content of each row after the header."""
    return [(row.line, row.content) for row in opened(content).rows()]


def test_rows_with_their_lines() -> None:
    """Rows come as bytes, without their ending, with the line on which they begin."""
    content = b'a,b\n1,2\r\n"x\ny",3\n\n4,\xff'
    assert rows_of(content) == [(2, b"1,2"), (3, b'"x\ny",3'), (5, b""), (6, b"4,\xff")]


@pytest.mark.parametrize("ending", [b"\n", b"\r\n"])
def test_line_endings(ending: bytes) -> None:
    """Files with LF and with CRLF are read alike, with or without an ending on the last line."""
    lines = ending.join([b"a,b", b"1,2", b'"3","4"'])
    assert rows_of(lines) == rows_of(lines + ending) == [(2, b"1,2"), (3, b'"3","4"')]
    assert opened(lines).header == ["a", "b"]


def test_rows_are_counted() -> None:
    """The file knows how many of its rows were read."""
    file = opened(b"a\n1\n2\n3\n")
    rows = file.rows()
    assert file.rows_read == 0
    next(rows)
    next(rows)
    assert file.rows_read == 2


@given(st.lists(st.lists(schemas.texts, min_size=2, max_size=2), max_size=4), st.booleans())
@settings(deadline=None)
def test_reads_what_csv_writes(table: list[list[str]], crlf: bool) -> None:
    """Whatever csv.writer puts into a file comes out of it."""
    written = io.StringIO(newline="")
    writer = csv.writer(written, lineterminator="\r\n" if crlf else "\n", quoting=csv.QUOTE_ALL)
    writer.writerows([["a", "b"], *table])
    content = written.getvalue().encode()
    rows = rows_of(content)
    assert [COMMA.cells_of(row) for _, row in rows] == table
    lines = content.split(b"\n")
    assert all(row.split(b"\n")[0].removesuffix(b"\r") in lines[at - 1] for at, row in rows)


def test_byte_order_mark_is_no_name() -> None:
    """A UTF-8 byte order mark before the header is not part of the first name."""
    assert opened(b"\xef\xbb\xbfa,b\n").header == ["a", "b"]
    assert opened(b'\xef\xbb\xbf"a","b,c"\n').header == ["a", "b,c"]


@pytest.mark.parametrize("content", [b"", b"\n1,2\n", b"\xff,b\n1,2\n", b"\xef\xbb\xbf"])
def test_no_header(content: bytes) -> None:
    """A file that begins with nothing readable says that it needs a header."""
    with pytest.raises(
        CsvFileError,
        match=r"f\.csv has no header: its first line",
    ):
        opened(content)


def test_name_twice_in_the_header() -> None:
    """A column may be named once."""
    with pytest.raises(CsvFileError, match=r"f\.csv names the column 'b' twice"):
        opened(b"a,b,c,b\n")


def test_quote_open_at_the_end() -> None:
    """A quote that never closes stops the reading; says where it opened and how many rows went."""
    file = opened(b'a,b\n1,2\n3,4\n5,"x\n6,7\n')
    rows = file.rows()
    assert [next(rows).content, next(rows).content] == [b"1,2", b"3,4"]
    with pytest.raises(CsvFileError, match=r"f\.csv, line 4: .*at the end of the file.* 2 rows"):
        next(rows)


def test_quote_open_in_the_header() -> None:
    """An open quote in the header is named like any other."""
    with pytest.raises(CsvFileError, match=r"line 1: a quote opens"):
        opened(b'a,"b\n1,2\n')


def test_line_that_is_no_csv() -> None:
    """A line of more than 8 MiB stops the reading before it fills the memory."""
    content = b"a\n1\n" + b"x" * (LONGEST_ROW + 2)
    with pytest.raises(CsvFileError, match=r"line 3: .*more than 8 MiB.* 1 rows"):
        list(opened(content).rows())


class Long(io.BytesIO):
    """A file of one row, again and again, which is made as it is read."""

    def __init__(self, row: bytes, rows: int) -> None:
        super().__init__()
        self._row, self._left = row, rows

    def read1(self, size: int | None = -1, /) -> bytes:
        """The next row."""
        self._left -= 1
        return self._row if self._left >= 0 else b""


def test_memory_stays_flat() -> None:
    """A file is read in blocks: what one holds is gone when the next is there."""
    file = CsvFile(Long(b"x" * 10_000 + b',"y"\n', 1_000), "f.csv")
    tracemalloc.start()
    assert sum(1 for _ in file.rows()) == 999
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 200_000


class Halting(io.BytesIO):
    """A file that gives a few bytes at a time, as a pipe does."""

    def read1(self, size: int | None = -1, /) -> bytes:
        """The next three bytes."""
        return super().read1(3)


quotes = st.text(st.sampled_from('",\n\r ax'), max_size=30).map(str.encode)


@given(quotes, st.booleans())
@settings(deadline=None)
def test_blocks_are_cut_as_records_are(content: bytes, halting: bool) -> None:
    """However a file arrives, its rows are those of a record of the same bytes, up to an error."""
    framed = list(COMMA.frame(content))
    whole = [row for row, complete in framed if complete]
    file = CsvFile((Halting if halting else io.BytesIO)(b"h\n" + content), "f.csv")
    rows: list[bytes] = []
    if len(whole) == len(framed):
        rows.extend(row.content for row in file.rows())
    else:
        with pytest.raises(CsvFileError, match=f"at the end of the file.* {len(whole)} rows"):
            rows.extend(row.content for row in file.rows())
    assert rows == whole


def test_blocks_are_the_rows() -> None:
    """The rows in blocks are the rows one by one."""
    content = b"a,b\n" + b"1,2\n" * 8_000 + b'"x\ny",3\n' * 8_000
    blocks = list(opened(content).blocks())
    together = [pair for lines, rows in blocks for pair in zip(lines, rows, strict=True)]
    assert together == rows_of(content)
    assert len(blocks) > 1


def test_unknown_column() -> None:
    """A column that the config does not know is named, with what to do."""
    file = opened(b"a,new\n")
    with pytest.raises(CsvFileError, match=r"f\.csv has the column 'new'.*columns are a, b.*drop"):
        file.require_known(ColumnNames(("a", "b")))
    file.require_known(ColumnNames(("new", "b", "a")))


def test_opens_a_path(tmp_path: Path) -> None:
    """A file is opened by its path and named by it."""
    path = tmp_path / "f.csv"
    path.write_bytes(b"a\n1\n")
    with open_csv(str(path)) as file:
        assert (file.name, [row.content for row in file.rows()]) == (str(path), [b"1"])


def test_opens_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    """``-`` is standard input."""
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"a\n1\n")))
    with open_csv("-") as file:
        assert (file.name, len(list(file.rows()))) == ("standard input", 1)


class Failing(io.BytesIO):
    """A file on a disk that fails after the first rows."""

    def read1(self, size: int | None = -1, /) -> bytes:
        """The first rows, once."""
        if content := super().read1(size or -1):
            return content
        raise OSError(5, "Input/output error")


def test_disk_that_fails() -> None:
    """A file that cannot be read to its end is named with the cause and the rows before."""
    file = CsvFile(Failing(b"a\n1\n2\n"), "f.csv")
    with pytest.raises(CsvFileError, match=r"f\.csv cannot be read: Input/output error\. 2 rows"):
        list(file.rows())


def test_file_that_is_not_there(tmp_path: Path) -> None:
    """A missing file, or a folder, is named with the cause."""
    with (
        pytest.raises(CsvFileError, match=r"none\.csv cannot be opened: No such file"),
        open_csv(str(tmp_path / "none.csv")),
    ):
        pass
    with pytest.raises(CsvFileError, match="Is a directory"), open_csv(str(tmp_path)):
        pass
