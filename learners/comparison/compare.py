"""Two scores of the same lessons, compared in every measure that can be.

Takes the arrays that the measures keep of recent lessons; hands on a
:class:`~learners.comparison.found.Comparison`.
"""

from __future__ import annotations

import numpy as np

from converters.config.learning_settings import ValueSettings
from learners.comparison.bootstrap import interval
from learners.comparison.delong import paired_delong
from learners.comparison.found import MEASURES, Better, Comparison, Difference
from learners.comparison.value import decision_values
from learners.metrics.arrays import BoolArray, FloatArray
from learners.metrics.metrics import log_losses, squared_errors

# Below, an interval from resamples or by the normal distribution says nothing.
FEWEST_LESSONS = 30
FEWEST_OF_A_CLASS = 10

HIGHER_IS_BETTER = {measure.name: measure.higher_is_better for measure in MEASURES}


def compare(
    a_scores: FloatArray,
    b_scores: FloatArray,
    positive: BoolArray,
    amounts: FloatArray,
    confidence: float,
    value: ValueSettings | None,
    threshold: float | None = None,
) -> Comparison:
    """Compare two scores over the lessons for which both are there.

    Args:
        a_scores: the first, in the order of the lessons; nan where there is none.
        b_scores: the second.
        positive: the labels.
        amounts: by what each event's value is multiplied; nan where that is not known.
        confidence: of the intervals.
        value: what decisions are worth; None where nobody said.
        threshold: the score from which both act; left out, where acting begins to pay.
    """
    both = ~(np.isnan(a_scores) | np.isnan(b_scores))
    a, b, positive, amounts = a_scores[both], b_scores[both], positive[both], amounts[both]
    found = {
        "log_loss": _bootstrapped(
            "log_loss", log_losses(a, positive), log_losses(b, positive), confidence
        ),
        "brier": _bootstrapped(
            "brier", squared_errors(a, positive), squared_errors(b, positive), confidence
        ),
        "auc": _areas(a, b, positive, confidence),
    }
    if value is not None:
        known = ~np.isnan(amounts)
        least = value.break_even if threshold is None else threshold
        of_a, of_b = (
            decision_values(s[known] >= least, positive[known], amounts[known], value)
            for s in (a, b)
        )
        found["value"] = _bootstrapped("value", of_a, of_b, confidence)
    return Comparison(int(positive.size), int(np.count_nonzero(positive)), confidence, found)


def _bootstrapped(name: str, a: FloatArray, b: FloatArray, confidence: float) -> Difference:
    """The difference of two means over the same lessons."""
    if a.size < FEWEST_LESSONS:
        return _too_few(a.size)
    found = interval(a - b, confidence)
    above = found.share_above
    return Difference(
        float(np.mean(a)),
        float(np.mean(b)),
        found.mean,
        found.error,
        found.low,
        found.high,
        found.p,
        above if HIGHER_IS_BETTER[name] else 1.0 - above,
        found.block,
        _better(name, found.low, found.high),
    )


def _areas(a: FloatArray, b: FloatArray, positive: BoolArray, confidence: float) -> Difference:
    """The difference of two areas under the ROC curve."""
    if a.size < FEWEST_LESSONS:
        return _too_few(a.size)
    positives = int(np.count_nonzero(positive))
    fewest = min(positives, positive.size - positives)
    if fewest < FEWEST_OF_A_CLASS:
        kind = "positive" if positives == fewest else "negative"
        return Difference(reason=f"fewer than {FEWEST_OF_A_CLASS} {kind} labels ({fewest})")
    found = paired_delong(a, b, positive, confidence)
    if found.error == 0.0 and found.difference != 0.0:
        return Difference(
            found.a, found.b, found.difference, reason="all pairs agree, so no error can be told"
        )
    return Difference(
        found.a,
        found.b,
        found.difference,
        found.error,
        found.low,
        found.high,
        found.p,
        better=_better("auc", found.low, found.high),
    )


def _too_few(count: int) -> Difference:
    return Difference(reason=f"fewer than {FEWEST_LESSONS} labels ({count})")


def _better(name: str, low: float, high: float) -> Better | None:
    """Which score the interval says is better; None where it holds zero."""
    if low <= 0.0 <= high:
        return None
    return "a" if (low > 0.0) == HIGHER_IS_BETTER[name] else "b"
