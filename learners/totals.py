"""Metrics over everything since the beginning, in constant memory.

Stands between :mod:`learners.metrics`, whose losses it adds up, and
:mod:`learners.progressive`, which feeds it blocks of lessons. A new cumulative metric is another
:class:`Accumulator`; the one of :mod:`learners.auc` stands beside its formula.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np

from learners.arithmetic import FloatArray, sum_in_order
from learners.lessons import AnyArray, BoolArray
from learners.metrics import (
    CALIBRATION_BINS,
    calibration_bins,
    calibration_gap,
    log_losses,
    squared_errors,
)


class Accumulator(Protocol):
    """A cumulative metric: takes checked lessons block by block and forgets them.

    However the lessons are cut into blocks, ``state`` holds the same bits.
    """

    def add(self, scores: FloatArray, positive: BoolArray) -> None:
        """Take the next lessons."""

    def report(self) -> dict[str, Any]:
        """What it has come to, ready for JSON; None where undefined."""

    def state(self) -> dict[str, AnyArray]:
        """All that it knows, as named arrays."""

    def restore(self, arrays: Mapping[str, AnyArray]) -> None:
        """Go on from a state; for one that has taken nothing."""


class Totals:
    """Counts, and sums of losses in the order of the lessons."""

    def __init__(self) -> None:
        self.count = 0
        self.positives = 0
        self._log_loss = 0.0
        self._squared_error = 0.0

    def add(self, scores: FloatArray, positive: BoolArray) -> None:
        """Add the lessons' losses."""
        self.count += scores.size
        self.positives += int(np.count_nonzero(positive))
        self._log_loss = sum_in_order(log_losses(scores, positive), self._log_loss)
        self._squared_error = sum_in_order(squared_errors(scores, positive), self._squared_error)

    def report(self) -> dict[str, Any]:
        """Counts and means."""
        sums = {
            "base_rate": self.positives,
            "log_loss": self._log_loss,
            "brier": self._squared_error,
            "base_rate_log_loss": self._base_rate_loss(),
        }
        means = {name: total / self.count if self.count else None for name, total in sums.items()}
        return {"count": self.count, "positives": self.positives, **means}

    def _base_rate_loss(self) -> float:
        """The sum of :func:`learners.metrics.base_rate_losses` over all lessons.

        The product of the probabilities (positives + 1) / (count + 2) and (negatives + 1) /
        (count + 2) is positives! negatives! / (count + 1)!, in whatever order the labels came.
        """
        negatives = self.count - self.positives
        both = math.lgamma(self.positives + 1) + math.lgamma(negatives + 1)
        return math.lgamma(self.count + 2) - both

    def state(self) -> dict[str, AnyArray]:
        """Counts and sums."""
        return {
            "counts": np.array([self.count, self.positives], dtype=np.int64),
            "loss_sums": np.array([self._log_loss, self._squared_error]),
        }

    def restore(self, arrays: Mapping[str, AnyArray]) -> None:
        """Go on from a state."""
        self.count, self.positives = map(int, arrays["counts"])
        self._log_loss, self._squared_error = map(float, arrays["loss_sums"])


class Calibration:
    """Sums of scores and counts of positives in 15 bins of equal width."""

    def __init__(self) -> None:
        self._score_sums = np.zeros(CALIBRATION_BINS)
        self._counts = np.zeros((2, CALIBRATION_BINS), dtype=np.int64)

    def add(self, scores: FloatArray, positive: BoolArray) -> None:
        """Put the lessons into their bins."""
        bins = calibration_bins(scores)
        np.add.at(self._score_sums, bins, scores)  # in order, as sums must be
        by_label = np.bincount(bins + positive * CALIBRATION_BINS, minlength=2 * CALIBRATION_BINS)
        self._counts += by_label.reshape(2, CALIBRATION_BINS)

    def report(self) -> dict[str, Any]:
        """The expected calibration error."""
        count = int(self._counts.sum())
        return {"ece": calibration_gap(self._score_sums, self._counts[1], count) if count else None}

    def state(self) -> dict[str, AnyArray]:
        """Sums and counts of the bins."""
        return {
            "calibration_score_sums": self._score_sums.copy(),
            "calibration_counts": self._counts.copy(),
        }

    def restore(self, arrays: Mapping[str, AnyArray]) -> None:
        """Go on from a state."""
        self._score_sums[:] = arrays["calibration_score_sums"]
        self._counts[:] = arrays["calibration_counts"]
