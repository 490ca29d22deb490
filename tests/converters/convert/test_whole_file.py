"""The conversion of whole files: as the stream's, in bounded memory, with output and progress."""

from __future__ import annotations

import csv
import io
import json
import sys
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from converters.cells.refusal import Refusal
from converters.convert.records import RowReader
from converters.convert.whole_file import checked, convert
from converters.files.csv_file import CsvFile, CsvFileError
from converters.files.output import writing
from converters.show import command_line
from tests.support.rows import schemas
from tests.support.rows.read_back import rows_again
from tests.support.rows.schemas import build

COLUMNS: schemas.Columns = {
    "late": {"role": "label"},
    "dist": {"kind": "numeric"},
    "carrier": {"kind": "categorical"},
}


def test_file_appears_whole(tmp_path: Path) -> None:
    """While an output is written, its place holds what was there before."""
    path = tmp_path / "out"
    path.write_text("before")
    with writing(str(path)) as file:
        file.write(b"after")
        file.flush()
        assert path.read_text() == "before"
    assert path.read_text() == "after"


def test_output_has_the_usual_permissions(tmp_path: Path) -> None:
    """A written file is as readable as any that the user makes."""
    (tmp_path / "usual").touch()
    with writing(str(tmp_path / "out")) as file:
        file.write(b"x")
    assert (tmp_path / "out").stat().st_mode == (tmp_path / "usual").stat().st_mode


def test_memory_stays_flat(tmp_path: Path) -> None:
    """A conversion of a large file holds no more than a small one."""
    row = b"1,%d,carrier%d\n"

    def peak(rows: int) -> int:
        content = b"late,dist,carrier\n" + b"".join(row % (i % 99, i % 9) for i in range(rows))
        path = tmp_path / "rows.csv"
        path.write_bytes(content)
        with path.open("rb") as file, writing(str(tmp_path / "out")) as out:
            tracemalloc.start()
            convert(CsvFile(file, "f"), build(COLUMNS), out, lambda _: None, lambda _: None)
            most = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
        return most

    peak(1_000)  # imports what blocks need
    assert peak(30_000) < 1.2 * peak(10_000)


@given(st.lists(st.lists(schemas.cells["categorical"], min_size=3, max_size=3)), st.booleans())
@settings(deadline=None, max_examples=50)
def test_file_is_converted_as_its_rows(table: list[list[str]], turned: bool) -> None:
    """Any file gives what the stream gives for its rows one by one, whatever its column order."""
    names = list(COLUMNS)
    order = [2, 0, 1] if turned else [0, 1, 2]
    written = io.StringIO(newline="")
    writer = csv.writer(written, lineterminator="\r\n")
    writer.writerows([[row[i] for i in order] for row in [names, *table]])
    file = CsvFile(io.BytesIO(written.getvalue().encode()), "f.csv")
    schema = build(COLUMNS)
    found = [row for _, rows in checked(file, schema) for row in rows_again(rows)]
    reader = RowReader(schema)
    expected = [
        reader.events(json.dumps(dict(zip(names, row, strict=True))).encode())[0] for row in table
    ]
    assert [_reason(row) for row in found] == [_reason(row) for row in expected]


@pytest.mark.parametrize(("rows", "long"), [(3, 0), (700, 0), (700, 400), (3_000, 9)])
def test_rows_stay_on_their_lines(rows: int, long: int) -> None:
    """Whatever blocks they are read in; those before a row that cannot be read are given."""
    lines = [f"1,{n},a{'x' * long}" if n % 50 else "maybe,1,a" for n in range(rows)]
    content = "\n".join(["late,dist,carrier", *lines, '1,2,"open']).encode()
    found: list[tuple[int, str]] = []

    def read() -> None:
        for at, block in checked(CsvFile(io.BytesIO(content), "f.csv"), build(COLUMNS)):
            texts = [row[2].partition(" carrier")[0] for row in rows_again(block)]
            found.extend(zip(at, texts, strict=True))

    with pytest.raises(CsvFileError, match="still open"):
        read()
    assert found == [(n + 2, f"| dist:{n}" if n % 50 else "maybe") for n in range(rows)]


def _reason(row: object) -> object:
    return row.reason if isinstance(row, Refusal) else row


def test_progress_elsewhere_is_plain_lines(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without a terminal, long work says now and then how far it is."""
    clock = iter([0.0, 1.0, 11.0, 11.0, 12.0])
    monkeypatch.setattr(command_line, "monotonic", lambda: next(clock))
    with command_line.progress("rows", 200, lambda: 50) as shown:
        for count in (10, 2000, 3000):
            shown(count)
    assert capsys.readouterr().err == "2,000 rows (25%)\n"


def test_progress_on_a_terminal_is_a_bar(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """On a terminal, a large file's progress is a bar on standard error."""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with command_line.progress("rows", 2**30, lambda: 2**29) as shown:
        shown(2000)
    captured = capsys.readouterr()
    assert "2,000 rows" in captured.err
    assert captured.out == ""
