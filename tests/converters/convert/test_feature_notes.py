"""Each feature that a conversion writes has a name that is told by the config, or noted."""

from __future__ import annotations

import random

import pytest

from converters.cells.refusal import Refusal
from converters.convert.cell_watch import Census
from converters.convert.feature_notes import LONGEST_NAME, FeatureNotes, told_names
from converters.convert.from_vw_text import read_row
from converters.schema.schema import Schema
from tests.converters.convert.test_all_ways_agree import MARK, cut, on_a_line, small_memory
from tests.support.rows import random_rows
from tests.support.rows.schemas import FLIGHT, build


def told(schema: Schema) -> set[str]:
    """The keys of all features that the config tells."""
    return {
        f"{feature.namespace}|{name}" if feature.namespace else name
        for feature in schema.features
        for group in told_names(feature)
        for name in group
    }


@pytest.mark.parametrize("way", ["row", "block", "bytes"])
def test_all_are_named(way: str) -> None:
    """Of every kind of column, whatever the conversion remembers, in whatever way it converts."""
    dice, checked = random.Random(5), 0
    for _ in range(12):
        schema = random_rows.schema(dice)
        rows = [random_rows.row(dice, schema) for _ in range(120)]
        rows += [list(map(dice.choice, zip(*rows[:6], strict=True))) for _ in range(120)]
        if way == "bytes":
            rows = [row for row in rows if on_a_line(row) and not set(MARK) & set().union(*row)]
            rows = [row for row in rows if not {*'"\r\0\ufeff'} & set("".join(row))]
        census, lines = Census(schema, 10**6), list[str]()
        with small_memory():
            for begin in range(0, len(rows), 20):
                part = rows[begin : begin + 20]
                if way == "row":
                    made = list(map(census.conversion.row, part))
                    lines += [row[2] for row in made if not isinstance(row, Refusal)]
                elif way == "block":
                    text = census.conversion.row_block(list(zip(*part, strict=True))).text
                    lines += text.split("\n")[:-1]
                elif (lined := cut(part)) is not None:
                    for block in census.conversion.byte_blocks(lined):
                        lines += block.text.split("\n")[:-1]
        named = told(schema) | set(census.notes.taken())
        keys = {key for line in lines for of in read_row(line).spaces.values() for key in of}
        # Only years up to a certain one are told.
        lacking = {key for key in keys - named if ".year=" not in key and len(key) <= LONGEST_NAME}
        assert lacking == set()
        checked += len(keys)
    assert checked > 1_000


def test_columns_without_end_are_bounded() -> None:
    """No more names are noted than wanted; none where none are."""
    schema = build(FLIGHT)
    for most in (0, 7):
        notes = FeatureNotes(schema, most)
        census = Census(schema, most)
        for n in range(100):
            census.conversion.row([f"k{n}", "2024-01-01", "", "", "7", f"c{n}", f"word{n}"])
        assert len(census.notes.taken()) == most
        assert notes.taken() == census.notes.taken() == []
