"""The metrics of plain arrays of scores and labels: exact, and each a small function.

Stands between :mod:`learners.metrics.arrays` and whoever measures: :func:`score_metrics` for
reports and gates, the losses and bins for :mod:`learners.evaluation`. A new metric is one
function and one line in ``METRICS``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from learners.metrics.areas import roc_auc
from learners.metrics.arrays import (
    BoolArray,
    FloatArray,
    IntArray,
    Labels,
    Scores,
    lesson_arrays,
    natural_log,
    sum_in_order,
)

# One certain, wrong score must not decide the log loss of a stream: it costs 16.1 at most.
CLIP = 1e-7

CALIBRATION_BINS = 15


def log_losses(scores: FloatArray, positive: BoolArray) -> FloatArray:
    """The log loss of each lesson, its score clipped to [1e-7, 1 - 1e-7]."""
    clipped = np.clip(scores, CLIP, 1.0 - CLIP)
    return -natural_log(np.where(positive, clipped, 1.0 - clipped))


def squared_errors(scores: FloatArray, positive: BoolArray) -> FloatArray:
    """What each lesson adds to the Brier score."""
    errors = scores - positive
    return errors * errors


def calibration_bins(scores: FloatArray) -> IntArray:
    """The bin of each score, of 15 of equal width; [low, high), the last one with its end."""
    return np.minimum((scores * CALIBRATION_BINS).astype(np.int64), CALIBRATION_BINS - 1)


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
