"""Rows put together from the pieces of two others."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from converters.cells.refusal import Refusal
from converters.convert.to_vw_text import Conversion, compile_schema, unlabelled
from converters.schema.schema import Schema
from learners.explain.row_pieces import RowPieces
from tests.support.rows.schemas import UNHURRIED, build, rows_of, schemas


def _line(conversion: Conversion, cells: list[str]) -> str:
    row = conversion.row(cells)
    return "" if isinstance(row, Refusal) else unlabelled(row[2])


@UNHURRIED
@given(schemas(), st.data())
def test_a_mixture_is_the_line_of_the_mixed_cells(schema: Schema, data: st.DataObject) -> None:
    """Whatever the columns are: cutting and joining agrees with the converter."""
    conversion, cuts = compile_schema(schema), RowPieces(schema)
    one, other = data.draw(rows_of(schema)), data.draw(rows_of(schema))
    taken = data.draw(st.sets(st.sampled_from(cuts.columns)))
    mixed = [
        ours if column.name in taken else theirs
        for column, ours, theirs in zip(schema.columns, one, other, strict=True)
    ]
    lines = [_line(conversion, cells) for cells in (one, other, mixed)]
    if not all(lines):  # one of them is refused
        return
    first, second = cuts.cut(lines[0]), cuts.cut(lines[1])
    assert cuts.line(first) == lines[0]
    numbers = frozenset(map(cuts.columns.index, taken))
    assert cuts.line(cuts.mixed(first, second, numbers)) == lines[2]


def test_what_no_column_wrote_is_kept_apart() -> None:
    """A feature that is added to a line belongs to none, and is not lost."""
    schema = build({"late": {"role": "label"}, "a": {"kind": "categorical"}})
    cuts = RowPieces(schema)
    pieces = cuts.cut("1 | a=x seen:3 |q more=1")
    assert pieces == (" a=x", " seen:3 |q more=1")
    assert cuts.owners == (0, 1)
    assert cuts.differing(pieces, cuts.cut("| a=x")) == [1]
