"""Shapley values by their definition, over all coalitions of columns: what tests compare with."""

from __future__ import annotations

import math
from itertools import combinations

from learners.explain.row_pieces import Pieces, RowPieces
from learners.learner import Learner, LineBlock


def brute_force(learner: Learner, cuts: RowPieces, row: Pieces, other: Pieces) -> list[float]:
    """What each column adds to the log-odds of a row, against another one; any learner.

    Returns:
        One number a column.
    """
    columns = cuts.differing(row, other)  # the others add nothing in any order
    coalitions = [frozenset(s) for n in range(len(columns) + 1) for s in combinations(columns, n)]
    lines = [cuts.line(cuts.mixed(row, other, each)) for each in coalitions]
    found: list[float] = []
    for at in range(0, len(lines), 256):
        some = lines[at : at + 256]
        found += learner.log_odds([LineBlock("\n".join([*some, ""]), len(some), plain=True)])
    worth = dict(zip(coalitions, found, strict=True))
    orders = math.factorial(len(columns))
    values = {
        column: math.fsum(
            math.factorial(len(each))
            * math.factorial(len(columns) - len(each) - 1)
            / orders
            * (worth[each | {column}] - value)
            for each, value in worth.items()
            if column not in each
        )
        for column in columns
    }
    return [values.get(column, 0.0) for column in range(len(cuts.columns))]
