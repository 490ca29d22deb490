"""Rows that are written anew on their way: whatever they hold, they are read as they were."""

from __future__ import annotations

import csv
import io

from hypothesis import example, given, settings
from hypothesis import strategies as st

from converters.cells.refusal import Refusal
from converters.convert.records import RowReader
from converters.files.csv_file import CsvFile
from converters.files.framing import csv_line
from stream.fold.outputs import dead_letter_records, read_dead_letters
from stream.log.batch import EventRows
from stream.log.contract import Place, Record
from stream.produce.file_records import Formed, History, HistoryOptions
from tests.support.rows import schemas
from tests.support.rows.rows_to_read import COMMA
from tests.support.rows.schemas import build

COLUMNS: schemas.Columns = {
    "id": {"role": "id"},
    "at": {"role": "time"},
    "late": {"role": "label", "missing_values": ["NA"]},
    "a": {"kind": "categorical"},
}


@given(st.lists(schemas.texts, min_size=1, max_size=4))
@example(["\ufeffa", "b"])
@settings(deadline=None)
def test_written_line_is_read_as_its_cells(cells: list[str]) -> None:
    """Any cells come back from their line, by us and by csv.reader."""
    line = csv_line(cells)
    ((row, complete),) = COMMA.frame(line.encode() + b"\n")
    assert (COMMA.cells_of(row), complete) == (cells, True)
    assert list(csv.reader(io.StringIO(line, newline=""))) == [cells]


def formed(content: bytes, **options: object) -> list[Formed]:
    """The records that such a file becomes."""
    asked = HistoryOptions(**options)  # type: ignore[arg-type]
    return list(History(CsvFile(io.BytesIO(content), "f.csv"), build(COLUMNS), asked).records())


def read(content: bytes, **options: object) -> list[object]:
    """The event rows of those records, as the learner reads them."""
    reader = RowReader(build(COLUMNS))
    records = [f.record for f in formed(content, **options) if not f.labels]
    return [row for r in records for row in reader.events(r.value, r.headers)]


def test_late_row_keeps_its_quotes() -> None:
    """A row whose label is taken out for later is still one row, line breaks in cells and all."""
    rows = read(b'id,at,late,a\nk,2013-01-01,1,"x\ny"\n', label_delay=60.0)
    assert rows == [("k", None, "| a=x%0Ay")]


def test_label_that_is_not_known_is_no_late_label() -> None:
    """A label spelt as missing sends no label, and its row waits for none from this file."""
    records = formed(b"id,at,late,a\nk,2013-01-01,NA,x\n", label_delay=60.0)
    assert [f.labels for f in records] == [False]


def test_blank_last_row_of_a_record_is_a_row() -> None:
    """A blank row counts wherever it stands in its record."""
    for content in (b"\n", b"k,,1,x\n\n", b"\nk,,1,x\n"):
        assert len(read(b"id,at,late,a\n" + content)) == content.count(b"\n")


def test_row_that_looks_like_json_is_a_row() -> None:
    """A file's rows are CSV, also where their record would parse as JSON."""
    assert read(b"a,late\n[1,1]\n[1,1\n") == [
        Refusal("bad-label", "late", "1]"),
        ("", 1, "| a=[1"),
    ]


def test_dead_letter_of_a_carriage_return() -> None:
    """The text of a dead letter comes back, whatever control characters it holds."""
    record = EventRows(Place("t", 0), 3, 1, [])
    refused = [(0, Refusal("bare-cr", "", "k\rx")), (1, Refusal("bad-label", "late", "1\n"))]
    (out,) = dead_letter_records(record, refused)
    written = Record(Place("d", 0), 0, 1, out.value, out.headers, out.key)
    letters = list(read_dead_letters([written]))
    assert [(d.row, d.reason, d.text) for d in letters] == [
        (0, "bare-cr", "k\rx"),
        (1, "bad-label", "1\n"),
    ]
