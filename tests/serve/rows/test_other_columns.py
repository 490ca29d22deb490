"""Requests and appended rows with the names of before: read as the stream reads them."""

from __future__ import annotations

from dataclasses import replace

import orjson
import pytest
from hypothesis import assume, given, settings

from converters.cells.refusal import Refusal
from converters.convert.records import RowReader
from converters.convert.to_vw_text import Row
from converters.files.framing import Dialect
from converters.schema.schema import Schema
from serve.http.problems import RowsRefusedError
from serve.http.turns import finished
from serve.rows.appended_records import IngestReader
from serve.rows.request_rows import RequestReader
from serve.rows.row_limits import RowLimits
from tests.support.rows import schemas
from tests.support.rows.changed_schemas import Written, written
from tests.support.rows.read_back import rows_again
from tests.support.rows.schemas import Columns, build

JSON, CSV = "application/json", "text/csv"
NOW = 1_700_000_000_000


def reading(schema: Schema) -> RequestReader:
    """A reader of requests under a schema."""
    return RequestReader(RowReader(schema), RowLimits(10_000, 10**6, 10**5))


def bodies(of: Written) -> list[tuple[str, bytes]]:
    """The rows as bodies: a list of objects, and CSV with a header."""
    dialect = Dialect(of.reader.delimiter)
    lines = [of.writer.names, *([row[name] for name in of.writer.names] for row in of.rows)]
    csv = "".join(dialect.line(line) + "\n" for line in lines)
    return [(JSON, orjson.dumps(of.rows)), (CSV, csv.encode())]


def read(reader: RequestReader, kind: str, body: bytes) -> list[Row | Refusal]:
    """The rows of a body."""
    parts = [part for part in reader.read(kind, body) if part is not None]
    return [row for part in parts for row in rows_again(part.converted())]


@given(written())
@settings(schemas.UNHURRIED, max_examples=40)
def test_requests_are_read_by_name(of: Written) -> None:
    """Objects and CSV give what each row says when it is built by names and converted."""
    reader = reading(of.reader)
    assume(not reader.layouts.missing(of.writer.names))
    for kind, body in bodies(of):
        assert read(reader, kind, body) == of.said(), kind
    assert read(reader, JSON, orjson.dumps(of.rows[0])) == of.said()[:1]


@given(written())
@settings(schemas.UNHURRIED, max_examples=25)
def test_appended_rows_keep_their_names(of: Written) -> None:
    """Whatever the columns and the path are called later, the stream reads what was checked."""
    reader = reading(of.reader)
    assume(not reader.layouts.missing(of.writer.names))
    good = [row for row, said in zip(of.rows, of.said(), strict=True) if type(said) is tuple]
    assume(good)
    stream = RowReader(replace(of.reader, path=("elsewhere",)))
    only = replace(of, rows=good)
    for kind, body in bodies(only):
        records = [each.record for each in finished(IngestReader(reader).events(kind, body, NOW))]
        found = [row for each in records for row in stream.events(each.value, each.headers)]
        assert found == only.said(), kind


COLUMNS: Columns = {
    "key": {"role": "id", "was": "id_before"},
    "at": {"role": "time", "was": "when"},
    "late": {"role": "label", "was": "delayed"},
    "carrier": {"kind": "categorical", "was": "airline", "missing": "reject"},
}


@pytest.fixture(scope="module")
def now() -> Schema:
    """The columns of now; one is gone."""
    return replace(build(COLUMNS), former=frozenset({"gone", "airline"}))


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (JSON, b'{"id_before": 7, "when": 1357016400.0, "airline": "UA", "gone": 1, "delayed": 1}'),
        (CSV, b"gone,when,id_before,airline,delayed\n1,1357016400,7,UA,1\n"),
    ],
)
def test_the_time_and_the_id_are_found_under_former_names(
    now: Schema, kind: str, body: bytes
) -> None:
    """A record is of the time that its row gives, whatever its column is called there."""
    ((record, rows, *_),) = finished(IngestReader(reading(now)).events(kind, body, NOW))
    assert (record.time, rows) == (1_357_016_400_000, 1)
    assert RowReader(now).events(record.value, record.headers) == [("7", 1, "| carrier=UA")]
    (part,) = [part for part in reading(now).read(kind, body) if part is not None]
    assert part.ids(part.converted()) == [7 if kind == JSON else "7"]


@pytest.mark.parametrize(
    ("kind", "body"), [(JSON, b'[{"id_before": 1}]'), (CSV, b"id_before\n1\n")]
)
def test_a_mandatory_column_may_lack_under_neither_name(
    now: Schema, kind: str, body: bytes
) -> None:
    """It is named as it is called now."""
    with pytest.raises(RowsRefusedError, match=r"Missing columns: .?carrier"):
        read(reading(now), kind, body)


@pytest.mark.parametrize(
    ("kind", "body"), [(JSON, b'[{"airline": "UA", "stray": 1}]'), (CSV, b"airline,stray\nUA,1\n")]
)
def test_a_name_that_no_schema_had_is_refused(now: Schema, kind: str, body: bytes) -> None:
    """Beside names of before."""
    with pytest.raises(RowsRefusedError, match=r"Unknown columns: .?stray"):
        read(reading(now), kind, body)


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (JSON, b'{"id_before": "k", "delayed": 1}'),
        (JSON, b'{"key": "k", "late": 1}'),
        (JSON, b'[{"key": "k", "label": "yes", "time": "1357016400"}]'),
        (CSV, b"id_before,delayed\nk,1\n"),
        (CSV, b"key,late\nk,yes\n"),
        (CSV, b"key,late,time\r\nk,1,1357016400\r\n"),
    ],
)
def test_labels_have_the_names_of_the_columns(now: Schema, kind: str, body: bytes) -> None:
    """Of now and of before, in objects and in the header of CSV; the stream reads them alike."""
    ((record, *_),) = finished(IngestReader(reading(now)).labels(kind, body, NOW))
    stream = RowReader(replace(now, labels_path=("elsewhere",)))
    assert stream.labels(record.value, record.headers) == [("k", 1)]
