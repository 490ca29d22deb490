"""When a label was known is read by one rule, whether it comes over HTTP or from a file."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from converters.cells.refusal import Refusal
from converters.config.settings import ServeSettings
from converters.convert.records import RowReader
from converters.files.csv_file import open_csv
from converters.schema.schema import Schema
from serve.rows.appended_records import IngestReader
from serve.rows.request_rows import RequestReader
from serve.rows.row_limits import RowLimits
from stream.produce.file_records import History, HistoryOptions
from tests.support.rows.schemas import build

NOW = 2_000_000_000_000
NEW_YORK: dict[str, Any] = {"role": "time", "zone": "America/New_York"}


def schema_of(at: dict[str, Any], settled: dict[str, Any] | None = None) -> Schema:
    """Loans with this time column, whose labels are known at ``settled``."""
    late = {"role": "leak"} if settled is None else settled
    ids: dict[str, dict[str, Any]] = {"id": {"role": "id"}, "at": at, "late": {"role": "label"}}
    return build(ids | {"settled": late, "amount": {"kind": "numeric"}})


def over_http(schema: Schema, cell: object, kind: str = "application/json") -> int | None:
    """The record time of a label with this time."""
    limits = RowLimits.of(ServeSettings(), len(schema.columns))
    reader = IngestReader(RequestReader(RowReader(schema), limits))
    row = {"id": "a", "label": "1", "time": cell}
    body = json.dumps(row) if kind.endswith("json") else f"id,label,time\na,1,{cell}\n"
    work = reader.labels(kind, body.encode(), NOW)
    while True:
        try:
            next(work)
        except StopIteration as done:
            ((record, *_),) = done.value
            return None if record.time is None else int(record.time)


def from_a_file(schema: Schema, event: str, cell: str) -> int | None:
    """That of a file's row whose ``--label-time`` column holds it."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "rows.csv"
        path.write_text(f"id,at,late,settled,amount\na,{event},1,{cell},5\n", encoding="utf-8")
        with open_csv(str(path)) as file:
            history = History(file, schema, HistoryOptions(label_time="settled"))
            return next(formed.record.time for formed in history.records() if formed.labels)


def test_the_time_of_the_issue() -> None:
    """Half past twelve in New York, however it is sent."""
    schema, cell = schema_of(NEW_YORK), "2024-03-01 12:30:00"
    expected = int(datetime(2024, 3, 1, 17, 30, tzinfo=UTC).timestamp() * 1000)
    assert from_a_file(schema, "2024-03-01 12:00:00", cell) == expected
    assert over_http(schema, cell) == over_http(schema, cell, "text/csv") == expected


SAME = [1704275520, 1704275520.0, 1704275520000, 1704275520000.0, 1.70427552e9, 1.70427552e12]
COMPACT = [202401030952, 202401030952.0, 20240103095200, 20240103095200.0]


@pytest.mark.parametrize("number", [*SAME, *COMPACT])
def test_a_number_is_read_as_its_digits(number: float) -> None:
    """Whole or not, as JSON or CSV, over HTTP, in a record of the log, and in a file."""
    schema, cell = schema_of({"role": "time"}), str(number)
    expected = 1_704_275_520_000
    assert over_http(schema, number) == over_http(schema, cell) == expected
    assert over_http(schema, cell, "text/csv") == expected
    assert from_a_file(schema, cell, cell) == expected
    event = {"id": "a", "at": number, "late": "1", "settled": None, "amount": 5}
    texts = [json.dumps(event), f"a,{cell},1,,5"]
    rows = [RowReader(schema).events(text.encode())[0] for text in texts]
    assert not any(isinstance(row, Refusal) for row in rows)
    assert {schema.times.time_ms(cell) for cell in (cell, repr(number))} == {expected}


@pytest.mark.parametrize("number", [45292, 45292.5, 1704275520123456, 240301120000])
def test_a_number_that_is_no_time(number: float) -> None:
    """Days of a spreadsheet, microseconds, what can be two times: refused however they come."""
    schema = schema_of({"role": "time"})
    event = {"id": "a", "at": number, "late": "1", "settled": None, "amount": 5}
    texts = [json.dumps(event), f"a,{number},1,,5"]
    rows = [RowReader(schema).events(text.encode())[0] for text in texts]
    reason = "ambiguous-time" if number == 240301120000 else "bad-time"
    assert [row.reason for row in rows if isinstance(row, Refusal)] == [reason, reason]
    for kind in ("application/json", "text/csv"):
        with pytest.raises(Exception, match="time"):
            over_http(schema, number, kind)


FORMATS = {
    "": ("%Y-%m-%d %H:%M:%S", "%Y%m%d%H%M%S", "%Y%m%d%H%M", "%s"),
    "%d.%m.%Y %H:%M": ("%d.%m.%Y %H:%M", "%Y-%m-%dT%H:%M"),
    "seconds": ("%s", "%Y-%m-%d %H:%M"),
}


@given(
    zone=st.sampled_from(["UTC", "America/New_York", "Asia/Kolkata", "Pacific/Auckland"]),
    fold=st.sampled_from(["earlier", "later"]),
    pattern=st.sampled_from(sorted(FORMATS)),
    moment=st.one_of(
        st.datetimes(datetime(2001, 10, 1), datetime(2033, 1, 1)),  # noqa: DTZ001
        st.datetimes(datetime(2024, 11, 3, 1), datetime(2024, 11, 3, 2)),  # noqa: DTZ001
    ),
    data=st.data(),
)
@settings(max_examples=60, deadline=None)
def test_http_and_files_agree(
    zone: str, fold: str, pattern: str, moment: datetime, data: st.DataObject
) -> None:
    """In any zone, in the hour that comes twice too, in each spelling that the format takes."""
    at = {"role": "time", "zone": zone, "format": pattern, "fold": "earlier"}
    if zone != "UTC":
        at["fold"] = fold
    schema, spelling = schema_of(at), data.draw(st.sampled_from(FORMATS[pattern]))
    seconds = str(int(moment.replace(tzinfo=UTC).timestamp()))
    cell = seconds if spelling == "%s" else f"{moment:{spelling}}"
    sent = over_http(schema, cell)
    assert sent == over_http(schema, cell, "text/csv") == from_a_file(schema, "2001-01-01", cell)
    (row,) = RowReader(schema).labels(f"a,1,{cell}".encode())
    assert row == ("a", 1)


def test_a_label_time_column_of_its_own_zone() -> None:
    """A column of times among the features is read by what its own settings say."""
    own = {"kind": "time", "zone": "Asia/Kolkata", "format": "%d.%m.%Y %H:%M"}
    schema = schema_of(NEW_YORK, own)
    expected = int(datetime(2024, 3, 1, 17, 30, tzinfo=UTC).timestamp() * 1000)
    assert from_a_file(schema, "2024-03-01 12:00:00", "01.03.2024 23:00") == expected


def test_a_label_time_that_is_two_is_refused() -> None:
    """Over HTTP and on the topic, with both readings; a file names its line."""
    schema = schema_of(NEW_YORK)
    (row,) = RowReader(schema).labels(b"a,1,2401030952")
    assert row[0] == "ambiguous-time"
    assert "seconds since 1970, or 2024-01-03 09:52:00 as YYMMDDhhmm" in str(row)
    with pytest.raises(Exception, match="could be another time"):
        from_a_file(schema, "2024-01-03", "2401030952")
