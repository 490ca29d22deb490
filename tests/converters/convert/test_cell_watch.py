"""Absent and unseen cells: found in one row, in many, and counted, as the plain definition says."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from converters.cells.refusal import Refusal
from converters.convert import cell_watch
from converters.convert.cell_watch import CellCounts, CellWatch, Census, Odd
from converters.convert.cell_words import absent_words, unseen_words
from converters.convert.row_block import block_of
from converters.convert.to_vw_text import compile_schema
from converters.pieces import column_memory
from tests.support.rows.schemas import Columns, build

LOANS: Columns = {
    "loan": {"role": "id"},
    "applied": {"role": "time", "parts": ["month", "day"], "zone": "UTC"},
    "settled": {"role": "drop"},
    "amount": {"kind": "numeric", "missing_values": ["n/a"]},
    "purpose": {"kind": "categorical", "values": ["car", "home"], "rare_values": ["boat"]},
    "grade": {"kind": "categorical"},
    "note": {"kind": "text"},
    "owner": {"kind": "boolean", "missing": "indicator"},
    "defaulted": {"role": "label"},
}
SCHEMA = build(LOANS)
WHOLE = ["k", "2024-01-02", "", "9", "car", "B", "some words", "yes", ""]


def row(**cells: str) -> list[str]:
    """A whole row with other cells in some columns."""
    return [cells.get(name, cell) for name, cell in zip(SCHEMA.names, WHOLE, strict=True)]


@pytest.mark.parametrize(
    ("cells", "odd"),
    [
        ({}, Odd()),
        ({"loan": "", "defaulted": "", "settled": ""}, Odd()),
        ({"applied": ""}, Odd(("applied",))),
        ({"amount": ""}, Odd(("amount",))),
        ({"amount": "n/a"}, Odd(("amount",))),
        ({"purpose": "", "owner": ""}, Odd(("purpose", "owner"))),
        ({"note": " \t "}, Odd(("note",))),
        ({"purpose": "boat"}, Odd()),
        ({"purpose": "yacht"}, Odd((), ("purpose",))),
        ({"grade": "Z"}, Odd()),
        ({"amount": "", "purpose": "c" * 100}, Odd(("amount",), ("purpose",))),
    ],
)
def test_a_row_tells_which_of_its_features_are_absent_and_unseen(
    cells: dict[str, str], odd: Odd
) -> None:
    """Missing however it is spelt, once for all parts of a time; unseen where values are listed."""
    watch, cells_of_row = CellWatch(SCHEMA), row(**cells)
    for _ in range(2):  # remembered, and not
        refused = block_of(watch.conversion.rows([cells_of_row] * 30)).refused
        assert watch.of_row(cells_of_row) == odd
        found = watch.of_rows([cells_of_row] * 30, refused)
        assert found == (dict.fromkeys(range(30), odd) if any(odd) else {})
        columns = list(zip(*[cells_of_row] * 30, strict=True))
        assert watch.of_columns(columns, refused) == found


cells = st.sampled_from(["", "n/a", "car", "home", "boat", "yacht", "x" * 90, "1", "yes", " "])
any_rows = st.lists(
    st.builds(
        lambda amount, purpose, note: row(amount=amount, purpose=purpose, note=note),
        st.sampled_from(["", "n/a", "1", "2", "bad"]),
        cells,
        cells,
    ),
    max_size=60,
)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(any_rows, max_size=4), st.sampled_from([1, 2, 16_384]), st.sampled_from([1, 2, 1_024])
)
def test_a_census_counts_what_the_plain_definition_finds(
    blocks: list[list[list[str]]], most: int, look: int
) -> None:
    """In rows and blocks of them, refused ones left out, however much is remembered."""
    census, texts, plain = Census(SCHEMA), Census(SCHEMA), compile_schema(SCHEMA)
    expected = CellCounts()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cell_watch, "MOST_MET", most)
        patch.setattr(column_memory, "FIRST_LOOK", look)
        patch.setattr(column_memory, "WATCHED_CELLS", look)
        for block in blocks:
            converted = plain.rows(block)
            assert census.conversion.rows(block) == converted
            texts.conversion.row_block(list(zip(*block, strict=True)) or [[]] * len(WHOLE))
            for each, result in zip(block, converted, strict=True):
                if isinstance(result, Refusal):
                    continue
                expected.rows += 1
                for feature in {f.column: f for f in SCHEMA.features}.values():
                    cell = each[SCHEMA.names.index(feature.column)]
                    if feature.is_missing(cell):
                        expected.absent[feature.column] += 1
                    elif feature.is_unseen(cell):
                        expected.unseen[feature.column] += 1
    assert census.taken() == texts.taken() == expected
    assert census.taken() == CellCounts()


def test_a_column_whose_memory_is_given_up_is_counted_too() -> None:
    """Tens of thousands of different values, as those of an id that is learned from."""
    schema = build(
        {"y": {"role": "label"}, "c": {"kind": "categorical", "values": ["a"], "unseen": "group"}}
    )
    census = Census(schema)
    cells = ["a" if n % 10 == 0 else str(n) for n in range(20_000)]
    for start in range(0, len(cells), 100):
        census.conversion.block([["1"] * 100, cells[start : start + 100]])
    assert census.taken() == CellCounts(20_000, Counter(), Counter(c=18_000))


odd_cells = st.sampled_from(
    ["", "n/a", "NaN", "-1", "-1.0", "1", "1.0", "007", "true", "TRUE", "no", "x", " ", "a b", "2"]
)


@settings(max_examples=200)
@given(st.lists(odd_cells, min_size=1), st.sampled_from([[], ["n/a"], ["-1"], ["true"]]))
@pytest.mark.parametrize(
    "column",
    [
        {"kind": "numeric"},
        {"kind": "numeric", "transform": "bucket", "edges": [0.0, 1.0]},
        {"kind": "categorical"},
        {"kind": "categorical", "values": ["x", "1"], "rare_values": ["2"]},
        {"kind": "text"},
        {"kind": "boolean", "true_values": ["yes", "1"], "false_values": ["no"]},
        {"kind": "time", "zone": "UTC"},
    ],
)
def test_cells_that_are_usual_at_one_look_are_so_one_by_one(
    column: dict[str, Any], cells: list[str], missing: list[str]
) -> None:
    """No missing or unseen cell hides among many."""
    schema = build({"y": {"role": "label"}, "c": column | {"missing_values": missing}})
    feature = schema.features[0]
    if feature.are_usual(cells):
        assert not any(feature.is_missing(cell) or feature.is_unseen(cell) for cell in cells)


def test_counts_come_back_from_json() -> None:
    """What an older release wrote has none, and begins at 0."""
    counts = CellCounts(7, Counter(b=1, a=2), Counter(c=3))
    assert CellCounts.from_json(counts.to_json()) == counts
    assert CellCounts.from_json({}) == CellCounts()


def test_words_are_said_of_columns_that_are_remarkable() -> None:
    """More than a tenth unseen, or no value in any row; of few rows nothing."""
    counts = CellCounts(200, Counter(applied=200, note=199), Counter(purpose=21, grade=20))
    unseen, absent = unseen_words(counts), absent_words(counts)
    assert "purpose (21, 10%)" in unseen
    assert "grade" not in unseen
    assert "None of 200 event rows has a value for applied." in absent
    assert "note" not in absent
    assert unseen_words(CellCounts(200)) == absent_words(CellCounts(200)) == ""
    few = CellCounts(99, Counter(applied=99), Counter(purpose=99))
    assert unseen_words(few) == absent_words(few) == ""
