"""Pieces from tables of bytes: those of the plain functions, whatever the tables know."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from converters.cells.refusal import Refusal, RefusedCellError
from converters.convert.to_vw_text import checked_columns, compile_schema, reference
from converters.files.cut_lines import CutLines, cut_lines
from converters.pieces import column_memory, piece_table
from converters.pieces.block_pieces import FEW_CUT, BlockPieces, Found
from converters.pieces.column_memory import CheckedColumn, Columns, at_one_look
from tests.support.rows import schemas
from tests.support.rows.schemas import build

BAD = "bad"


class Column:
    """A column that counts how many pieces it made."""

    def __init__(self, place: int) -> None:
        self.place, self.made = place, 0

    def piece(self, cell: str) -> str:
        """A number where the cell begins like one, else a category."""
        self.made += 1
        if cell == BAD:
            raise RefusedCellError("bad-value", cell)
        return f" {self.place}:{cell}" if cell[:1].isdigit() else f" {self.place}={cell}"

    @property
    def checked(self) -> CheckedColumn:
        """As a schema has it."""
        return CheckedColumn.of_each(self.place, f"c{self.place}", self.piece)


def pieces_of(columns: Sequence[Column]) -> BlockPieces:
    """The pieces of these columns."""
    checked = [column.checked for column in columns]
    return BlockPieces(checked, Columns(checked).pieces)


def cut(rows: Sequence[Sequence[str]]) -> CutLines:
    """The lines of rows, whose cells hold no syntax."""
    content = "".join([",".join(row) + "\n" for row in rows]).encode()
    lines = cut_lines(content, len(rows), ",", len(rows[0]))
    assert lines is not None
    return lines


def texts(found: Found) -> list[str]:
    """The pieces of each line joined."""
    return ["".join(filter(None, row)) for row in found.pieces.tolist()]


@contextmanager
def habits(look: int, most: int, *, collide: bool) -> Iterator[None]:
    """Decisions after so many cells, memories of so many pieces, and perhaps a hash for nothing."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(column_memory, "FIRST_LOOK", look)
        patch.setattr(column_memory, "WATCHED_CELLS", look)
        patch.setattr(column_memory, "REMEMBERED_PIECES", most)
        patch.setattr(column_memory, "FIRST_REST", 3 * look)
        if collide:
            patch.setattr(piece_table, "_FACTORS", [np.uint64(1)] * 4)
        yield


# Cells that share their beginnings, of lengths around those of words.
LONG = "abcdefgh12345678" * 3
pool = st.one_of(
    st.sampled_from([BAD, "", "é", "\x01", LONG]),
    st.builds(
        lambda word, length, end: LONG[: 8 * word + length] + end,
        st.sampled_from([0, 0, 1, 1, 2, 4]),
        st.integers(-1, 1).map(lambda length: max(0, length)),
        st.sampled_from(["", "a", "1", "\x7f", "é"]),
    ),
)


@given(
    st.data(),
    st.lists(pool, min_size=1, max_size=12),
    st.sampled_from([1, 5, 1_000]),
    st.sampled_from([4, 16_384]),
    st.booleans(),
)
@settings(schemas.UNHURRIED, max_examples=150)
def test_no_cell_ever_gets_the_piece_of_another(
    data: st.DataObject, cells: list[str], look: int, most: int, collide: bool
) -> None:
    """Of cells that are alike, in columns that are, even where all hashes collide."""
    columns = [Column(at) for at in range(3)]
    with habits(look, most, collide=collide):
        pieces = pieces_of(columns[::-1])
        for _ in range(data.draw(st.integers(1, 6))):
            a_row = st.tuples(*[st.sampled_from(cells)] * 3)
            rows = data.draw(st.lists(a_row, min_size=1, max_size=30))
            found = pieces.of(cut(rows))
            assert found.refused == {at for at, row in enumerate(rows) if BAD in row}
            for at, (row, text) in enumerate(zip(rows, texts(found), strict=True)):
                if at not in found.refused:
                    assert text == "".join([c.piece(row[c.place]) for c in columns[::-1]])


@pytest.mark.parametrize("collide", [False, True])
@pytest.mark.parametrize("length", [3, 8, 9, 16, 30, 32])
def test_a_known_cell_is_not_made_again(length: int, *, collide: bool) -> None:
    """Cells of up to 32 bytes are found in a table, however long the others are."""
    column = Column(0)
    values = [f"{n:0{length}}" for n in range(3)]
    with habits(256, 16_384, collide=collide):
        pieces = pieces_of([column])
        for _ in range(20):
            pieces.of(cut([(values[n % 3], "") for n in range(300)]))
        made = column.made
        for _ in range(4):
            pieces.of(cut([(values[n % 3], "") for n in range(300)]))
    assert column.made == made <= 3 * 20


def test_what_is_remembered_is_bounded() -> None:
    """However many values come, and however often each, a table has not more slots."""
    dice = random.Random(3)
    column = Column(0)
    with habits(50, 200, collide=False):
        pieces = pieces_of([column])
        for n in range(200):
            values = 10 + n * 5
            rows = [(str(dice.randrange(values)), "") for _ in range(100)]
            assert texts(pieces.of(cut(rows))) == [column.piece(row[0]) for row in rows]
            for table in pieces.tables:
                assert len(table) <= 8 * 400


def test_a_column_of_new_values_is_given_up_and_tried_again() -> None:
    """Where no value comes twice, no table is asked for long; once they repeat, one is again."""
    column = Column(0)
    with habits(50, 1_000, collide=False):
        pieces = pieces_of([column])
        for n in range(20):
            pieces.of(cut([(f"{n}x{at}", "") for at in range(50)]))
        assert not pieces.tables
        for _ in range(100):
            pieces.of(cut([(f"y{at % 5}", "") for at in range(50)]))
        assert pieces.tables
        made = column.made
        pieces.of(cut([(f"y{at % 5}", "") for at in range(50)]))
    assert column.made == made


@pytest.mark.parametrize("collide", [False, True])
@pytest.mark.parametrize("cell", ["1e-5", "1e8", "0x1p-60"])
def test_a_number_that_is_not_plain_is_told_each_time(cell: str, *, collide: bool) -> None:
    """Known or not, in whatever slot, and only where it is in a line that is not refused."""
    with habits(256, 16_384, collide=collide):
        pieces = pieces_of([Column(0), Column(1)])
        usual = [("1", str(at % 3 + 1)) for at in range(30)]
        for _ in range(3):
            assert pieces.of(cut(usual)).plain
            assert not pieces.of(cut([*usual, ("1", cell)])).plain


FORMS: list[Callable[[str], str]] = [
    lambda clock: clock[:16],
    lambda clock: clock[:19],
    lambda clock: clock[:19] + "Z",
    lambda clock: clock[:19].replace(" ", "T") + "+05:30",
    lambda clock: clock,
]
moments = st.tuples(
    st.sampled_from(["2013-03-10", "2013-11-03", "2023-02-29", "1960-01-01"]),
    st.sampled_from([1, 2, 24]),
    st.sampled_from([0, 15, 59, 60]),
    st.sampled_from([0, 0, 59, 60]),
    st.sampled_from([0, 120_000]),
)
others = st.sampled_from(
    ["", "2013-11-03 01:30:0", "2013-11-03 01:3x:00", "2013-11-03 01:30:00é", "13:00", "1383455000"]
)


@pytest.mark.parametrize("missing", [[], ["2013-03-10 05:00:00"]])
@given(
    st.lists(
        st.lists(st.tuples(moments, st.sampled_from([0] * 12 + [*range(len(FORMS))]), others)),
        max_size=5,
    ),
    st.integers(0, len(FORMS) - 1),
    st.sampled_from(schemas.ZONES),
)
@settings(schemas.UNHURRIED, max_examples=100)
def test_times_are_those_of_their_own_hours(
    missing: list[str],
    blocks: list[list[tuple[tuple[str, int, int, int, int], int, str]]],
    form: int,
    zone: str,
) -> None:
    """Of any form, valid or not, in zones that put clocks back or are half an hour from UTC."""
    schema = build(
        {
            "y": {"role": "label"},
            "at": {"kind": "time", "zone": zone, "missing_values": missing},
            "event": {"role": "time", "zone": zone},
        }
    )
    plain, conversion = reference(schema), compile_schema(schema)
    with habits(20, 1_000, collide=False):
        for block in blocks:
            rows = []
            for (day, *clock, fraction), other, odd in block:
                cell = "{} {:02}:{:02}:{:02}".format(day, *clock) + f".{fraction:06}"
                cell = FORMS[(form + other) % len(FORMS)](cell) if other < 4 else odd
                rows.append(("1", cell, cell))
            if rows:
                (found,), expected = conversion.byte_blocks(cut(rows)), list(map(plain, rows))
                refused = {at: e for at, e in enumerate(expected) if isinstance(e, Refusal)}
                assert found.refused == refused
                good = [e for at, e in enumerate(expected) if at not in refused]
                assert found.lines == [f"1 {text}" for _, _, text in good]


@pytest.mark.parametrize("form", [FORMS[0], FORMS[1], FORMS[2], FORMS[4]])
def test_the_times_of_an_hour_are_looked_up(form: Callable[[str], str]) -> None:
    """Of a form that a column has, no cell of a known hour is converted again."""
    schema = build({"y": {"role": "label"}, "at": {"kind": "time", "zone": "Europe/Rome"}})
    (column,) = at_one_look([c for c in checked_columns(schema) if c.times is not None])
    made: list[str] = []

    def piece(cell: str) -> str:
        made.append(cell)
        return column.piece(cell)

    of_each = CheckedColumn.of_each(column.place, column.name, piece)
    pieces = BlockPieces([replace(of_each, times=column.times)], [column.pieces])
    for seconds in range(4):
        rows = [
            ("1", form(f"2024-05-06 07:{n % 60:02}:{10 * seconds:02}.123456")) for n in range(90)
        ]
        pieces.of(cut(rows))
    assert len(made) <= 90


def test_a_column_that_no_table_can_have_is_in_none() -> None:
    """Cells that are too long or all differ, and times that are missing, from the first block."""
    schema = build({"y": {"role": "label"}, "at": {"role": "time"}, "a": {"kind": "numeric"}})
    times = [each for each in checked_columns(schema) if each.times is not None]
    kinds: list[tuple[list[CheckedColumn], Callable[[int], str]]] = [
        (times, lambda _: ""),
        ([Column(1).checked], lambda n: f"{n % 5:050}"),
        ([Column(1).checked], str),
    ]
    for checked, cell in kinds:
        pieces = BlockPieces(checked, Columns(checked).pieces)
        pieces.of(cut([("1", cell(n)) for n in range(300)]))
        assert not pieces.tables


@pytest.mark.parametrize("letter", ["k", "é"])
def test_a_table_of_unique_values_goes_as_strings_until_they_repeat(letter: str) -> None:
    """Either way each row is the plain one's; the tables are asked again after a rest."""
    with habits(50, 1_000, collide=False):
        columns = {f"c{n}": {"kind": "categorical"} for n in range(5)}
        schema = build({"id": {"role": "id"}, **columns})
        conversion, plain = compile_schema(schema), reference(schema)
        for n in range(60):
            first = n * 100 if n < 30 else 0
            values = range(first, first + (99 if n < 30 else 5))
            rows = [
                [f"{n}i{at}", *(f"{letter}{values[at % len(values)]}x{c}" for c in range(5))]
                for at in range(99)
            ]
            (block,) = conversion.byte_blocks(cut(rows))
            expected = [plain(row) for row in rows]
            assert list(zip(block.ids, block.labels, block.lines, strict=True)) == expected


def test_lines_of_unique_values_are_not_cut_by_their_bytes() -> None:
    """Until a rest is over, and again as soon as they repeat."""
    columns = {f"c{n}": {"kind": "categorical"} for n in range(5)}
    with habits(50, 1_000, collide=False):
        conversion = compile_schema(build({"y": {"role": "label"}, **columns}))

        def convert(first: int, values: int) -> bool:
            rows = [["1", *[f"{first + at % values}x{c}" for c in range(5)]] for at in range(99)]
            list(conversion.byte_blocks(cut(rows)))
            return conversion.by_bytes(1)

        assert conversion.by_bytes(99)
        # The second block ends the rest after the first one, the third begins another.
        assert [convert(1_000 * n, 99) for n in range(3)] == [False, True, False]
        assert [convert(0, 5) for _ in range(9)][-5:] == [True] * 5


@pytest.mark.parametrize("given_up", [FEW_CUT, FEW_CUT + 1])
def test_a_few_columns_are_cut_one_by_one(given_up: int) -> None:
    """More of them at one go, if the tables have the others."""
    columns = [Column(at) for at in range(3 * given_up)]
    pieces = pieces_of(columns)
    rows = [[f"{at}" if c < given_up else "k" for c in range(len(columns))] for at in range(300)]
    for _ in range(2):
        lines = cut(rows)
        with patch.object(lines, "split", wraps=lines.split) as split:
            pieces.of(lines)
    assert split.called == (given_up > FEW_CUT)


@pytest.mark.parametrize("letter", ["k", "é"])
def test_columns_cut_at_one_go_are_those_cut_one_by_one(letter: str) -> None:
    """Of some of the lines, too; columns in another order are cut as ever."""
    rows = [[f"{at}", "", f"{letter}{at}" * 9, letter] for at in range(50)]
    whole = cut(rows)
    for lines in (whole, whole.part(slice(7, 31)), whole.part(np.arange(50) % 2 == 0)):
        before = lines[:]
        lines.split()
        assert lines[:] == before
    turned = whole.ordered([2, None, 0])
    turned.split()
    assert [column[8] for column in turned] == [f"{letter}8" * 9, "", "8"]
