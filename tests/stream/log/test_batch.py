"""Batches of records that were converted one by one."""

from __future__ import annotations

from converters.cells.refusal import Refusal
from converters.convert.row_block import Row
from learners.line_bounds import BLOCK
from stream.log.batch import EventRows, batch_of
from stream.log.contract import Place

ROWS = 3 * BLOCK + 1


def test_many_rows_are_several_blocks() -> None:
    """Vowpal Wabbit keeps as much memory as the longest block ever took: 31 KB a line."""
    rows: list[Row | Refusal] = [(str(at), at % 2, f"|f x:{at}") for at in range(ROWS)]
    batch = batch_of([EventRows(Place("m.events", 0), 0, 1, rows)], {})
    assert [block.count for block in batch.events.blocks] == [BLOCK, BLOCK, BLOCK, 1]
    assert [batch.events.row(at) for at in range(ROWS)] == rows
