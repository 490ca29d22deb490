"""What the converter calls plain: texts of whose numbers no learner has to look at one."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from converters.config.learning_settings import RiverSettings
from converters.convert.from_vw_text import read_row
from converters.convert.row_block import PLAIN_NUMBERS, RowBlock
from converters.convert.to_vw_text import Conversion, compile_schema
from converters.pieces import column_memory
from learners.line_bounds import bounds_for
from learners.river.arguments import river_spec
from learners.vw.arguments import vw_spec
from tests.support.rows import schemas
from tests.support.rows.schemas import build

PAIRS = [("a", "a"), ("a", "b"), ("b", "b")]
SPECS = [
    vw_spec("", PAIRS),
    vw_spec("--coin", PAIRS),
    vw_spec("--l2 0.1", PAIRS),
    river_spec(RiverSettings(), PAIRS),
]
SCHEMA = build(
    {
        "y": {"role": "label"},
        "u": {"kind": "numeric"},
        "v": {"kind": "numeric", "missing": "constant", "fill_value": "0.5"},
        "w": {"kind": "categorical"},
        "x": {"kind": "numeric", "transform": "log1p"},
    },
    learner={"interactions": [["u", "v"], ["u", "w"]]},
)
usual = st.one_of(
    st.integers(-(10**7) + 1, 10**7 - 1).map(str),
    st.floats(1e-4, 1e7, exclude_max=True).map(repr),
    st.just("0"),
)
odd = st.one_of(
    usual,
    st.sampled_from(["", "9.99e-5", "1e-4", "1e7", "9999999", "1e-38", "1e16", "1e-20", "1e9"]),
    schemas.decimals,
)


def is_bounded(text: str) -> bool:
    """Whether each number of a text is zero or of a plain magnitude."""
    rows = [read_row(line) for line in text.splitlines()]
    numbers = [abs(row.spaces[space][key]) for row in rows for key, space in row.numbers.items()]
    return all(not each or PLAIN_NUMBERS[0] <= each < PLAIN_NUMBERS[1] for each in numbers)


def block_of_cells(conversion: Conversion, rows: Sequence[Sequence[str]]) -> RowBlock:
    """Rows by column."""
    return conversion.row_block(list(zip(*rows, strict=True)))


def rows_of(cells: st.SearchStrategy[str]) -> st.SearchStrategy[list[tuple[str, ...]]]:
    """Rows of the schema, with these cells in columns of numbers."""
    return st.lists(
        st.tuples(st.just("1"), cells, cells, st.sampled_from("abc"), cells), min_size=1
    )


@pytest.mark.parametrize("look", [1, 10_000])
@settings(deadline=None)
@given(blocks=st.lists(st.one_of(rows_of(usual), rows_of(odd)), max_size=4))
def test_a_plain_text_holds_nothing_that_a_learner_refuses(
    look: int, blocks: list[list[tuple[str, ...]]]
) -> None:
    """Plain exactly where all numbers are, remembered or written in bulk; then all learners agree.

    The number of crossed columns times another is within each learner's bounds, too.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(column_memory, "FIRST_LOOK", look)
        patch.setattr(column_memory, "WATCHED_CELLS", look)
        conversion = compile_schema(SCHEMA)
        for rows in blocks:
            block = block_of_cells(conversion, rows)
            bounded = is_bounded(block.text)
            # Of a block with a refused row, neighbours may not have been looked at.
            assert block.plain <= bounded if block.refused else block.plain == bounded
            for spec in SPECS:
                assert not (block.plain and bounds_for(spec).refused(block.lines))


def test_a_text_with_weights_is_not_plain() -> None:
    """How much a row may weigh depends on the learner."""
    weighted = build(
        {"y": {"role": "label"}, "w": {"role": "weight"}, "u": {"kind": "numeric"}},
    )
    conversion = compile_schema(weighted)
    assert block_of_cells(conversion, [("1", "1", "7")]).plain
    assert not block_of_cells(conversion, [("1", "2", "7"), ("1", "1", "7")]).plain
