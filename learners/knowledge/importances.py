"""How much columns and pairs of columns matter: over the kept rows, each held against others.

A column's importance is the mean magnitude of its contribution (its Shapley value in log-odds). A
pair's is that of its interaction: of two rows that differ in both columns, what changing both does
beyond what changing each does alone. Where the log-odds are a sum over columns and pairs, that is
all that the pair adds.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import NamedTuple

from learners.explain.baseline import Baseline
from learners.explain.explainer import Explainer, finished
from learners.explain.row_pieces import Pieces, RowPieces
from learners.learner import Learner
from learners.line_bounds import joined

# No more rows are scored for the columns, and no more for the pairs: each takes half a second, by
# the kind of learner.
MOST_SCORES = {"vw": 40_000, "river": 4_000}
# Rows that are explained, fewer where the scores do not allow so many; each is held against as many
# others as they allow.
MOST_ROWS, FEWEST_ROWS, FEWEST_OTHERS = 100, 10, 4
# Only these are paired, those that matter most.
MOST_PAIRED = 12


class Importances(NamedTuple):
    """In log-odds, the largest first.

    Attributes:
        columns: with each one's importance.
        pairs: likewise.
        other: that of features that are no column's, such as the control's.
        other_pairs: that of each column with them.
        rows: how many were explained.
        others: how many others each was held against.
    """

    columns: list[tuple[str, float]]
    pairs: list[tuple[tuple[str, str], float]]
    other: float
    other_pairs: list[tuple[str, float]]
    rows: int
    others: int


def importances(
    learner: Learner, cuts: RowPieces, lines: Sequence[str], *, paired: bool = True
) -> Importances:
    """Those of the columns of a model.

    Args:
        learner: opened to predict.
        cuts: of the schema that the lines are written by.
        lines: the kept rows, unlabelled.
        paired: whether to look at pairs too.
    """
    if len(lines) <= 1:
        return Importances([], [], 0.0, [], len(lines), 0)
    most, each = MOST_SCORES[learner.spec.kind], 2 * len(cuts.columns) + 2
    rows = evenly(lines, min(MOST_ROWS, max(FEWEST_ROWS, most // (each * FEWEST_OTHERS))))
    others = evenly(lines, max(FEWEST_OTHERS, most // (each * len(rows))))
    baseline = Baseline("typical", tuple(map(cuts.cut, others)))
    explainer = Explainer(learner, cuts, baseline)
    found = [finished(explainer.explain(line)) for line in rows]
    means = [_mean(map(abs, of)) for of in zip(*(e.contributions for e in found), strict=True)]
    other = _mean(abs(each.other) for each in found)
    order = sorted(range(len(means)), key=lambda column: -means[column])
    columns = [(cuts.columns[column], means[column]) for column in order]
    nobodys = [len(cuts.columns)] if other else []
    among = [*sorted(order[:MOST_PAIRED]), *nobodys]
    both = _pairs(learner, most, cuts, rows, among) if paired else []
    names = cuts.columns
    pairs = [((names[i], names[j]), value) for (i, j), value in both if j < len(names)]
    other_pairs = [(names[i], value) for (i, j), value in both if j == len(names)]
    return Importances(columns, pairs, other, other_pairs, len(rows), len(others))


def evenly(lines: Sequence[str], most: int) -> list[str]:
    """So many of the lines at most, from the oldest to the newest."""
    many = min(len(lines), most)
    return [lines[at * len(lines) // many] for at in range(many)]


def _pairs(
    learner: Learner, most: int, cuts: RowPieces, lines: Sequence[str], columns: Sequence[int]
) -> list[tuple[tuple[int, int], float]]:
    """The importance of each pair of columns; a row is held against some of the others."""
    sets = [frozenset[int](), *(frozenset({column}) for column in columns)]
    both = list(combinations(columns, 2))
    sets += map(frozenset, both)
    rows = [cuts.cut(line) for line in evenly(lines, max(2, most // len(sets)))]
    apart = max(1, min(len(rows) - 1, most // (len(sets) * len(rows))))
    sums = {pair: [0.0] * len(rows) for pair in both}
    for number, row in enumerate(rows):
        mixed = [
            cuts.mixed(row, other, each) for other in _before(rows, number, apart) for each in sets
        ]
        scores = learner.log_odds(joined([cuts.line(each) for each in mixed], plain=True))
        for start in range(0, len(scores), len(sets)):
            worth = dict(zip(sets, scores[start : start + len(sets)], strict=True))
            for pair in both:
                first, second = (worth[frozenset({column})] for column in pair)
                sums[pair][number] += worth[frozenset(pair)] - first - second + worth[sets[0]]
    found = [(pair, _mean(map(abs, of)) / apart) for pair, of in sums.items()]
    return sorted(found, key=lambda item: -item[1])


def _before(rows: Sequence[Pieces], number: int, many: int) -> Iterator[Pieces]:
    """So many other rows, spread over all."""
    step = max(1, (len(rows) - 1) // many)
    return (rows[(number - 1 - each * step) % len(rows)] for each in range(many))


def _mean(values: Iterator[float]) -> float:
    held = list(values)
    return math.fsum(held) / len(held)
