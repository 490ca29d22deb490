"""The exact measures of some lessons that are at hand one by one.

Stands between :mod:`.recent` and :mod:`.summary`. Means are rounded as those over everything are,
so that both agree to the last bit while a window holds everything.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from learners.evaluation.fixed_point import mean, units
from learners.evaluation.histograms import defined
from learners.evaluation.lessons import BASE_RATE
from learners.evaluation.measuring import Measuring
from learners.evaluation.windows import Kept
from learners.evaluation.worth import decided_amounts, worth
from learners.lessons import BoolArray
from learners.metrics.areas import average_precision, counts_by_score, roc_area
from learners.metrics.arrays import FloatArray
from learners.metrics.metrics import calibration_bins, log_losses

DECISIONS = ("tn", "fp", "fn", "tp")


def base_losses(kept: Kept) -> FloatArray:
    """The log losses of the base rate, in units: what each contender is compared with."""
    scores = kept.scores.get(BASE_RATE, np.zeros(0))
    return units(log_losses(scores, kept.positive))


def windowed(kept: Kept, bases: FloatArray, name: str, measuring: Measuring) -> dict[str, Any]:
    """All measures of a contender over the lessons that it has scored; None where undefined.

    Args:
        kept: the lessons.
        bases: their ``base_losses``, worked out once for all contenders.
        name: of the contender.
        measuring: threshold and value of decisions.
    """
    given = ~np.isnan(kept.scores.get(name, np.full(kept.positive.size, np.nan)))
    positive = kept.positive[given]
    found: dict[str, Any] = {"count": int(positive.size), "positives": int(positive.sum())}
    if not positive.size:
        names = ("base_rate", "log_loss", "auc", "pr_auc", "brier", "ece", "accuracy")
        return found | dict.fromkeys((*names, "base_rate_log_loss", "lift")) | confusion([0] * 4)
    scores = kept.scores[name][given]
    found |= exact(scores, positive)
    kinds = (scores >= measuring.threshold) + 2 * positive
    found |= confusion(np.bincount(kinds, minlength=4).tolist())
    base = mean(int(bases[given].sum()), positive.size)
    found |= {"base_rate_log_loss": base, "lift": lift(found["log_loss"], base)}
    if measuring.value is not None:
        amounts = decided_amounts(scores, positive, kept.amounts[given], measuring.threshold)
        found["value"] = worth(measuring.value, amounts)
    return found


def exact(scores: FloatArray, positive: BoolArray) -> dict[str, Any]:
    """The measures of one lesson or more that need no threshold."""
    counts = counts_by_score(scores, positive)
    single = np.zeros(counts[0].size, dtype=np.bool_)
    gaps = scores - positive
    by_bin = np.bincount(calibration_bins(scores), weights=units(gaps))
    return {
        "base_rate": int(positive.sum()) / positive.size,
        "log_loss": mean(int(units(log_losses(scores, positive)).sum()), positive.size),
        "auc": defined(float(roc_area(*counts, single)[0])),
        "pr_auc": defined(float(average_precision(*counts, single)[0])),
        "brier": mean(int(units(gaps * gaps).sum()), positive.size),
        "ece": mean(int(np.abs(by_bin).sum()), positive.size),
    }


def confusion(decided: list[int]) -> dict[str, Any]:
    """Accuracy and the four counts, from those in the order of ``DECISIONS``."""
    count = sum(decided)
    accuracy = (decided[0] + decided[3]) / count if count else None
    return {"accuracy": accuracy, "confusion": dict(zip(DECISIONS, decided, strict=True))}


def lift(log_loss: float | None, base: float | None) -> float | None:
    """By what share the log loss is below the base rate's."""
    return 1 - log_loss / base if log_loss is not None and base else None
