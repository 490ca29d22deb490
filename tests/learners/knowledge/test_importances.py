"""How much columns and pairs matter, of a model whose terms are known."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import product
from typing import Any, cast

import pytest

from converters.convert.to_vw_text import compile_schema
from learners.explain.row_pieces import RowPieces
from learners.knowledge.importances import evenly, importances
from learners.learner import Learner, LearnerSpec, LineBlock
from tests.support.rows.schemas import build

SCHEMA = build({name: {"kind": "categorical"} for name in "abcd"} | {"y": {"role": "label"}})


class Terms:
    """Log-odds of 2 for a=1, 3 more if b=1 too, and 1 for c=1; d adds nothing."""

    order = 2
    spec = LearnerSpec("vw", ())

    def log_odds(self, blocks: Sequence[LineBlock]) -> list[float]:
        """Of each line."""
        lines = [line.split() for block in blocks for line in block.lines]
        return [
            2.0 * ("a=1" in each) + 3.0 * ("a=1" in each and "b=1" in each) + ("c=1" in each)
            for each in lines
        ]

    def predict(self, lines: Sequence[str]) -> list[float]:
        """Of each line."""
        odds = self.log_odds([LineBlock("\n".join([*lines, ""]), len(lines))])
        return [1 / (1 + math.exp(-each)) for each in odds]


def test_terms_are_found() -> None:
    """A column's is the mean of what it adds; a pair's of what both add together."""
    convert = compile_schema(SCHEMA).row
    rows: list[Any] = [convert([*cells, ""]) for cells in product("01", repeat=4)] * 5
    lines = [row[2] for row in rows]
    found = importances(cast("Learner", Terms()), RowPieces(SCHEMA), lines)
    columns = dict(found.columns)
    assert [name for name, _ in found.columns] == ["a", "b", "c", "d"]
    # Against all other rows a=1 adds 1 on average, and its half of the cross: it is 0 or 1 alike.
    assert columns["c"] == pytest.approx(0.5, abs=0.05)
    assert columns["a"] == pytest.approx((2 + 3 * 0.5) / 2, abs=0.3)
    assert columns["d"] == 0
    pairs = dict(found.pairs)
    assert pairs["a", "b"] > 0.5
    assert [value for names, value in found.pairs if names != ("a", "b")] == pytest.approx([0] * 5)


def test_without_rows_nothing_is_known() -> None:
    """No rows, or one that can be held against none."""
    cuts = RowPieces(SCHEMA)
    for lines in ([], ["| a=1"]):
        found = importances(cast("Learner", Terms()), cuts, lines)
        assert (found.columns, found.pairs) == ([], [])


def test_rows_are_taken_evenly() -> None:
    """From the oldest to the newest."""
    assert evenly(list("abcdefgh"), 4) == ["a", "c", "e", "g"]
    assert evenly(["a"], 4) == ["a"]
