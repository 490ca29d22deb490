"""The table of weights grows with the crosses of the columns."""

from __future__ import annotations

import random

from converters.init.column_decision import Decision
from converters.sampling.column_sample import ColumnSample
from learners.selection.table_size import MOST_BITS, VW_BITS, table_bits


def bits(distinct: int, columns: int, kind: str = "categorical") -> int:
    """Of so many columns of so many different cells each."""
    dice = random.Random(1)
    names = [f"c{n}" for n in range(columns)]
    samples = {
        name: ColumnSample(
            name, [str(dice.randrange(distinct)) for _ in range(3_000)], range(3_000)
        )
        for name in names
    }
    settings = {"kind": kind} | ({"edges": (1, 2, 3)} if kind == "numeric" else {})
    return table_bits([Decision(name, settings, "") for name in names], samples)


def test_few_crosses_need_no_more_than_is_usual() -> None:
    """Categories of few values, and numbers in bins, fit into Vowpal Wabbit's own table."""
    assert bits(10, 5) == VW_BITS
    assert bits(3_000, 8, "numeric") == VW_BITS
    assert bits(1_000, 1) == VW_BITS


def test_many_crosses_need_a_larger_one() -> None:
    """Of columns of thousands of values nearly every cross is new; the size has an end."""
    assert VW_BITS < bits(500, 6) <= MOST_BITS
    assert bits(3_000, 24) == MOST_BITS
