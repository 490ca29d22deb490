"""All ways from cells to text say the same: by row, block and line, and the plain one.

Whatever the compiled conversion remembers of the cells it has seen, it gives what the plain
reference gives, for good and for bad rows.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from converters.cells.numbers import is_plain
from converters.cells.refusal import MOST_ID, Refusal
from converters.convert import byte_blocks, to_vw_text
from converters.convert.row_block import RowBlock, block_of
from converters.convert.to_vw_text import (
    Conversion,
    Row,
    compile_schema,
    reference,
)
from converters.files.cut_lines import CutLines, cut_lines
from converters.pieces import column_memory
from converters.schema.schema import Schema
from tests.support.rows import random_rows, schemas
from tests.support.rows.schemas import FLIGHT, build

# Parts the cells of lines.
MARK = ";"
# The rows of a block of those that are converted from bytes.
FEW_IN_BLOCK = 7
# What lines are not cut for.
NOT_PLAIN = frozenset('"\r\0\ufeff')


@contextmanager
def small_memory() -> Iterator[None]:
    """Memories that fill up, are looked at, and are given up, within a few dozen rows."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(column_memory, "REMEMBERED_PIECES", 12)
        patch.setattr(column_memory, "FIRST_LOOK", 3)
        patch.setattr(column_memory, "WATCHED_CELLS", 5)
        patch.setattr(to_vw_text, "FEWEST_IN_BLOCK", 3)
        for module in (byte_blocks, to_vw_text):
            patch.setattr(module, "MOST_IN_BLOCK", FEW_IN_BLOCK)
        yield


def in_block(conversion: Conversion, schema: Schema, rows: Sequence[Sequence[str]]) -> object:
    """What the block function gives for rows."""
    width = len(schema.columns)
    return conversion.block([[row[at] for row in rows] for at in range(width)])


def on_a_line(row: Sequence[str]) -> bool:
    """Whether a row is a line that can be cut at :data:`MARK`."""
    return not any("\n" in cell or MARK in cell for cell in row)


def text_of(conversion: Conversion, schema: Schema, rows: Sequence[Sequence[str]]) -> RowBlock:
    """The block of rows, but for whether it is plain."""
    block = conversion.row_block([[row[at] for row in rows] for at in range(len(schema.columns))])
    return replace(block, plain=False)


def lines_of(conversion: Conversion, rows: Sequence[Sequence[str]]) -> RowBlock | None:
    """The block of the rows that are lines, cut as lines, but for whether it is plain."""
    columns = conversion.columns([MARK.join(row) for row in rows if on_a_line(row)], MARK)
    return None if columns is None else replace(conversion.row_block(columns), plain=False)


def cut(rows: Sequence[Sequence[str]]) -> CutLines | None:
    """Rows as the bytes of lines, cut where they need no closer look."""
    content = "".join([MARK.join(row) + "\n" for row in rows]).encode()
    return cut_lines(content, len(rows), MARK, len(rows[0])) if rows else None


def assert_bytes_agree(
    conversion: Conversion, rows: Sequence[Sequence[str]], expected: Sequence[Row | Refusal]
) -> None:
    """From bytes comes what comes from cells, for all rows whose bytes are just their cells."""
    plain = [
        at
        for at, row in enumerate(rows)
        if on_a_line(row) and NOT_PLAIN.isdisjoint(set().union(*row))
    ]
    lines = cut([rows[at] for at in plain])
    if lines is not None:
        found = conversion.byte_blocks(lines)
        assert [replace(block, plain=False) for block in found] == blocks_of(
            [expected[at] for at in plain], FEW_IN_BLOCK
        )
        for block in found:
            pieces = [piece for line in block.lines for piece in line.split(" ")]
            assert not block.plain or all(map(is_plain, pieces))


def blocks_of(rows: Sequence[Row | Refusal], size: int) -> list[RowBlock]:
    """They in blocks of so many."""
    return [block_of(rows[at : at + size]) for at in range(0, len(rows), size)]


def assert_agree(schema: Schema, rows: Sequence[list[str]], sizes: Sequence[int]) -> None:
    """Both compiled functions give what the plain one gives, with one memory and with two."""
    plain = list(map(reference(schema), rows))
    shared, by_row, by_block = (compile_schema(schema) for _ in range(3))
    at = 0
    for size in sizes:
        block, expected = rows[at : at + size], plain[at : at + size]
        assert in_block(by_block, schema, block) == expected
        assert list(map(by_row.row, block)) == expected
        assert in_block(shared, schema, block) == expected
        assert list(map(shared.row, block)) == expected
        assert shared.rows(block) == expected
        assert text_of(by_block, schema, block) == text_of(shared, schema, block)
        assert text_of(shared, schema, block) == block_of(expected)
        assert_bytes_agree(by_block, block, expected)
        found = lines_of(shared, block)
        on_lines = [e for row, e in zip(block, expected, strict=True) if on_a_line(row)]
        assert found is None or found == block_of(on_lines)
        at = (at + size) % max(len(rows), 1)


@given(st.data())
@settings(schemas.UNHURRIED, max_examples=60)
def test_all_ways_agree(data: st.DataObject) -> None:
    """For any schema and rows, good and bad, in blocks of any size, seen before or not."""
    schema = data.draw(schemas.schemas())
    rows = data.draw(st.lists(schemas.rows_of(schema), max_size=8))
    rows += [data.draw(st.permutations(row)) for row in rows]
    sizes = data.draw(st.lists(st.integers(0, len(rows)), max_size=6))
    with small_memory():
        assert_agree(schema, rows, [*sizes, len(rows), len(rows)])


@given(st.data())
@settings(schemas.UNHURRIED, max_examples=40)
def test_rows_of_another_width_agree(data: st.DataObject) -> None:
    """Rows of too few or too many cells are refused alike."""
    schema = data.draw(schemas.schemas())
    convert, plain = compile_schema(schema).row, reference(schema)
    for cells in data.draw(st.lists(st.lists(schemas.texts, max_size=4), max_size=4)):
        assert convert(cells) == plain(cells)


@pytest.mark.parametrize(
    "seed", [0, *(pytest.param(n, marks=pytest.mark.long) for n in range(1, 41))]
)
def test_many_rows_agree(seed: int) -> None:
    """Thousands of rows under dozens of schemas, most of them through memories that are full."""
    dice = random.Random(seed)
    for _ in range(10):
        schema = random_rows.schema(dice)
        # The first half are all different, so that memories are given up; then some come often.
        rows = [random_rows.row(dice, schema) for _ in range(200)]
        rows += [list(map(dice.choice, zip(*rows[:6], strict=True))) for _ in range(200)]
        sizes = [dice.choice((0, 1, 2, 7, 50, 128)) for _ in range(12)]
        with small_memory():
            assert_agree(schema, rows, sizes)


@pytest.mark.parametrize(
    "seed", [0, *(pytest.param(n, marks=pytest.mark.long) for n in range(1, 21))]
)
def test_blocks_of_good_cells_agree(seed: int) -> None:
    """Where no cell of a block is bad or missing, a column given up is written all at once."""
    dice = random.Random(seed)
    for _ in range(40):
        schema = build({"y": {"role": "label"}, "a": dice.choice(random_rows.KINDS)(dice)})
        rules, plain = schema.columns[1].settings, reference(schema)
        drawn = [["", random_rows.cell(dice, rules)] for _ in range(150)]
        missing = ("", *rules.missing_values)
        rows = [r for r in drawn if r[1] not in missing and not isinstance(plain(r), Refusal)]
        with small_memory():
            assert_agree(schema, rows, [30, *(dice.choice((1, 3, 40)) for _ in range(4))])


BAD_CELLS = [(0, "k" * (MOST_ID + 1)), (1, "soon"), (2, "maybe"), (4, "inf")]


@pytest.mark.parametrize(("place", "cell"), BAD_CELLS)
def test_a_bad_row_is_refused_alone_in_its_block(place: int, cell: str) -> None:
    """In a block whose columns are remembered, known or given up, only the bad rows are refused."""
    dice, schema = random.Random(place), build(FLIGHT)
    rows = [["k", "2013-01-01", "1", "", repr(dice.random()), "UA", "a b"] for _ in range(200)]
    for row in rows[39::40]:
        row[place] = cell
    with small_memory():
        conversion = compile_schema(schema)
        for _ in range(3):
            converted = in_block(conversion, schema, rows)
            assert converted == list(map(reference(schema), rows))
            assert isinstance(converted, list)
            refused = [n for n, row in enumerate(converted) if isinstance(row, Refusal)]
            assert refused == [39, 79, 119, 159, 199]


def test_a_block_without_rows() -> None:
    """No rows give none, whatever the columns have seen before."""
    schema = build(FLIGHT)
    with small_memory():
        conversion = compile_schema(schema)
        numbers = [[str(n) for n in range(100)] for _ in schema.columns]
        numbers[1], numbers[2] = ["2013"] * 100, ["1"] * 100
        empty: list[list[str]] = [[] for _ in schema.columns]
        before: list[Row | Refusal] = conversion.block(empty)
        conversion.block(numbers)
        assert before == conversion.block(empty) == []
