"""Parquet files: their rows are those of the CSV that holds the same cells."""

from __future__ import annotations

import csv
import datetime as dt
import io
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from converters.cells.numbers import number
from converters.cells.times import time_ms
from converters.files.parquet import BATCH_ROWS, ParquetError, ParquetSource
from tests.support import ROOT
from tests.support.rows.rows_to_read import COMMA

TEXTS = ["plain", 'a,b "c"', "two\nlines", "", None, "é|:"]


def parquet(columns: dict[str, Any], **options: Any) -> io.BytesIO:
    """A Parquet file of these columns."""
    file = io.BytesIO()
    pq.write_table(pa.table(columns), file, **options)
    return file


def pieces(source: ParquetSource, size: int = 65_536) -> Iterator[bytes]:
    """What it gives, read by read."""
    while piece := source.read1(size):
        yield piece


def rows(columns: dict[str, Any], size: int = 65_536, delimiter: str = ",") -> list[list[str]]:
    """The cells that such a file gives, by Python's own reader."""
    source = ParquetSource(parquet(columns), "x.parquet", delimiter)
    text = b"".join(pieces(source, size)).decode()
    return list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))


@pytest.mark.parametrize("delimiter", [",", ";"])
def test_texts(delimiter: str) -> None:
    """Any text comes through, and null is the empty cell."""
    found = rows({"a": TEXTS, "b": ["x"] * 6}, delimiter=delimiter)
    assert found == [["a", "b"], *([text or "", "x"] for text in TEXTS)]


def test_header_is_quoted_where_it_must_be() -> None:
    """Names of columns are cells as well."""
    assert rows({"a,b": ["1"], 'c"': ["2"]}) == [["a,b", 'c"'], ["1", "2"]]


def test_numbers_are_the_same_doubles() -> None:
    """A double is read back to the bit; a null is missing."""
    values = [0.1, 1e-7, -1e300, 123456789.123, None, 2.0**-40]
    found = [row[0] for row in rows({"a": values, "b": ["x"] * 6})[1:]]
    assert [float(cell) if cell else None for cell in found] == values
    assert number(found[0]) == 0.1


def test_floats_are_spelled_as_python_does() -> None:
    """2.0 is ``2.0``, as pandas writes it to CSV and JSON holds it, of either width."""
    columns = {"a": [2.0, None, 0.1], "b": pa.array([2.0, 0.1, None], pa.float32())}
    assert rows(columns)[1:] == [["2.0", "2.0"], ["", "0.1"], ["0.1", ""]]


@pytest.mark.parametrize("kind", [pa.float64(), pa.float32(), pa.float16()])
def test_nan_is_missing(kind: pa.DataType) -> None:
    """NaN is the empty cell, as null is, also in a dictionary of floats."""
    values = pa.array(np.array([2.5, np.nan, -0.0], np.float16)).cast(kind)
    for column in (values, values.dictionary_encode()) if kind != pa.float16() else (values,):
        found = [row[0] for row in rows({"a": column, "b": ["x"] * 3})[1:]]
        assert found == ["2.5", "", "-0.0"]


@pytest.mark.parametrize("encoded", [False, True])
def test_a_long_text_that_repeats(encoded: bool) -> None:
    """A text that stands in the file once is never written out for thousands of rows at once."""
    texts = pa.array(["x" * 300_000] * 400)
    file = parquet({"a": texts.dictionary_encode() if encoded else texts})
    source, before = ParquetSource(file, "x.parquet"), pa.total_allocated_bytes()
    size = most = 0
    for piece in pieces(source):
        size += len(piece)
        most = max(most, pa.total_allocated_bytes() - before)
    assert size == len("a\n") + 400 * 300_001
    assert most < 20_000_000
    assert file.getbuffer().nbytes < 50_000


def test_byte_order_mark_is_part_of_a_cell() -> None:
    """A mark in front of a row is no part of it, but in a Parquet file it belongs to the cell."""
    for cells in (["A", "\ufeffA"], ["\ufeffA", "B"]):
        content = b"".join(pieces(ParquetSource(parquet({"a": cells, "b": cells}), "x.parquet")))
        _, *framed = (row for row, _ in COMMA.frame(content))
        assert list(map(COMMA.cells_of, framed)) == [[cell, cell] for cell in cells]


def test_other_types() -> None:
    """Booleans, whole numbers, categories, dates and times are cells that the kinds read."""
    when = dt.datetime(2013, 1, 1, 5, 0, 0, 250_000, tzinfo=dt.UTC)
    columns = {
        "flag": [True],
        "count": pa.array([2**63], pa.uint64()),
        "carrier": pa.array(["UA"]).dictionary_encode(),
        "day": [when.date()],
        "at": pa.array([when], pa.timestamp("ns", tz="America/New_York")),
    }
    (cells,) = rows(columns)[1:]
    assert cells[:4] == ["true", "9223372036854775808", "UA", "2013-01-01"]
    assert time_ms(cells[4]) == 1357016400250


def test_many_batches_in_small_reads() -> None:
    """Rows of many batches and row groups come in order, however little is read at a time."""
    count = 3 * BATCH_ROWS + 7
    file = parquet({"n": list(range(count))}, row_group_size=BATCH_ROWS // 2 + 1)
    source = ParquetSource(file, "x.parquet")
    told, content = [], b""
    for piece in pieces(source, 997):
        assert len(piece) <= 997
        content += piece
        told.append(source.tell())
    assert content.split() == [b"n", *(str(n).encode() for n in range(count))]
    assert told == sorted(told)
    assert told[-1] == source.size == len(file.getvalue())


@pytest.mark.parametrize(
    "values", [[[1, 2]], [{"a": 1}], [b"raw"], [dt.timedelta(seconds=1)]], ids=str
)
def test_what_is_no_cell_is_refused(values: list[object]) -> None:
    """Lists, structures, bytes and durations are refused by the column's name."""
    with pytest.raises(ParquetError, match=r"x\.parquet: column 'odd' holds .*no cell"):
        ParquetSource(parquet({"odd": values}), "x.parquet")


@pytest.mark.parametrize("cut", [8, 100, -9, -1])
def test_damaged_file(cut: int) -> None:
    """A file that is cut short or holds something else is an error that names it."""
    whole = parquet({"n": list(range(5_000))}).getvalue()
    with pytest.raises(ParquetError, match=r"x\.parquet begins as a Parquet file and cannot"):
        list(pieces(ParquetSource(io.BytesIO(whole[:cut]), "x.parquet")))


def test_without_pyarrow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where pyarrow is not installed, the error says what to install."""
    file = parquet({"n": [1]})
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ParquetError, match="pip install 'pyarrow>=22'"):
        ParquetSource(file, "x.parquet")


CONFIG = """
model = "m"
log = "sqlite:///log.db"
[csv]
delimiter = ";"
encoding = "latin-1"
[label]
positive = ["true"]
negative = ["false"]
[columns]
late = { role = "label" }
carrier = { kind = "categorical" }
dist = { kind = "numeric" }
"""


def test_texts_as_views() -> None:
    """Another form of texts, as polars writes them, is read alike; no bytes are cells."""
    assert rows({"a": pa.array(TEXTS, pa.string_view())}) == rows({"a": pa.array(TEXTS)})
    for kind in (pa.binary(), pa.large_binary(), pa.binary(1), pa.binary_view()):
        with pytest.raises(ParquetError, match=r"holds .*binary.*which is no cell of a row"):
            rows({"a": pa.array([b"x"], kind)})


def test_what_pyarrow_says_ends_as_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its words are followed by a full stop, whether they have one or not."""
    for said in ("Unsupported Type:odd", "Unsupported Type:odd."):
        failing = pa.ArrowNotImplementedError(said)
        source = ParquetSource(parquet({"a": [1]}), "x.parquet")
        monkeypatch.setattr("pyarrow.csv.write_csv", Mock(side_effect=failing))
        with pytest.raises(ParquetError, match=r"as one: Unsupported Type:odd\. Write it again"):
            list(pieces(source))


@pytest.mark.parametrize("suffix", ["parquet", "csv"])
def test_commands_take_parquet(tmp_path: Path, suffix: str) -> None:
    """A Parquet file converts as a CSV file of the same rows does, whatever its name."""
    (tmp_path / "freshet.toml").write_text(CONFIG)
    columns = {"late": [True, False], "carrier": ["ü;A", "B"], "dist": [2.5, None]}
    (tmp_path / f"rows.{suffix}").write_bytes(parquet(columns).getvalue())
    done = run_freshet(tmp_path, "convert", f"rows.{suffix}")
    assert done.stdout == "1 | carrier=ü;A dist:2.5\n-1 | carrier=B\n"


def test_parquet_from_standard_input(tmp_path: Path) -> None:
    """A Parquet file cannot be read from a pipe, and that is said."""
    (tmp_path / "freshet.toml").write_text(CONFIG)
    done = run_freshet(tmp_path, "convert", "-", stdin=parquet({"dist": [1.0]}).getvalue())
    assert done.returncode == 1
    assert "standard input cannot be read: it is a Parquet file" in done.stderr


def run_freshet(
    folder: Path, *arguments: str, stdin: bytes = b""
) -> subprocess.CompletedProcess[str]:
    """The command, in a folder."""
    command = [sys.executable, "-m", "serve.cli", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        command, input=stdin, cwd=folder, capture_output=True, env=environment, check=False
    )
    out, err = done.stdout.decode(), done.stderr.decode()
    return subprocess.CompletedProcess(command, done.returncode, out, err)
