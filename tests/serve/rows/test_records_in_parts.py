"""Records of rows that are read in parts hold the bytes that those of the whole body hold."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from converters.convert.records import RowReader
from serve.http.problems import RowsRefusedError
from serve.http.turns import finished
from serve.rows.appended_records import Counted, IngestReader
from serve.rows.request_rows import RequestReader
from serve.rows.row_limits import RowLimits
from tests.support.rows.schemas import build
from tests.support.serving.served import a_project

NOW = 1_700_000_000_000
TIMES = (None, "1357016400", "1357016460", "2013-01-01T05:00:00Z", "1900000000")
MEANT = (None, 1357016400000, 1357016460000, 1357016400000, None)
events = st.lists(
    st.tuples(st.sampled_from("abc"), st.sampled_from(TIMES), st.integers(0, 5000)),
    min_size=1,
    max_size=400,
)


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> RowReader:
    """A reader of the small project's rows."""
    return RowReader(a_project(Path(tmp_path_factory.mktemp("records"))).schema)


def ingest(reader: RowReader, part_bytes: int) -> IngestReader:
    """Reads bodies in parts of so many bytes."""
    return IngestReader(RequestReader(reader, RowLimits(10_000, 10**9, part_bytes)))


def plain(rows: list[Any], times: list[str | None], value: Any) -> list[tuple[Any, Any, int]]:
    """Consecutive rows of one time as one record, of the whole list: value, time, rows."""
    records = []
    known = [MEANT[TIMES.index(time)] for time in times]
    for time, group in groupby(zip(known, rows, strict=True), key=lambda pair: pair[0]):
        held = [row for _, row in group]
        records.append((value(held), time, len(held)))
    return records


def told(records: list[Counted]) -> list[tuple[Any, Any, int]]:
    """The same of records."""
    return [(each.record.value, each.record.time, each.rows) for each in records]


@given(events, st.integers(16, 3000))
def test_objects_are_recorded_as_one_list_would_be(
    reader: RowReader, drawn: list[tuple[str, str | None, int]], part_bytes: int
) -> None:
    """However the parts and the blocks fall."""
    rows = [{"carrier": c, "at": at, "distance": d} for c, at, d in drawn]
    expected = plain(rows, [at for _, at, _ in drawn], orjson.dumps)
    body = orjson.dumps(rows)
    found = finished(ingest(reader, part_bytes).events("application/json", body, NOW))
    assert told(found) == expected


@given(events, st.integers(16, 3000), st.sampled_from(["\n", "\r\n"]), st.booleans())
def test_lines_are_recorded_as_they_came(
    reader: RowReader,
    drawn: list[tuple[str, str | None, int]],
    part_bytes: int,
    ending: str,
    quotes: bool,
) -> None:
    """Plain or quoted, without the carriage returns at their ends."""
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_ALL if quotes else csv.QUOTE_MINIMAL)
    writer.writerows([("distance", "at", "carrier"), *((d, at or "", c) for c, at, d in drawn)])
    body = text.getvalue().replace("\r\n", ending)
    rows = [line.encode() for line in body.split(ending)[1:-1]]
    expected = plain(rows, [at for _, at, _ in drawn], b"\n".join)
    found = finished(ingest(reader, part_bytes).events("text/csv", body.encode(), NOW))
    assert told(found) == expected
    assert {each.record.headers for each in found} == {
        (("content-type", b"text/csv"), ("columns", b"distance,at,carrier"))
    }


@given(events, st.integers(16, 3000))
def test_labels_are_recorded_as_one_list_would_be(
    reader: RowReader, drawn: list[tuple[str, str | None, int]], part_bytes: int
) -> None:
    """Objects and lines, with times and without."""
    rows = [{"id": c, "label": "1", "time": at} for c, at, _ in drawn]
    times = [at for _, at, _ in drawn]
    found = finished(ingest(reader, part_bytes).labels("application/json", orjson.dumps(rows), NOW))
    assert told(found) == plain(rows, times, orjson.dumps)
    lines = [f"{c},1,{at or ''}".encode() for c, at, _ in drawn]
    body = b"\n".join([*lines, b""])
    found = finished(ingest(reader, part_bytes).labels("text/csv", body, NOW))
    assert told(found) == plain(lines, times, b"\n".join)


@pytest.mark.parametrize(("fold", "hour"), [("earlier", 5), ("later", 6), ("order", 5)])
def test_rows_of_a_request_are_in_no_order(reader: RowReader, fold: str, hour: int) -> None:
    """A local time that comes twice is the one that the config says, never by the row before."""
    time = {"role": "time", "zone": "America/New_York", "fold": fold}
    local = RowReader(build({"at": time, "late": {"role": "label"}, "x": {"kind": "numeric"}}))
    body = b"at,late,x\n2024-11-03 01:50,1,2\n2024-11-03 01:30,1,2\n"
    now = 1_800_000_000_000
    found = finished(ingest(local, 10_000).events("text/csv", body, now))
    expected = [datetime(2024, 11, 3, hour, minute, tzinfo=UTC) for minute in (50, 30)]
    assert [each.record.time for each in found] == [1000 * t.timestamp() for t in expected]


@pytest.mark.parametrize("body", [b"f1,1\n\n", b"f1,1\r\n\r\n", b"id,label\r\nf1,1\n\n"])
def test_a_blank_line_behind_labels_is_no_row(reader: RowReader, body: bytes) -> None:
    """As files often end; one between two labels is refused."""
    (record,) = finished(ingest(reader, 1000).labels("text/csv", body, NOW))
    assert (record[0].value, record[1]) == (b"f1,1", 1)
    with pytest.raises(RowsRefusedError):
        finished(ingest(reader, 1000).labels("text/csv", b"\n".join([body, b"f2,1"]), NOW))


def test_all_refused_rows_are_counted_and_a_hundred_told(reader: RowReader) -> None:
    """By reason, however many parts they come from."""
    rows: list[dict[str, Any]] = [{"distance": "x"}, {"at": "soon"}, {}] * 200
    with pytest.raises(RowsRefusedError, match="400 of 600 rows are refused") as caught:
        finished(ingest(reader, 500).events("application/json", orjson.dumps(rows), NOW))
    assert caught.value.reasons == {"not-a-number": 200, "bad-time": 200}
    numbers = [error["row"] for error in caught.value.errors]
    assert numbers == [at for at in range(150) if at % 3 < 2]
    rows[599] = {"x": 1, "y": 2}
    with pytest.raises(RowsRefusedError, match="1 of 600 rows are refused") as caught:
        finished(ingest(reader, 500).events("application/json", orjson.dumps(rows), NOW))
    assert caught.value.reasons == {"unknown-column": 2}


def test_events_that_wait_for_their_label_are_counted() -> None:
    """With an id; without one none can come."""
    schema = build({"key": {"role": "id"}, "late": {"role": "label"}, "x": {"kind": "numeric"}})
    rows = [{"key": "a"}, {"x": 1}, {"key": "b", "late": "1"}, {"key": ""}]
    read = ingest(RowReader(schema), 1000).events("application/json", orjson.dumps(rows), NOW)
    ((_, count, waiting, lost, _),) = finished(read)
    assert (count, waiting, lost) == (4, 1, 2)
