"""The value of decisions once the labels are known, and the best threshold for them.

Takes the examples' scores, labels and amounts; gives the value by threshold for reports. *To
act* is to take an event for positive: its score is at or above the threshold. ``[value]`` says
the price of each outcome, for an amount of one.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from converters.config.learning_settings import ValueSettings
from converters.show.tables import counted
from learners.comparison.bootstrap import block_counts, block_length
from learners.metrics.arrays import BoolArray, FloatArray, IntArray, sum_in_order


def decision_values(
    acted: BoolArray, positive: BoolArray, amounts: FloatArray, value: ValueSettings
) -> FloatArray:
    """The value of each decision; nan where the amount is."""
    acting = np.where(positive, value.true_positive, value.false_positive)
    waiting = np.where(positive, value.false_negative, value.true_negative)
    return np.where(acted, acting, waiting) * amounts


# Thresholds of the curve: quantiles of the scores, so that each is passed by as many lessons.
CURVE_POINTS = 200
# For which thresholds differ from the best; finer than the curve can be read.
RESAMPLES = 400
FEWEST_LESSONS = 30
# The threshold that no score reaches.
NEVER = math.nextafter(1.0, 2.0)


@dataclass(frozen=True, slots=True)
class Best:
    """The threshold at which recent decisions would have had the highest value.

    Attributes:
        threshold: act from this score on; above 1 for never.
        value: an event, looking back: the same lessons chose it, so the next will bring less.
        low: lowest threshold that cannot be told from it.
        high: highest one; above 1 where never acting cannot.
        note: how far to trust it, in plain words.
    """

    threshold: float
    value: float
    low: float | None
    high: float | None
    note: str


def value_by_threshold(
    scores: FloatArray,
    positive: BoolArray,
    amounts: FloatArray,
    value: ValueSettings,
    confidence: float,
) -> dict[str, Any]:
    """The value an event by threshold over recent lessons, and the best threshold.

    Args:
        scores: as served, in the order of the lessons; nan where there is none.
        positive: the labels.
        amounts: by what each event's value is multiplied; nan where that is not known.
        value: the prices of decisions.
        confidence: with which thresholds outside the best one's interval are worse.

    Returns:
        ``{"events", "without_amount", "break_even", "break_even_value", "curve": [{"threshold",
        "value"}], "best"}``, the curve by rising threshold, from always to never acting; ``best``
        as :class:`Best`, and None without lessons.
    """
    scored = ~np.isnan(scores)
    known = scored & ~np.isnan(amounts)
    told = {
        "events": int(known.sum()),
        "without_amount": int((scored & ~known).sum()),
        "break_even": value.break_even,
    }
    if not told["events"]:
        return {**told, "break_even_value": None, "curve": [], "best": None}
    curve = _Curve(scores[known], positive[known], amounts[known], value)
    points = zip(curve.thresholds.tolist(), curve.values.tolist(), strict=True)
    return {
        **told,
        "break_even_value": curve.value_at(value.break_even),
        "curve": [{"threshold": t, "value": v} for t, v in points],
        "best": asdict(curve.best(confidence)),
    }


class _Curve:
    """The value an event at each of some thresholds.

    Only what acting adds to not acting counts; a lesson adds it to all thresholds up to its score.
    """

    def __init__(
        self, scores: FloatArray, positive: BoolArray, amounts: FloatArray, value: ValueSettings
    ) -> None:
        acting, waiting = (
            decision_values(np.full_like(positive, does), positive, amounts, value)
            for does in (True, False)
        )
        self.thresholds = _thresholds(scores, value.break_even)
        self._passed: IntArray = np.searchsorted(self.thresholds, scores, side="right") - 1
        self._gains = acting - waiting
        self._never = sum_in_order(waiting) / scores.size
        self.values = self._never + self._above(self._gains)

    def value_at(self, threshold: float) -> float:
        """The value an event at one of the thresholds."""
        return float(self.values[np.searchsorted(self.thresholds, threshold)])

    def _above(self, gains: FloatArray) -> FloatArray:
        """What acting from each threshold on adds, an event."""
        sums = np.bincount(self._passed, gains, self.thresholds.size)
        above: FloatArray = np.cumsum(sums[::-1])[::-1] / gains.size
        return above

    def best(self, confidence: float) -> Best:
        """The threshold of the highest value, the highest of several."""
        at = int(self.values.size - 1 - np.argmax(self.values[::-1]))
        threshold, worth = float(self.thresholds[at]), float(self.values[at])
        count = self._gains.size
        if count < FEWEST_LESSONS:
            labels = counted(count, "label", "labels")
            note = f"chosen by {labels}, too few to say how far to trust it"
            return Best(threshold, worth, None, None, note)
        low, high = self._as_good(at, confidence)
        note = (
            f"chosen looking back on {count:,} labels; at {confidence * 100:g} % confidence they "
            f"cannot tell it from {_shown(low)} to {_shown(high)}"
        )
        return Best(threshold, worth, low, high, note)

    def _as_good(self, at: int, confidence: float) -> tuple[float, float]:
        """The lowest and the highest threshold that may be as good as the best.

        One is worse if the best beats it in all but a few resamples. (Where the best itself lies
        in each resample would say too little: the bootstrap fails for a place of a maximum,
        Abrevaya and Huang 2005.)
        """
        block = np.arange(self._gains.size) // block_length(self._gains)
        width, blocks = self.thresholds.size, int(block[-1]) + 1
        sums = np.bincount(block * width + self._passed, self._gains, blocks * width)
        above = np.cumsum(sums.reshape(blocks, width)[:, ::-1], axis=1)[:, ::-1]
        behind = block_counts(blocks, RESAMPLES) @ (above[:, [at]] - above)
        worse = np.quantile(behind, 1 - confidence, axis=0) > 0.0
        good = self.thresholds[~worse]
        return float(good[0]), float(good[-1])


def _thresholds(scores: FloatArray, break_even: float) -> FloatArray:
    """From acting always to never: 0, scores that are there, and what no score reaches."""
    quantiles = np.quantile(scores, np.linspace(0, 1, CURVE_POINTS), method="higher")
    return np.unique(np.concatenate((quantiles, [0.0, break_even, NEVER])))


def _shown(threshold: float) -> str:
    return "never acting" if threshold > 1 else f"{threshold:.3f}"
