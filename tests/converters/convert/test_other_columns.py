"""Rows of before: read by the names and the layout that they were written with."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from converters.cells.refusal import Refusal
from converters.config.settings import CsvSettings
from converters.convert.records import AT_THE_TOP, RowReader
from converters.convert.to_vw_text import FEWEST_IN_BLOCK, Row
from converters.convert.whole_file import CSV_HEADERS, checked
from converters.files.csv_file import CsvFile, CsvFileError
from converters.files.framing import Dialect
from converters.schema.schema import Schema
from converters.schema.writer_schema import WriterSchema
from tests.support.rows import schemas
from tests.support.rows.changed_schemas import Written, nested, written
from tests.support.rows.read_back import rows_again
from tests.support.rows.schemas import Columns, build

Read = Callable[[Written], list[Row | Refusal]]


def csv_of(of: Written, delimiter: str) -> tuple[bytes, bytes]:
    """The rows as CSV, and the line that names their columns."""
    dialect = Dialect(delimiter)
    lines = [dialect.line([row[name] for name in of.writer.names]).encode() for row in of.rows]
    return b"".join(line + b"\n" for line in lines), dialect.line(of.writer.names).encode()


def without_names(of: Written) -> list[Row | Refusal]:
    """CSV without names, by the schema of its time."""
    value, _ = csv_of(of, of.writer.delimiter)
    return RowReader(of.reader).of_writer(of.writer).events(value, CSV_HEADERS)


def with_names(of: Written) -> list[Row | Refusal]:
    """CSV that names its columns."""
    value, columns = csv_of(of, of.writer.delimiter)
    headers = (*CSV_HEADERS, ("columns", columns))
    return RowReader(of.reader, of.writer).events(value, headers)


def with_names_of_now(of: Written) -> list[Row | Refusal]:
    """The same from a sender that has the delimiter of now, before the reader has changed."""
    value, columns = csv_of(of, of.reader.delimiter)
    headers = (*CSV_HEADERS, ("columns", columns))
    return RowReader(of.reader, of.writer).events(value, headers)


def after_the_change(of: Written) -> list[Row | Refusal]:
    """The same of a sender that has kept its names after the reader has changed."""
    value, columns = csv_of(of, of.reader.delimiter)
    return RowReader(of.reader).events(value, (*CSV_HEADERS, ("columns", columns)))


def as_objects(of: Written) -> list[Row | Refusal]:
    """A list of JSON, where the writer's path leads."""
    value = orjson.dumps([nested(row, of.writer.path) for row in of.rows])
    return RowReader(of.reader, of.writer).events(value)


def as_objects_at_the_top(of: Written) -> list[Row | Refusal]:
    """JSON whose header says where its rows are."""
    value = orjson.dumps(of.rows)
    return RowReader(of.reader).events(value, [AT_THE_TOP])


def as_a_file(of: Written) -> list[Row | Refusal]:
    """A file with a header."""
    value, columns = csv_of(of, of.reader.delimiter)
    csv = CsvSettings(delimiter=of.reader.delimiter)
    blocks = checked(CsvFile(io.BytesIO(columns + b"\n" + value), "f.csv", csv), of.reader)
    return [row for block in blocks for row in rows_again(block.rows)]


def unchecked(of: Written) -> list[Row | Refusal]:
    """The cells by themselves, as where some of them are kept for measuring."""
    reader = RowReader(of.reader, of.writer)
    value, _ = csv_of(of, of.writer.delimiter)
    return reader.convert_rows(list(reader.event_rows(value, CSV_HEADERS)[0]))


WAYS: list[Read] = [
    *(without_names, with_names, with_names_of_now, after_the_change),
    *(as_objects, as_objects_at_the_top, as_a_file, unchecked),
]


@given(st.data())
@settings(schemas.UNHURRIED, max_examples=60)
def test_rows_of_before_are_read_by_name(data: st.DataObject) -> None:
    """Each way gives what each row says when it is built by names and converted."""
    of = data.draw(written())
    of = replace(of, rows=of.rows * data.draw(st.sampled_from([1, FEWEST_IN_BLOCK])))
    expected = of.said()
    for way in WAYS:
        assert way(of) == expected, way.__doc__


NOW: Columns = {
    "key": {"role": "id", "was": "id_before"},
    "late": {"role": "label", "was": ["delayed", "tardy"]},
    "carrier": {"kind": "categorical", "was": "airline"},
    "more": {"kind": "numeric", "missing": "indicator"},
}
BEFORE = WriterSchema(("id_before", "airline", "gone", "delayed"), ";", False, ("payload",), ())
ROW: Row = ("k", 1, "| carrier=UA more=")


@pytest.fixture(scope="module")
def now() -> Schema:
    """The columns of now; one is gone."""
    return replace(build(NOW), former=frozenset(BEFORE.names))


@pytest.mark.parametrize(
    "row",
    [
        b"k;UA;x;yes",
        b'{"payload": {"id_before": "k", "airline": "UA", "gone": 1, "delayed": "1"}}',
        b'{"payload": {"key": "k", "airline": "UA", "tardy": "1", "more": null}}',
        b'{"payload": {"carrier": "UA", "airline": "AA", "key": "k", "late": 1, "delayed": 0}}',
    ],
)
def test_a_row_of_before(now: Schema, row: bytes) -> None:
    """Columns by their former names; one that is gone is passed over, one that is new missing.

    Where both names are there, that of now counts.
    """
    assert RowReader(now, BEFORE).events(row) == [ROW]


def test_the_first_former_name_counts(now: Schema) -> None:
    """Of two former names of one column, in whatever order the row holds them."""
    reader = RowReader(now)
    for columns in (b"tardy,delayed,airline", b"delayed,tardy,airline"):
        row = {b"tardy": b"0", b"delayed": b"1", b"airline": b"UA"}
        value = b",".join(row[name] for name in columns.split(b","))
        assert reader.events(value, [("columns", columns)]) == [("", *ROW[1:])]
        named = {name.decode(): row[name].decode() for name in columns.split(b",")}
        assert reader.events(orjson.dumps(named)) == [("", *ROW[1:])]


def test_a_name_that_no_schema_had_is_unknown(now: Schema) -> None:
    """In a header, and in an object, whether or not others are of before."""
    reader = RowReader(now, BEFORE)
    (refused,) = reader.events(b"k;1", [("columns", b"key;stray")])
    assert refused == Refusal("unknown-column", "stray", "key,stray")
    (refused,) = reader.events(b'{"payload": {"gone": 1, "stray": 2}}')
    assert refused == Refusal("unknown-column", "stray", "2")


@pytest.mark.parametrize("ignoring", ["reader", "writer"])
def test_extra_fields_that_either_schema_passes_over(now: Schema, ignoring: str) -> None:
    """A row of before is not refused for what was passed over then, nor for what is now."""
    writer = replace(BEFORE, ignore_extra=ignoring == "writer", path=())
    reader = RowReader(replace(now, ignore_extra=ignoring == "reader"), writer)
    row = {"id_before": "k", "airline": "UA", "delayed": "1", "stray": "x"}
    assert reader.events(orjson.dumps(row)) == [ROW]
    assert reader.events(b"k;UA;1;x", [("columns", ";".join(row).encode())]) == [ROW]


def test_a_wrong_width_names_both_schemas(now: Schema) -> None:
    """How many cells there are, how many the columns of its time were, and how many are now."""
    narrow = replace(BEFORE, names=("id_before", "airline"))
    found = RowReader(now, narrow).events(b"k;1;UA;7\nk;UA")
    said = "4 cells, not 2 as the columns were then (4 now): k;1;UA;7"
    assert found == [Refusal("wrong-width", "", said), ("k", None, ROW[2])]
    (refused,) = RowReader(now, BEFORE).events(b"k;1", [("columns", b"key;late;more")])
    said = "2 cells, not 3 as the names in its columns header: k;1"
    assert refused == Refusal("wrong-width", "", said)
    (refused,) = RowReader(now).events(b"k,1")
    assert refused == Refusal("wrong-width", "", "2 cells, not 4: k,1")


@pytest.mark.parametrize(
    "label",
    [
        b'{"id": "k", "label": 1}',
        b'{"key": "k", "late": 1}',
        b'{"id_before": "k", "tardy": 1, "gone": 7}',
        b'{"tardy": 0, "late": 1, "id_before": "j", "key": "k"}',
        b'{"delayed": "1", "tardy": 0, "id": "k"}',
        b"k,1",
    ],
)
def test_labels_of_before(now: Schema, label: bytes) -> None:
    """Objects under the columns' names of now or before, the newer first; CSV names none."""
    assert RowReader(now).labels(label) == [("k", 1)]


def test_labels_are_read_as_they_were_laid_out(now: Schema) -> None:
    """With the delimiter and at the path of their time."""
    writer = replace(BEFORE, labels_path=("l",))
    reader = RowReader(now).of_writer(writer)
    assert reader.labels(b"k;1") == [("k", 1)]
    assert reader.labels(b'{"l": {"id_before": "k", "delayed": 1}}') == [("k", 1)]
    (refused,) = reader.labels(b'{"key": "k", "late": 1}')
    assert refused[0] == "no-row-at-path"


def test_the_conversion_is_shared(now: Schema) -> None:
    """Readers of other writers remember cells together, and compile nothing again."""
    reader = RowReader(now)
    assert reader.of_writer(BEFORE).convert is reader.convert
    assert reader.of_writer(WriterSchema.of(now)).events(b"k,1,UA,") == [ROW]


def test_a_files_former_and_gone_columns(now: Schema) -> None:
    """A file may have them; only what no schema had stops it."""
    content = b"gone,airline,id_before,delayed\nx,UA,k,1\n"
    blocks = checked(CsvFile(io.BytesIO(content), "f.csv"), now)
    assert [row for block in blocks for row in rows_again(block.rows)] == [ROW]
    with pytest.raises(CsvFileError, match=r"f\.csv has the column 'stray'"):
        list(checked(CsvFile(io.BytesIO(b"airline,stray\n"), "f.csv"), now))
