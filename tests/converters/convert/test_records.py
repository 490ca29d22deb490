"""Records to rows: framing as csv.reader does, JSON as CSV, each row by itself."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from converters.cells.escaping import QUOTED_LENGTH, quoted, quoted_bytes
from converters.cells.refusal import Refusal
from converters.convert.records import RowReader
from converters.convert.to_vw_text import reference
from converters.objects.json_rows import object_cells, shown
from converters.schema.column_names import ColumnNames
from tests.support.rows import schemas
from tests.support.rows.rows_to_read import COLUMNS, COMMA, CSV, GOOD, GOOD_ROW, JSON, columns
from tests.support.rows.schemas import build


@pytest.fixture(scope="module")
def reader() -> RowReader:
    """A reader of rows like ``GOOD``."""
    return RowReader(build(COLUMNS))


def reasons(rows: Sequence[object]) -> list[str]:
    """The reason of each refusal; ``good`` for an accepted row."""
    return [row.reason if isinstance(row, Refusal) else "good" for row in rows]


def test_labels_are_codes(reader: RowReader) -> None:
    """A label row is its id and 1 or 0."""
    assert reader.labels(b'"k,1",yes\n7,0\n') == [("k,1", 1), ("7", 0)]


def test_good_neighbours_of_bad_rows_are_as_alone(reader: RowReader) -> None:
    """Rows between bad ones give exactly what they give alone."""
    bad = [b"", b"x", b"\xff", b"k,,1,inf,UA", b"a\rb,,,,"]
    value = b"\n".join(piece for row in bad for piece in (GOOD, row)) + b"\n" + GOOD
    assert reader.events(value)[::2] == [GOOD_ROW] * 6


quotes = st.text(st.sampled_from('",\n\r ax{[|:%'), max_size=12).map(str.encode)
some_bytes = st.one_of(quotes, quotes.map(lambda b: b + b"\xff"), st.binary(max_size=8))


@given(st.lists(st.one_of(some_bytes, st.just(GOOD), st.just(b'k,,,7,"a\nb"')), max_size=6))
@settings(deadline=None)
def test_rows_do_not_touch_each_other(rows: list[bytes]) -> None:
    """Any bytes framed as complete rows give in one record what each gives in one of its own."""
    reader = RowReader(build(COLUMNS))
    framed = [row for row, complete in COMMA.frame(b"\n".join(rows)) if complete]
    together = reader.events(b"".join(row + b"\n" for row in framed), CSV)
    alone = [reader.events(row + b"\n", CSV) for row in framed]
    assert together == ([r for each in alone for r in each] or [Refusal("empty-record", "", "")])


def test_framing_cuts_line_endings_off() -> None:
    """A framed row has neither LF nor the CR before it; other bytes stay."""
    assert [row for row, _ in COMMA.frame(b'a,b\r\n"c\r\n"\r\nd\re\n')] == [
        b"a,b",
        b'"c\r\n"',
        b"d\re",
    ]


@given(st.lists(st.lists(schemas.texts, min_size=1, max_size=4), max_size=4))
@settings(deadline=None)
def test_reads_what_csv_writes(table: list[list[str]]) -> None:
    """Any cells that csv.writer has written come back, whatever they hold."""
    for ending in ("\n", "\r\n"):
        written = io.StringIO(newline="")
        csv.writer(written, lineterminator=ending, quoting=csv.QUOTE_ALL).writerows(table)
        framed = list(COMMA.frame(written.getvalue().encode()))
        assert [(COMMA.cells_of(row), complete) for row, complete in framed] == [
            (r, True) for r in table
        ]


@given(st.binary(max_size=30))
@settings(deadline=None)
def test_framing_loses_nothing(value: bytes) -> None:
    """The framed rows are the value, but for line endings."""
    framed = list(COMMA.frame(value))
    glued = b"\n".join(row for row, _ in framed)
    is_open = bool(framed) and not framed[-1][1]  # then the last line end is part of the row
    whole = value if is_open else value.removesuffix(b"\n")
    assert glued.replace(b"\r", b"") == whole.replace(b"\r", b"")


@given(st.data())
@settings(schemas.UNHURRIED, max_examples=50)
def test_hot_path_equals_the_plain_one(data: st.DataObject) -> None:
    """A record read in one go gives what framing and converting row by row gives."""
    schema = data.draw(schemas.schemas())
    rows = data.draw(st.lists(schemas.rows_of(schema), max_size=4))
    value = b"".join(",".join(r).encode() + b"\n" for r in rows)
    plain = reference(schema)
    expected = []
    for row, complete in COMMA.frame(value):
        cells = COMMA.cells_of(row)
        if not complete:
            cells = Refusal("unclosed-quote", "", quoted_bytes(row))
        expected.append(cells if isinstance(cells, Refusal) else plain(cells))
    expected = expected or [Refusal("empty-record", "", "")]
    reader = RowReader(schema)
    assert reader.events(value, CSV) == expected
    if not value.startswith((b"{", b"[")):
        assert reader.events(value) == expected


@given(st.data())
@settings(schemas.UNHURRIED, max_examples=50)
def test_json_row_equals_csv_row(data: st.DataObject) -> None:
    """An object whose values are the cells' text gives what the CSV row gives."""
    schema = data.draw(schemas.schemas())
    cells = data.draw(schemas.rows_of(schema))
    reader = RowReader(schema)
    written = io.StringIO(newline="")
    csv.writer(written, quoting=csv.QUOTE_ALL, lineterminator="\n").writerow(cells)
    as_csv = reader.events(written.getvalue().encode(), CSV)
    named = dict(zip(schema.names, cells, strict=True))
    assert reader.events(orjson.dumps(named)) == as_csv
    assert reader.events(orjson.dumps([named, named]), JSON) == as_csv * 2
    assert [*reader.events(json.dumps(named).encode())] == as_csv


SCALARS = [("null", ""), ("true", "true"), ("false", "false"), ("7", "7"), ("7.0", "7.0")]
SCALARS += [("0.1", "0.1"), ("1e3", "1000.0"), ('"7"', "7"), ("-0.0", "-0.0")]


@pytest.mark.parametrize(("value", "cell"), SCALARS)
def test_json_scalars_are_cells(value: str, cell: str) -> None:
    """A JSON scalar is the cell that CSV would hold."""
    columns: schemas.Columns = {"y": {"role": "label"}, "a": {"kind": "categorical"}}
    reader = RowReader(build(columns))
    assert reader.events(b'{"a": %s}' % value.encode()) == reader.events(b"," + cell.encode())


@given(st.permutations(list(COLUMNS)), st.integers(0, 5))
@settings(deadline=None)
def test_columns_header_names_order_and_subset(names: list[str], kept: int) -> None:
    """Under a ``columns`` header cells may stand in any order, and absent ones are missing."""
    reader = RowReader(build(COLUMNS | {"carrier": {"kind": "categorical"}}))
    cells = dict(zip(COLUMNS, GOOD.decode().split(","), strict=True))
    held = names[:kept] or names
    full = [cells[n] if n in held else "" for n in COLUMNS]
    value = ",".join(cells[n] for n in held).encode()
    assert reader.events(value, columns(*held)) == reader.events(",".join(full).encode())


def test_columns_header_is_a_csv_line() -> None:
    """Names in the header are quoted as in CSV."""
    reader = RowReader(build({"y": {"role": "label"}, "a,b": {"kind": "categorical"}}))
    assert reader.events(b"UA,1", [("columns", b'"a,b",y')]) == [("", 1, "| a,b=UA")]


def test_content_type_decides(reader: RowReader) -> None:
    """What the content type says is what a value is read as."""
    value = b'{"carrier": "UA"}'
    assert reasons(reader.events(value, JSON)) == ["good"]
    assert reasons(reader.events(value, CSV)) == ["wrong-width"]


def test_json_is_recognised_if_it_parses() -> None:
    """Without a content type, what begins like JSON but does not parse is CSV."""
    reader = RowReader(build({"a": {"kind": "categorical"}, "y": {"role": "label"}}))
    assert reader.events(b"[x,1\n{y,0") == [("", 1, "| a=[x"), ("", 0, "| a={y")]
    assert reader.events(b'{"a": "x", "y": 1}') == [("", 1, "| a=x")]


def test_other_headers_mean_nothing(reader: RowReader) -> None:
    """Headers of others on a record do not change how it is read."""
    assert reader.events(GOOD, [("traceparent", b"00-x")]) == [GOOD_ROW]


@given(st.lists(st.sampled_from(["a,1", "b,0,", "c,1,5", "a", ",1", "", '"d",1', "e,x", "\r"])))
def test_label_lines_cut_at_once_are_labels_read_one_by_one(lines: list[str]) -> None:
    """The short cut for plain label records gives what the CSV reader gives."""
    reader = RowReader(build(COLUMNS))
    value = "\n".join(lines).encode()
    assert reader.labels(value) == reader.labels(value, (("other", b""),))


@given(
    st.recursive(
        st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=30)),
        lambda inner: st.one_of(st.lists(inner), st.dictionaries(st.text(max_size=5), inner)),
        max_leaves=60,
    )
)
def test_a_refusal_quotes_a_json_value_as_json(value: object) -> None:
    """The beginning of it, whatever it holds; a text by itself has no quotes."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    assert shown(value) == quoted(text)


def test_a_refusal_says_that_a_json_value_goes_on() -> None:
    """At whatever character the quote ends."""
    for length in range(QUOTED_LENGTH + 10):
        value = [["x" * length], None]
        assert shown(value) == quoted(json.dumps(value))


def test_a_refusal_quotes_values_of_any_depth() -> None:
    """Deeper than Python itself can show them."""
    refusal = object_cells({"a": orjson.loads(b"[" * 1000 + b"]" * 1000)}, ColumnNames(("a",)))
    assert refusal == Refusal("nested-value", "a", "[" * 199 + "…")
