"""Many rows at once: whatever they hold, each becomes what it becomes alone."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from converters.cells.kind import CONVERTER_VERSION, FIRST_CONVERTER
from converters.cells.numbers import Numbers, number_pieces, number_text, numbers
from converters.cells.refusal import Refusal
from converters.convert.records import RowReader
from converters.convert.to_vw_text import FEWEST_IN_BLOCK, compile_schema, reference
from converters.objects.json_columns import column_cells, object_columns
from converters.objects.json_rows import object_cells
from converters.pieces import column_memory
from converters.schema.column_names import ColumnNames
from converters.schema.schema import Schema
from tests.support.rows import schemas
from tests.support.rows.schemas import build

SCHEMA = build(
    {
        "key": {"role": "id"},
        "late": {"role": "label"},
        "dist": {"kind": "numeric", "min": -50, "max": 50},
        "load": {"kind": "numeric", "transform": "log1p", "missing": "indicator"},
        "carrier": {"kind": "categorical"},
    }
)
GOOD = ["k", "1", "7", "2.5", "UA"]
# Lines of too many and too few cells that make up for each other, line ends aside.
ODD_LINES = ["", ",", "k,1,7,2.5", "k,1,7,2.5,UA,AA", "k,1,7,2.5,U A", "k,2,7,2.5,UA", "k,1,x,1,UA"]


def cells_of(lines: list[str]) -> list[list[str]]:
    """The cells of each line; an empty one has none."""
    return [line.split(",") if line else [] for line in lines]


@given(st.lists(st.sampled_from([",".join(GOOD)] * 8 + ODD_LINES), max_size=3 * FEWEST_IN_BLOCK))
def test_lines(lines: list[str]) -> None:
    """Lines of any widths, good and bad, convert as their cells do one by one."""
    conversion, expected = compile_schema(SCHEMA), list(map(reference(SCHEMA), cells_of(lines)))
    columns = conversion.columns(lines, ",")
    assert columns is None or conversion.block(columns) == expected
    assert conversion.rows(cells_of(lines)) == expected


def test_refused_rows_stay_refused() -> None:
    """A row refused before its cells were known passes through in its place."""
    refusal = Refusal("not-utf8", "", "x")
    rows = [GOOD, refusal] * FEWEST_IN_BLOCK
    good = reference(SCHEMA)(GOOD)
    assert compile_schema(SCHEMA).rows(rows) == [good, refusal] * FEWEST_IN_BLOCK


@pytest.mark.parametrize("size", [1, FEWEST_IN_BLOCK, 300])
def test_values_that_never_repeat(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    """Where remembering was given up, numbers and categories still come out as one by one."""
    monkeypatch.setattr(column_memory, "FIRST_LOOK", 8)
    monkeypatch.setattr(column_memory, "WATCHED_CELLS", 8)
    dice = random.Random(size)
    plain, conversion = reference(SCHEMA), compile_schema(SCHEMA)
    odd = ["", "0", "-0", "1e-38", "1e39", "x", "1e-20", "7.0", " 8 ", "1_0", "1e16", "5e-5"]
    for _ in range(12):
        rows = []
        for _ in range(size):
            a, b = (repr(dice.gauss(0, 40)) for _ in range(2))
            c = f"{dice.getrandbits(40):x}" + dice.choice(["", "", "", " ", "|", "^", "\n", "é"])
            if dice.random() < 0.01:
                a = dice.choice(odd)
            rows.append(["k", "1", a, dice.choice([b, b, b, *odd[:4]]), c])
        assert conversion.rows(rows) == [plain(row) for row in rows]


spelt = st.one_of(
    schemas.decimals,
    st.sampled_from(["1,5", "5.", "007", "+1", "1.0", "1.05", "10", "-7", "9007199254740993"]),
)


@given(st.lists(spelt))
@example(["1.05", "2.0"])
@example(["2.0", "1.05"])
@example(["1.05", "-2.5"])
def test_many_numbers(cells: list[str]) -> None:
    """Numbers read together are the doubles that float reads, and are written as these."""
    found = numbers(cells) if cells else None
    if found is not None:
        values = [float(cell) for cell in cells]
        expected = Numbers(values, min(values), max(values))
        assert found[:3] == expected[:3]
        given, lead, plain = number_pieces(" a:", found, " a=0")
        pieces, other_lead, other_plain = number_pieces(" a:", expected, " a=0")
        assert [lead + piece for piece in given] == [other_lead + piece for piece in pieces]
        assert plain == other_plain


@given(st.lists(st.floats(-3e38, 3e38).filter(lambda x: not 0 < abs(x) < 1e-37), min_size=1))
def test_many_numbers_are_written_as_one(values: list[float]) -> None:
    """Numbers written together are written as one by one."""
    alone = [f" a:{number_text(value)}" if value else " a=0" for value in values]
    pieces, lead, plain = number_pieces(" a:", Numbers(values, min(values), max(values)), " a=0")
    assert [lead + piece for piece in pieces] == alone
    assert plain == all(not value or 1e-4 <= abs(value) < 1e7 for value in values)


NAMED: schemas.Columns = {
    "key": {"role": "id"},
    "late": {"role": "label", "was": "past"},
    "dist": {"kind": "numeric", "was": ["far"]},
    "carrier": {"kind": "categorical"},
    "remark": {"kind": "text"},
    "at": {"role": "time"},
}
EDGES = [0.0, -0.0, 9.9e-5, 1e-7, 0.1, 1e15, 1e16, 2.0**53 - 1, 2.0**53, 2.0**64, 2.0**70, 7.5, 7.0]
values_of_json = [
    st.sampled_from(EDGES),
    st.floats(allow_nan=False, allow_infinity=False),
    st.integers(-(2**63), 2**70),
    st.booleans(),
    st.none(),
    st.text(max_size=3),
    st.lists(st.none(), max_size=1),
]
# The values of a column are mostly of few kinds.
columns_of_json = st.lists(st.sampled_from(values_of_json), min_size=1, max_size=3).flatmap(
    lambda kinds: st.lists(st.one_of(*kinds), min_size=1, max_size=4)
)


@pytest.mark.parametrize("name", NAMED)
@given(values=columns_of_json)
@example(values=[9.9e-5])
@example(values=[1e16, None])
@example(values=[2.0**53 - 1, 7.5])
@example(values=[2.0**53])
@example(values=[2.0**64])
@example(values=[1, None, True])
@example(values=[2**70])
def test_columns_of_json(name: str, values: list[Any]) -> None:
    """The values of a column are the cells that each is alone; none if one of them is refused."""
    of = build(NAMED)
    alone = [
        object_cells({"it": value}, ColumnNames(("it",)), *_told_of("it", name, of))
        for value in values
    ]
    together = column_cells(values, "it", *_told_of("it", name, of))
    if together is None:
        assert any(isinstance(cells, Refusal) for cells in alone)
    else:
        assert [[cell] for cell in together] == alone


def _told_of(it: str, name: str, of: Schema) -> tuple[list[str], dict[str, float]]:
    """The numbers and whole columns for a schema of one column of this kind."""
    numbers = [it] if name in of.numbers else []
    return numbers, {it: of.whole[name]} if name in of.whole else {}


objects_of_names = st.lists(
    st.lists(st.sampled_from([*NAMED, "past", "far", "other", "one"]), unique=True, max_size=4)
)


@pytest.mark.parametrize("extra", ["reject", "ignore"])
@given(objects_of_names, st.integers(0, 3))
@example([["key", "other"], ["key", "one"]], 1)
@example([["key", "late"], ["key"]], 1)
@example([["key", "late"], ["late", "key"]], 1)
@example([["key", "late"], ["key", "dist"]], 1)
@example([["dist", "far"], ["past", "key"]], 3)
def test_columns_of_objects(extra: str, keys: list[list[str]], first: int) -> None:
    """Objects of equal keys in any order are columns of the cells of each; others are none."""
    of = build(NAMED, record={"extra": extra})
    rows = [{name: f"{name} {at}" for name in names} for at, names in enumerate(keys)]
    rows = rows[:1] * first + rows
    if not rows:
        return
    alone = [object_cells(row, of.column_names, of.numbers, of.whole) for row in rows]
    columns = object_columns(rows, of.column_names, of.numbers, of.whole)
    alike = all(row.keys() == rows[0].keys() for row in rows)
    assert (columns is not None) == (alike and Refusal not in set(map(type, alone)))
    if columns is not None:
        assert [list(cells) for cells in zip(*columns, strict=True)] == alone


def test_what_is_no_object_is_in_no_columns() -> None:
    """A text, or a list, may have what looks like the same keys."""
    names = ColumnNames(("a", "b"))
    for odd in ("ab", ["a", "b"], 1, None):
        assert object_columns([{"a": "1", "b": "2"}, odd], names) is None
        assert object_columns([odd], names) is None


@pytest.mark.parametrize("path", ["", "after"])
@given(objects_of_names, st.sampled_from([1, 24, 257]))
@example([["key"]], 257)
@example([["dist", "key"], ["key"]], 200)
@schemas.UNHURRIED
def test_a_record_of_many_objects(path: str, keys: list[list[str]], times: int) -> None:
    """Each is read as if it were alone, whatever is in the record beside it."""
    reader = RowReader(build(NAMED, record={"path": path, "extra": "ignore"}))
    rows: list[Any] = [{name: str(at) for name in names} for at, names in enumerate(keys)]
    rows = [{"after": row} if path and row else row for row in [*rows, {"dist": 2.5}]]
    alone = [reader.events(json.dumps(row).encode())[0] for row in rows]
    assert reader.events(json.dumps(rows * times).encode()) == alone * times


@pytest.mark.parametrize("version", [FIRST_CONVERTER, CONVERTER_VERSION])
@pytest.mark.parametrize("missing", ["-1", " 7 ", "1e0002", "007", ".", "1,5", "nan", "", "-0"])
def test_missing_cells_among_many_numbers(version: int, missing: str) -> None:
    """A spelling of missing that is a number is found among numbers, too."""
    column = {"kind": "numeric", "missing_values": [missing] if missing else []}
    schema = build({"late": {"role": "label"}, "a": column}).read_by(version)
    cells = ["8", missing, "9.5", missing]
    texts, lead, _ = schema.features[0].pieces(cells)
    assert [lead + text for text in texts] == list(map(schema.features[0].plain_piece, cells))
