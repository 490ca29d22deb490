"""The metrics of plain arrays by their definitions, which what the evaluator sums must equal."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np

from learners.metrics.arrays import (
    AnyArray,
    BoolArray,
    FloatArray,
    IntArray,
    MetricsError,
    sum_in_order,
)
from learners.metrics.metrics import (
    CALIBRATION_BINS,
    calibration_bins,
    log_losses,
    roc_area,
    squared_errors,
)

Scores: TypeAlias = Sequence[float] | FloatArray
Labels: TypeAlias = Sequence[int] | AnyArray


def counts_by_score(scores: FloatArray, positive: BoolArray) -> tuple[IntArray, IntArray]:
    """Negatives and positives at each distinct score, lowest first."""
    distinct, places = np.unique(scores, return_inverse=True)
    positives = np.bincount(places[positive], minlength=distinct.size)
    return np.bincount(places, minlength=distinct.size) - positives, positives


def roc_auc(scores: FloatArray, positive: BoolArray) -> float | None:
    """The exact area under the ROC curve of plain arrays; None with one class only."""
    negatives, positives = counts_by_score(scores, positive)
    area = float(roc_area(negatives, positives, np.zeros(negatives.size, dtype=np.bool_))[0])
    return None if np.isnan(area) else area


def calibration_gap(score_sums: FloatArray, positives: IntArray, count: int) -> float:
    """The expected calibration error from the sums of each bin.

    The bins' |mean score - share of positives|, weighted by their share of the lessons
    (Naeini, Cooper and Hauskrecht 2015); the bins' counts cancel out.
    """
    return sum_in_order(np.abs(score_sums - positives)) / count


def mean_log_loss(scores: FloatArray, positive: BoolArray) -> float:
    """The mean log loss."""
    return sum_in_order(log_losses(scores, positive)) / scores.size


def brier(scores: FloatArray, positive: BoolArray) -> float:
    """The Brier score: the mean squared error of the probabilities."""
    return sum_in_order(squared_errors(scores, positive)) / scores.size


def calibration_error(scores: FloatArray, positive: BoolArray) -> float:
    """The expected calibration error over 15 bins of equal width."""
    bins = calibration_bins(scores)
    score_sums = np.zeros(CALIBRATION_BINS)
    np.add.at(score_sums, bins, scores)
    positives = np.bincount(bins[positive], minlength=CALIBRATION_BINS)
    return calibration_gap(score_sums, positives, scores.size)


def base_rate(_scores: FloatArray, positive: BoolArray) -> float:
    """The share of positive labels."""
    return int(np.count_nonzero(positive)) / positive.size


METRICS: dict[str, Callable[[FloatArray, BoolArray], float | None]] = {
    "base_rate": base_rate,
    "log_loss": mean_log_loss,
    "auc": roc_auc,
    "brier": brier,
    "ece": calibration_error,
}


def array_metrics(scores: FloatArray, positive: BoolArray) -> dict[str, Any]:
    """``count`` and every metric of ``METRICS`` of checked arrays; None where undefined."""
    measured = bool(scores.size)
    values = {
        name: metric(scores, positive) if measured else None for name, metric in METRICS.items()
    }
    return {"count": int(scores.size), **values}


def score_metrics(scores: Scores, labels: Labels) -> dict[str, Any]:
    """The exact metrics of some scores and their labels (1 or 0), ready for JSON.

    >>> score_metrics([0.25, 0.75, 0.75, 0.5], [0, 1, 0, 1])["auc"]
    0.625

    Returns:
        ``{"count", "base_rate", "log_loss", "auc", "brier", "ece"}``; None where undefined: the
        AUC of one class, everything of no lessons.

    Raises:
        MetricsError: the lengths differ, a score is not in [0, 1], or a label is not 0 or 1.
    """
    return array_metrics(*lesson_arrays(scores, labels))


def lesson_arrays(scores: Scores, labels: Labels, first: int = 0) -> tuple[FloatArray, BoolArray]:
    """The lessons as arrays: scores, and whether the label is positive.

    Args:
        scores: probabilities of the positive class.
        labels: 1 for positive, 0 for negative.
        first: the number of the first lesson, for messages.

    Raises:
        MetricsError: the lengths differ, a score is not in [0, 1], or a label is not 0 or 1.
    """
    probabilities = _probabilities(scores, first)
    positive = _positive(labels, first)
    if probabilities.ndim != 1 or probabilities.shape != positive.shape:
        raise MetricsError(
            f"Cannot measure scores of shape {probabilities.shape} with labels of shape "
            f"{positive.shape}; give one label for each score."
        )
    return probabilities, positive


def _probabilities(scores: Scores, first: int) -> FloatArray:
    if not isinstance(scores, np.ndarray):
        scores = np.fromiter(scores, np.float64, len(scores))
    # Adding zero makes -0.0 into 0.0: equal scores must have equal bits.
    probabilities: FloatArray = np.add(scores, 0.0, dtype=np.float64)
    valid = (probabilities >= 0.0) & (probabilities <= 1.0)
    if not valid.all():
        worst = int(np.argmin(valid))
        raise MetricsError(
            f"Cannot measure lesson {first + worst:,}: its score is "
            f"{float(probabilities.flat[worst])!r}; a score is a probability from 0 to 1."
        )
    return probabilities


def _positive(labels: Labels, first: int) -> BoolArray:
    said = _label_array(labels)
    positive: BoolArray = said == 1
    valid = positive | (said == 0)
    if not valid.all():
        raise MetricsError(
            f"Cannot measure lesson {first + int(np.argmin(valid)):,}: its label is neither 1 "
            "(positive) nor 0 (negative); map labels before measuring."
        )
    return positive


def _label_array(labels: Labels) -> AnyArray:
    if isinstance(labels, np.ndarray):
        return labels
    try:
        # Four times as fast as np.asarray, for labels as they should be.
        return np.frombuffer(bytes(labels), np.uint8)
    except (TypeError, ValueError):
        return np.asarray(labels)
