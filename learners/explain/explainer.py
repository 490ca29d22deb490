"""Explains the scores of one version: what each column adds, against the rows of a baseline.

The work on a row is a generator that yields between blocks of scores, so that a server can answer
others meanwhile; :func:`finished` runs one to its end.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Sequence
from typing import NamedTuple, TypeVar

from learners.explain.baseline import Baseline, BaselineError
from learners.explain.row_pieces import Pieces, RowPieces
from learners.explain.shapley import ORDERS, Values, Versus, any_order, pairwise
from learners.learner import Learner, LineBlock
from learners.line_bounds import BLOCK, RefusedLinesError
from learners.metrics.metrics import CLIP

T = TypeVar("T")
Work = Generator[None, None, T]

# A learner's score is rounded to float32, its log-odds are summed in it: what is less than so much
# apart, as a share of what a change of the log-odds can do to the score, is one score.
ROUNDING = 1e-5


class Explanation(NamedTuple):
    """Why a row has its score. Log-odds are natural logarithms.

    Attributes:
        score: as it is served.
        log_odds: of the learner, before calibration and correction of imbalance.
        baseline: the mean log-odds of the baseline's rows.
        contributions: what each column adds, in their order; with ``other`` they add up to
            ``log_odds`` less ``baseline``.
        other: what features add that are no column's.
        adjustment: what calibration and correction of imbalance add: with it the log-odds are those
            of ``score``.
        errors: the standard error of each contribution; None where they are exact.
        pieces: of the row.
    """

    score: float
    log_odds: float
    baseline: float
    contributions: tuple[float, ...]
    other: float
    adjustment: float
    errors: tuple[float, ...] | None
    pieces: Pieces


class Explainer:
    """Explains rows by one learner and one baseline.

    Args:
        learner: opened to predict; only whoever explains uses it meanwhile.
        cuts: of the schema that the learner's lines are written by.
        baseline: its rows, at least one.
    """

    def __init__(self, learner: Learner, cuts: RowPieces, baseline: Baseline) -> None:
        self.cuts = cuts
        self.baseline = baseline
        self._learner = learner
        self._exact = learner.order in (1, 2)
        self._others: list[float] = []

    def begin(self, at_once: int = BLOCK) -> Work[None]:
        """Score the baseline, once; :meth:`explain` does it as well.

        Args:
            at_once: as many lines are scored in one step.

        Raises:
            BaselineError: a row of it holds numbers that the learner does not take.
        """
        rows, found = self.baseline.rows, list[float]()
        if self._others:
            return
        for at in range(0, len(rows), at_once):
            yield
            try:
                found += self._log_odds(rows[at : at + at_once], plain=False)
            except RefusedLinesError as error:
                place, why = next(iter(error.reasons.items()))
                raise BaselineError(f"Row {at + place + 1:,} of the baseline: {why}.") from error
        self._others = found

    @property
    def log_odds(self) -> float:
        """The mean log-odds of the baseline."""
        finished(self.begin())
        return math.fsum(self._others) / len(self._others)

    @property
    def scores(self) -> int:
        """How many lines are scored for a row, at most."""
        each = 2 * (len(self.cuts.columns) + 1)
        return each * len(self.baseline.rows) * (1 if self._exact else ORDERS)

    def explain(self, line: str, at_once: int = BLOCK) -> Work[Explanation]:
        """Why a line of the converter has its score.

        Args:
            line: a label or weight before it is passed over.
            at_once: as many lines like it are scored in one step.

        Raises:
            RefusedLinesError: it holds numbers that the learner does not take.
        """
        yield from self.begin(at_once)
        line = line[line.index("|") :]
        (score,) = self._learner.predict([line])
        row = self.cuts.cut(line)
        (log_odds,) = self._log_odds([row])
        found = yield from self._values(row, log_odds, at_once)
        means = self._means([each.values for each in found])
        errors = None
        if any(each.variances for each in found):
            variances = self._means([each.variances for each in found])
            errors = tuple(math.sqrt(each / len(found)) for each in variances[:-1])
        return Explanation(
            score,
            log_odds,
            self.log_odds,
            tuple(means[:-1]),
            means[-1],
            adjustment(score, log_odds),
            errors,
            row,
        )

    def _values(self, row: Pieces, log_odds: float, at_once: int) -> Work[list[Values]]:
        """What the columns add against each row of the baseline."""
        versus = [
            Versus(row, log_odds, other, its)
            for other, its in zip(self.baseline.rows, self._others, strict=True)
        ]
        planned = pairwise if self._exact else any_order
        some = max(1, BLOCK // (2 * len(self.cuts.columns) + 2))
        found: list[Values] = []
        for start in range(0, len(versus), some):
            plan = planned(self.cuts, versus[start : start + some])
            scores: list[float] = []
            for at in range(0, len(plan.rows), at_once):
                yield
                scores += self._log_odds(plan.rows[at : at + at_once])
            found += plan.values(scores)
        return found

    def _means(self, found: Sequence[dict[int, float]]) -> list[float]:
        """The mean of each column, and of what is no column's, over the baseline's rows."""
        return [
            math.fsum(each.get(column, 0.0) for each in found) / len(found)
            for column in range(len(self.cuts.columns) + 1)
        ]

    def _log_odds(self, rows: Sequence[Sequence[str]], *, plain: bool = True) -> list[float]:
        found: list[float] = []
        for start in range(0, len(rows), BLOCK):
            lines = [self.cuts.line(row) for row in rows[start : start + BLOCK]]
            # The row and those of the baseline were checked; a mixture is only looked at.
            found += self._learner.log_odds([LineBlock("\n".join([*lines, ""]), len(lines), plain)])
        return found


def adjustment(score: float, log_odds: float) -> float:
    """What was added to the log-odds to make this score; 0 where it is their logistic function."""
    raw = logistic(log_odds)
    if abs(score - raw) <= max(ROUNDING * raw * (1 - raw), 2.0**-23):
        return 0.0
    return score_log_odds(score) - log_odds


def logistic(log_odds: float) -> float:
    """The probability of log-odds."""
    return 1 / (1 + math.exp(-min(max(log_odds, -700.0), 700.0)))


def score_log_odds(score: float) -> float:
    """The log-odds of a served score; of 0 and 1, which have none, those of 1e-7 beside it."""
    inside = score if 0 < score < 1 else min(max(score, CLIP), 1 - CLIP)
    return math.log(inside / (1 - inside))


def finished(work: Work[T]) -> T:
    """Run work to its end."""
    try:
        while True:
            next(work)
    except StopIteration as end:
        result: T = end.value
        return result
