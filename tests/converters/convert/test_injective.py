"""Rows that differ, checked and transformed, give different text; rows that are the same do not."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from converters.cells.numbers import NUMBER
from converters.cells.refusal import Refusal
from converters.convert.to_vw_text import compile_schema
from converters.schema.schema import Schema
from tests.support.rows import random_rows, schemas
from tests.support.rows.meanings import Meaning, escaped, meanings, weight
from tests.support.rows.schemas import accepted, build

# What a cell might be taken for, if anything were taken for something else.
IMITATIONS = [
    *("", " ", "0", "-0", "0.0", "1e-38", "1e-37", "1", "true", "NA", "=", "%", "%20", "%25"),
    *("%rare", "%unseen", "Constant", "^", "*", "a", "a b", "b a", "a a", "..", "0..7", "mon"),
]


def values(schema: Schema, row: Sequence[str]) -> tuple[float, dict[str, Meaning]]:
    """What a good row holds for a learner."""
    return weight(schema, row), meanings(schema, row)


def neighbours(cell: str) -> list[str]:
    """Cells that lie near to one."""
    near = [cell + " ", " " + cell, cell + "=", cell.upper(), cell[:-1], escaped(cell), cell * 2]
    if NUMBER.fullmatch(cell):
        value = float(cell)
        near += [repr(math.nextafter(value, end)) for end in (-math.inf, math.inf)]
        near += [repr(-value), repr(value), f"{value:.17e}", f"{value:.6g}"]
    return near


@given(st.data())
@settings(schemas.UNHURRIED, max_examples=60)
def test_rows_give_the_same_text_if_and_only_if_they_mean_the_same(data: st.DataObject) -> None:
    """For any schema and any two rows, mostly ones that differ in a cell or two."""
    schema = data.draw(schemas.schemas())
    row = data.draw(schemas.rows_of(schema))
    places = data.draw(st.lists(st.integers(0, len(row) - 1), min_size=1, max_size=3))
    other = list(row)
    for place in places:
        other[place] = data.draw(st.sampled_from([*neighbours(row[place]), *IMITATIONS, *row]))
    convert = compile_schema(schema).row
    one, two = convert(row), convert(other)
    if not isinstance(one, Refusal) and not isinstance(two, Refusal):
        assert (one[2] == two[2]) == (values(schema, row) == values(schema, other))


@pytest.mark.parametrize(
    "seed", [0, *(pytest.param(n, marks=pytest.mark.long) for n in range(1, 21))]
)
def test_no_two_of_many_rows_share_a_text(seed: int) -> None:
    """Among hundreds of rows of a schema and ones that lie near, texts differ as meanings do."""
    dice = random.Random(seed)
    for _ in range(10):
        schema = random_rows.schema(dice)
        convert = compile_schema(schema).row
        rows = [random_rows.row(dice, schema) for _ in range(250)]
        for row in rows[:250]:
            at = dice.randrange(len(row))
            near = dice.choice([*neighbours(row[at]), *IMITATIONS, dice.choice(rows)[at]])
            rows.append([*row[:at], near, *row[at + 1 :]])
        good = [(r, c[2]) for r in rows if not isinstance(c := convert(r), Refusal)]
        means = {text: values(schema, row) for row, text in good}
        for row, text in good:
            assert values(schema, row) == means[text]
        distinct = {(w, tuple(held.values())) for w, held in means.values()}
        assert len(distinct) == len(means)


@given(first=st.text("ab=:|^*% ", max_size=4), second=st.text("ab=:|^*% ", max_size=4))
def test_names_cannot_imitate_each_other(first: str, second: str) -> None:
    """Whatever two columns are called, a cell of one is never taken for one of the other."""
    first, second = f"a{first}", f"a{second}x"
    columns: schemas.Columns = {
        "y": {"role": "label"},
        first: {"kind": "categorical", "missing": "indicator"},
        second: {"kind": "text", "missing": "indicator"},
    }
    schema = build(columns)
    suffix = second.removeprefix(first) if second.startswith(first) else "x"
    cells = ["", "x", suffix, f"={suffix}", f"{suffix}="]
    rows = [["", one, other] for one in cells for other in cells]
    texts = {accepted(schema, row)[2] for row in rows}
    assert len(texts) == len({tuple(map(str, meanings(schema, r).values())) for r in rows})


def test_neighbouring_numbers() -> None:
    """No two float64 values share a text, from the smallest that VW reads to the largest."""
    schema = build({"y": {"role": "label"}, "a": {"kind": "numeric"}})
    for value in (1e-37, 1e-15, 1e-4, 0.1, 1.0, 16777216.0, 1e16, 1e37, 3.4e38):
        near = [math.nextafter(value, 0), value, math.nextafter(value, math.inf)]
        texts = {accepted(schema, ["", repr(v)])[2] for v in near}
        assert len(texts) == 3


def test_zero_tiny_and_missing() -> None:
    """Zero and what VW would drop are one thing; missing and the smallest number are others."""
    schema = build({"y": {"role": "label"}, "a": {"kind": "numeric"}})
    texts = {c: accepted(schema, ["", c])[2] for c in ("0", "-0.0", "1e-38", "1e-37", "", "1")}
    assert texts["0"] == texts["-0.0"] == texts["1e-38"]
    assert len(set(texts.values())) == 4


def test_indicator_of_missing_is_no_category() -> None:
    """No cell of a categorical column gives the text that a missing one gives."""
    columns: schemas.Columns = {
        "y": {"role": "label"},
        "a": {"kind": "categorical", "missing": "indicator", "missing_values": ["NA"]},
    }
    schema = build(columns)
    texts = [accepted(schema, ["", c])[2] for c in ("", "NA", " ", "%20", "=", "0")]
    assert texts == ["| a=", "| a=", "| a=%20", "| a=%2520", "| a==", "| a=0"]


def test_columns_cannot_imitate_each_other() -> None:
    """A name that looks like another column's name and value stays a name."""
    schema = build(
        {"y": {"role": "label"}, "a": {"kind": "categorical"}, "a=b": {"kind": "numeric"}}
    )
    assert accepted(schema, ["", "b:1", ""])[2] == "| a=b%3A1"
    assert accepted(schema, ["", "", "1"])[2] == "| a%3Db:1"


def test_groups_cannot_be_imitated() -> None:
    """No cell of a column gives the text that stands for its rare or its unseen values."""
    columns: schemas.Columns = {
        "y": {"role": "label"},
        "a": {
            "kind": "categorical",
            "values": ["%rare", "%unseen", "rare", "unseen", "%25rare"],
            "rare_values": ["odd"],
            "rare": "group",
            "unseen": "group",
        },
    }
    schema = build(columns)
    cells = [*columns["a"]["values"], "odd", "other"]
    texts = [accepted(schema, ["", cell])[2] for cell in cells]
    assert texts[-2:] == ["| a=%rare", "| a=%unseen"]
    assert len(set(texts)) == len(cells)


def test_an_edge_belongs_to_the_bucket_above_it() -> None:
    """A number below an edge, at it, and above it."""
    column = {"kind": "numeric", "transform": "bucket", "edges": [0, 2.5]}
    schema = build({"y": {"role": "label"}, "a": column})
    texts = [accepted(schema, ["", c])[2] for c in ("-1e-9", "-0", "2.49", "2.5", "1e30")]
    assert texts == ["| a=..0", "| a=0..2.5", "| a=0..2.5", "| a=2.5..", "| a=2.5.."]
