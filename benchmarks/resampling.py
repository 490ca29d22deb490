"""Intervals for differences between scores of the same events, by a bootstrap of whole days.

Flights of one day share their weather, so they are drawn together: drawn one by one, or by DeLong's
formula, the intervals would be about half as wide. Draws come from a fixed seed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.int64]

DRAWS = 1000
SEED = 1
CONFIDENCE = 0.95
# Scores are kept as far from 0 and 1 as Freshet's own log loss keeps them.
CLIP = 1e-7


@dataclass(frozen=True)
class Interval:
    """An estimate and the bounds between which it lies with 95 % confidence."""

    estimate: float
    low: float
    high: float

    def __str__(self) -> str:
        """As a difference, with its sign."""
        return f"{self.estimate:+.4f} [{self.low:+.4f}, {self.high:+.4f}]"


@dataclass(frozen=True)
class Quality:
    """How good one series of scores is, and what it is more than another."""

    auc: float
    log_loss: float
    auc_difference: Interval
    log_loss_difference: Interval


class RankedScores:
    """AUC of one series of scores where each event counts as often as it was drawn."""

    def __init__(self, scores: FloatArray, positive: BoolArray) -> None:
        self._order = np.argsort(scores, kind="stable")
        ranked = scores[self._order]
        self._starts = np.flatnonzero(np.r_[True, ranked[1:] != ranked[:-1]])
        self._positive = positive[self._order]

    def auc(self, weights: FloatArray) -> float:
        """The share of pairs of a positive and a negative that stand in order, ties half."""
        drawn = weights[self._order]
        positives = np.add.reduceat(drawn * self._positive, self._starts)
        negatives = np.add.reduceat(drawn * ~self._positive, self._starts)
        below = np.cumsum(negatives) - negatives / 2
        return float(positives @ below / (positives.sum() * negatives.sum()))


def qualities(
    positive: BoolArray, days: IntArray, scores: Mapping[str, FloatArray], against: str
) -> dict[str, Quality]:
    """AUC and log loss of each series, with the differences from one of them.

    Args:
        positive: the labels.
        days: which day each event belongs to, numbered from 0.
        scores: series by name, each one score an event.
        against: the name of the series that the others are compared with.
    """
    ranked = {name: RankedScores(series, positive) for name, series in scores.items()}
    losses = {name: _losses(series, positive) for name, series in scores.items()}
    draw = np.random.default_rng(SEED)
    count = int(days.max()) + 1
    aucs: dict[str, list[float]] = {name: [] for name in scores}
    means: dict[str, list[float]] = {name: [] for name in scores}
    for number in range(DRAWS + 1):
        # The first are the events as they are.
        times = (
            np.ones(count) if number == 0 else draw.multinomial(count, np.full(count, 1 / count))
        )
        weights = times[days].astype(np.float64)
        for name in scores:
            aucs[name].append(ranked[name].auc(weights))
            means[name].append(float(weights @ losses[name] / weights.sum()))
    return {
        name: Quality(
            aucs[name][0],
            means[name][0],
            _difference(aucs[name], aucs[against]),
            _difference(means[name], means[against]),
        )
        for name in scores
    }


def _losses(scores: FloatArray, positive: BoolArray) -> FloatArray:
    clipped = np.clip(scores, CLIP, 1 - CLIP)
    return -np.log(np.where(positive, clipped, 1 - clipped))


def _difference(ours: list[float], theirs: list[float]) -> Interval:
    """The differences draw by draw: of the events as they are, and between which bounds."""
    differences = np.subtract(ours, theirs)
    tail = 50 * (1 - CONFIDENCE)
    low, high = np.percentile(differences[1:], [tail, 100 - tail])
    return Interval(float(differences[0]), float(low), float(high))
