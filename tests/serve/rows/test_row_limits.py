"""What is read, converted and scored at once, for rows of any length and width."""

from __future__ import annotations

import pytest

from converters.config.settings import ServeSettings
from converters.convert.row_block import MOST_IN_BLOCK
from serve.rows.row_limits import BLOCK_CELLS, PART_BYTES, RowLimits


@pytest.mark.parametrize("columns", [1, 12, 64, 128, 1_000, 3_000, 10**6])
def test_a_block_is_bounded_in_rows_and_cells(columns: int) -> None:
    """An empty row has as many cells as the schema has columns."""
    rows = RowLimits.of(ServeSettings(), columns).block_rows
    assert 1 <= rows <= MOST_IN_BLOCK
    assert rows == 1 or rows * columns <= BLOCK_CELLS
    assert columns > 64 or rows == MOST_IN_BLOCK


@pytest.mark.parametrize("max_row", [1_024, PART_BYTES, 10 * PART_BYTES])
def test_a_part_is_no_longer_than_a_row_may_be(max_row: int) -> None:
    """Or a row that is too long could be in a part that is not."""
    limits = RowLimits.of(ServeSettings(max_row=max_row), 12)
    assert limits.part_bytes == min(PART_BYTES, max_row)
    assert limits.row_bytes == max_row
