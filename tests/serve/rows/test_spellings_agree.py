"""One row by every way in: the same text, id and label, however numbers and truths are spelt."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from converters.cells.refusal import Refusal
from converters.config import load
from converters.config.settings import CsvSettings
from converters.convert.records import RowReader
from converters.convert.to_vw_text import Row
from converters.convert.whole_file import CSV_HEADERS, checked
from converters.files.csv_file import CsvFile
from converters.files.framing import csv_line
from converters.schema import schema
from converters.schema.schema import Schema
from serve.http.turns import finished
from serve.rows.appended_records import IngestReader
from serve.rows.request_rows import RequestReader
from serve.rows.row_limits import RowLimits
from tests.support.rows import schemas
from tests.support.rows.read_back import rows_again
from tests.support.rows.schemas import Columns

NOW = 1_700_000_000_000
LISTS: list[dict[str, Any]] = [
    {},
    {"values": ["36.0", "True", "-0.0"]},
    {"values": ["36", "true"], "rare_values": ["0"], "rare": "group", "unseen": "group"},
    {"values": ["36", "0"], "missing_values": ["TRUE", "-7.0"], "missing": "indicator"},
    {"values": ["36.00", "False"], "unseen": "missing"},
]
LABELS = [
    (["1"], ["0"]),
    (["1.0"], ["0.0"]),
    (["True"], ["FALSE"]),
    (["true", "1"], ["false", "0"]),
]
Values = dict[str, Any]


def built(lists: dict[str, Any], kind: str | None, labels: tuple[list[str], list[str]]) -> Schema:
    """A schema with a column for each kind in which a number can be."""
    identity = {"role": "id"} | ({"kind": kind} if kind else {})
    columns: Columns = {
        "key": identity,
        "y": {"role": "label", "missing_values": ["-1"]},
        "listed": {"kind": "categorical", **lists},
        "flag": {"kind": "boolean", "missing_values": ["-7"]},
        "size": {"kind": "numeric", "missing_values": ["-7"]},
        "group": {"role": "protected"},
    }
    label = {"positive": labels[0], "negative": labels[1]}
    values = {"model": "m", "columns": columns, "label": label}
    return schema.from_settings(load.from_values(values, Path("freshet.toml")))


def in_csv(value: object, *, floats: bool) -> str:
    """A value as Python prints it, or as pandas does in a column with gaps."""
    return repr(float(value)) if floats and type(value) is int else str(value)


def in_json(value: object, *, floats: bool) -> object:
    """A value of JSON, its integers as floats perhaps."""
    return float(value) if floats and type(value) is int else value


def ways(of: Schema, row: Values) -> dict[str, Row | Refusal]:
    """What each way in gives for one row."""
    row = {name: row[name] for name in of.names}
    reader, found = RowReader(of), {}
    requests = RequestReader(reader, RowLimits(10, 10**6, 10**6))
    for floats in (False, True):
        told = "floats" if floats else "integers"
        cells = {name: in_csv(value, floats=floats) for name, value in row.items()}
        if floats and not of.has_integer_ids:
            cells["key"] = str(row["key"])
        line = csv_line(list(cells.values())).encode()
        header = csv_line(list(cells)).encode()
        (found[f"csv {told}"],) = reader.events(line, CSV_HEADERS)
        file = CsvFile(io.BytesIO(header + b"\n" + line + b"\n"), "f.csv", CsvSettings())
        ((found[f"file {told}"],),) = [rows_again(block.rows) for block in checked(file, of)]
        body = orjson.dumps({name: in_json(value, floats=floats) for name, value in row.items()})
        (found[f"json {told}"],) = reader.events(body)
        for name, kind, sent in (
            ("http csv", "text/csv", header + b"\n" + line),
            ("http json", "application/json", body),
        ):
            (part,) = [each for each in requests.read(kind, sent) if each is not None]
            (found[f"{name} {told}"],) = rows_again(part.converted())
        # What is appended is read again by whoever learns.
        ingest = IngestReader(requests).events("application/json", body, NOW)
        if not isinstance(found[f"http json {told}"], Refusal):
            record = finished(ingest)[0].record
            (found[f"log {told}"],) = reader.events(record.value, record.headers)
    return found


scalars = st.sampled_from([36, 0, 1, -7, 2, True, False])


@given(
    st.sampled_from(LISTS),
    st.sampled_from([None, "integer"]),
    st.sampled_from(LABELS),
    st.fixed_dictionaries(
        {
            "key": st.integers(0, 2**53 - 1),
            "y": st.sampled_from([0, 1, -1, True, False]),
            "listed": scalars,
            "flag": st.sampled_from([0, 1, True, False, -7]),
            "size": st.sampled_from([0, 3, -7, 2**40]),
            "group": scalars,
        }
    ),
)
@settings(schemas.UNHURRIED, max_examples=40)
def test_all_ways_in_agree(
    lists: dict[str, Any], kind: str | None, labels: tuple[list[str], list[str]], row: Values
) -> None:
    """CSV, JSON, HTTP and files, each with integers as such and as floats: one row."""
    found = ways(built(lists, kind, labels), row)
    first = _without_quotes(found["json integers"])
    assert {name: _without_quotes(each) for name, each in found.items()} == dict.fromkeys(
        found, first
    )


def _without_quotes(row: Row | Refusal) -> object:
    """A refusal's reason and column: its text is the cell as it came."""
    return row[:2] if isinstance(row, Refusal) else row


@pytest.mark.parametrize("sent", ["100001", "100001.0", "1.00001e5"])
def test_an_id_in_json_is_its_integer(sent: str) -> None:
    """In events and labels; labels of CSV have texts."""
    reader = RowReader(built({}, None, LABELS[0]))
    event, label = f'{{"key": {sent}}}', f'{{"key": {sent}, "y": 1.0}}'
    assert [row[0] for row in reader.events(event.encode())] == ["100001"]
    assert reader.labels(label.encode()) == reader.labels(b"100001,1.0") == [("100001", 1)]
    assert reader.labels(b"100001.0,1") == [("100001.0", 1)]


def test_an_id_that_lost_digits_is_refused() -> None:
    """2^53 as a float may have been another integer; written with all its digits it is exact."""
    reader = RowReader(built({}, None, LABELS[0]))
    (lost,) = reader.events(b'{"key": 9007199254740993.0}')
    (exact,) = reader.events(b'{"key": 9007199254740993}')
    assert (lost[0], exact[0]) == ("inexact-number", "9007199254740993")
    requests = RequestReader(reader, RowLimits(10, 10**6, 10**6))
    (part,) = requests.read("application/json", b'{"key": 9007199254740993.0}')
    assert part is not None
    assert rows_again(part.converted()) == [lost]


@pytest.mark.parametrize("cell", ["100001.0", "0100001", "+100001", "1.00001e5"])
def test_integer_ids_join_however_they_are_spelt(cell: str) -> None:
    """Of events, labels and answers; other ids are refused, whichever way they come."""
    reader = RowReader(built({}, "integer", LABELS[0]))
    (event,) = reader.events(cell.encode() + b",1,,,,")
    assert event[0] == "100001"
    assert reader.labels(cell.encode() + b",1") == [("100001", 1)]
    requests = RequestReader(reader, RowLimits(10, 10**6, 10**6))
    (part,) = requests.read("application/json", orjson.dumps({"key": cell}))
    assert part is not None
    assert part.ids(part.converted()) == ["100001"]
    for refused in (reader.events(b"k7,1,,,,"), reader.labels(b"k7,1")):
        assert [row[0] for row in refused] == ["not-an-integer"]


def test_an_older_model_reads_each_spelling_by_itself() -> None:
    """Under version 2 of the converter 36.0 is not 36, and an id is the number as it was sent."""
    older = RowReader(built({}, None, LABELS[0]).read_by(2))
    rows = older.events(b'[{"key": 1.0, "listed": 36.0}, {"key": 1, "listed": true}]')
    assert rows == [("1.0", None, "| listed=36.0"), ("1", None, "| listed=true")]
    assert [row[0] for row in older.events(b"k,1.0,True,,,")] == ["bad-label"]
