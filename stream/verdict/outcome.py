"""What every contender comes to on the rows behind the first part, each against the proposal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from converters.config.learning_settings import ValueSettings
from learners.comparison.compare import Comparison, compare
from learners.comparison.value import decision_values
from learners.metrics.arrays import BoolArray, FloatArray, IntArray
from learners.metrics.metrics import FEWEST_LABELS, exact_areas, log_losses
from stream.verdict.footing import Footing

CONFIDENCE = 0.95
# Curves have so many points at most, each of so many labels at least.
MOST_POINTS = 40
POINT_LABELS = 10 * FEWEST_LABELS


@dataclass(frozen=True)
class Contender:
    """Who scores the rows.

    Attributes:
        name: as tables call it.
        said: the same in words.
        scores: of each row; nan where there is none.
        rows_a_second: of processor time; None where it was not measured.
        is_choice: whether one could use it; the others explain.
    """

    name: str
    said: str
    scores: FloatArray
    rows_a_second: float | None = None
    is_choice: bool = True


@dataclass(frozen=True)
class Worth:
    """What decisions by the scores are worth.

    Attributes:
        settings: the value of each outcome.
        amounts: by what it is multiplied, of each row; nan where that is not known.
    """

    settings: ValueSettings
    amounts: FloatArray


@dataclass(frozen=True)
class Measured:
    """A contender over the rows that are measured.

    Attributes:
        contender: who.
        count: for how many of the rows it has a score.
        log_loss: mean, in nats; None without a score.
        auc: area under the ROC curve; None where there is one class only.
        value: of a decision, on average; None without prices.
        against: the proposal compared with it; None for the proposal itself.
    """

    contender: Contender
    count: int
    log_loss: float | None
    auc: float | None
    value: float | None
    against: Comparison | None

    def to_json(self) -> dict[str, Any]:
        """For scripts."""
        return {
            "name": self.contender.name,
            "said": self.contender.said,
            "is_choice": self.contender.is_choice,
            "labels": self.count,
            "log_loss": self.log_loss,
            "auc": self.auc,
            "value": self.value,
            "rows_a_second": self.contender.rows_a_second,
            "proposal_against_it": None if self.against is None else self.against.to_json(),
        }


@dataclass(frozen=True)
class Outcome:
    """All contenders; the proposal is the first.

    Attributes:
        footing: the rows.
        measured: the contenders, in the order of the table.
        taken: the numbers of the rows that are measured.
        refused: how many rows behind the first part the converter refuses.
        periods: for curves.
    """

    footing: Footing
    measured: Sequence[Measured]
    taken: IntArray
    refused: int
    periods: Sequence[Period] = field(default=())

    @property
    def positives(self) -> int:
        """How many of the measured rows are positive."""
        return int(self.footing.positive[self.taken].sum())

    def of(self, name: str) -> Measured | None:
        """A contender by its name."""
        return next((each for each in self.measured if each.contender.name == name), None)


@dataclass(frozen=True)
class Period:
    """Some rows that follow each other.

    Attributes:
        start: the time of the first one in ms, or its number where rows have no time.
        end: of the last one.
        count: how many they are.
        log_loss: of each contender; None where it scores too few of them.
        auc: likewise.
    """

    start: int
    end: int
    count: int
    log_loss: dict[str, float | None]
    auc: dict[str, float | None]


def outcome(footing: Footing, contenders: Sequence[Contender], worth: Worth | None) -> Outcome:
    """Measure contenders on the same rows.

    Args:
        footing: the rows.
        contenders: the proposal first.
        worth: what decisions are worth; None if no prices are given.
    """
    proposal = contenders[0]
    after = np.arange(footing.first, len(footing))
    taken = after[~np.isnan(proposal.scores[after])]
    measured = [_measured(each, proposal, footing, taken, worth) for each in contenders]
    return Outcome(
        *(footing, measured, taken, len(after) - len(taken)),
        list(_periods(footing, contenders, taken)),
    )


def _measured(
    each: Contender, proposal: Contender, footing: Footing, taken: IntArray, worth: Worth | None
) -> Measured:
    positive, scores = footing.positive[taken], each.scores[taken]
    amounts = np.ones(len(taken)) if worth is None else worth.amounts[taken]
    value = None if worth is None else worth.settings
    against = None
    if each is not proposal:
        pair = proposal.scores[taken], scores
        against = compare(*pair, positive, amounts, CONFIDENCE, value)
    there = ~np.isnan(scores)
    scores, positive, amounts = scores[there], positive[there], amounts[there]
    worth_each = None
    if value is not None:
        gained = decision_values(scores >= value.break_even, positive, amounts, value)
        worth_each = float(np.nanmean(gained)) if not np.isnan(gained).all() else None
    loss = float(log_losses(scores, positive).mean()) if len(scores) else None
    return Measured(each, len(scores), loss, _auc(scores, positive), worth_each, against)


def _auc(scores: FloatArray, positive: BoolArray) -> float | None:
    if not 0 < int(positive.sum()) < len(positive):
        return None
    return exact_areas(scores, positive)[0]


def _periods(
    footing: Footing, contenders: Sequence[Contender], taken: IntArray
) -> Iterator[Period]:
    """The measured rows in parts of about as many each, in order of time."""
    count = min(MOST_POINTS, len(taken) // POINT_LABELS)
    for rows in np.array_split(taken, count) if count else []:
        places = rows if footing.happened is None else footing.happened[rows]
        losses, areas = {}, {}
        for each in contenders:
            there = rows[~np.isnan(each.scores[rows])]
            scores, positive = each.scores[there], footing.positive[there]
            enough = len(there) >= FEWEST_LABELS
            name = each.name
            losses[name] = float(log_losses(scores, positive).mean()) if enough else None
            areas[name] = _auc(scores, positive) if enough else None
        yield Period(int(places[0]), int(places[-1]), len(rows), losses, areas)
