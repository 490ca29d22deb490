"""Progressive validation: what the scores given at arrival were worth once the labels came.

Stands between the pipeline, which hands over each lesson's score (the one given before learning)
and label in the order of learning, and whoever asks: checkpoints store :meth:`Progressive.state`,
status, gate and manifests show :meth:`Progressive.report`.

Two views: everything since the beginning, in constant memory (sums, calibration bins, a log-odds
histogram), and the last ``window`` lessons, exact, computed when asked. Both come out the same to
the last bit however the lessons were cut into calls and wherever the learner was stopped.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np

from learners.arithmetic import sum_in_order
from learners.auc import LogOddsHistogram
from learners.lessons import AnyArray, Labels, MetricsError, Scores, lesson_arrays
from learners.metrics import array_metrics, base_rate_losses
from learners.recent import Recent
from learners.totals import Accumulator, Calibration, Totals

# Lessons wait for each other until so many are there: measuring costs 0.1 ms whatever the number,
# which a call with three lessons could not bear. Much longer blocks do not fit the CPU's cache.
BLOCK = 8192


class Progressive:
    """The metrics of a stream's lessons; the one owner of their state.

    Args:
        window: lessons in the windowed metrics.

    Attributes:
        window: the same, for making another of the kind.

    Raises:
        MetricsError: the window holds no lesson.
    """

    def __init__(self, window: int) -> None:
        if window < 1:
            raise MetricsError(f"A window of {window} lessons cannot be measured; take 1 or more.")
        self.window = window
        self._waiting_scores: list[float] = []
        self._waiting_labels: list[int] = []
        self._recent = Recent(window)
        self._totals = Totals()
        self._cumulative: tuple[Accumulator, ...] = (
            self._totals,
            LogOddsHistogram(),
            Calibration(),
        )

    @classmethod
    def from_state(cls, window: int, arrays: Mapping[str, AnyArray]) -> Self:
        """Go on from what ``state`` gave; a shorter window keeps the newest lessons.

        Raises:
            MetricsError: arrays are missing.
        """
        metrics = cls(window)
        missing = sorted(metrics.state().keys() - set(arrays))
        if missing:
            raise MetricsError(
                f"The saved metrics lack {', '.join(missing)}: the snapshot was written by another "
                "version of Freshet. Go on with that version, or make a new model by a backfill."
            )
        for part in metrics._cumulative:
            part.restore(arrays)
        metrics._recent.append(arrays["window_scores"], arrays["window_positive"])
        return metrics

    def take(self, scores: Scores, labels: Labels) -> None:
        """Take lessons in the order in which they were learned.

        Args:
            scores: the probability given to each at its arrival, in [0, 1].
            labels: 1 for positive, 0 for negative.

        Raises:
            MetricsError: the lengths differ; or a score is not in [0, 1] or a label not 0 or 1,
                which may come to light only in a later call, but before anything is reported or
                saved.
        """
        if len(scores) != len(labels):
            raise MetricsError(
                f"Cannot measure {len(scores)} scores with {len(labels)} labels; give one label "
                "for each score."
            )
        self._waiting_scores.extend(_plain(scores))
        self._waiting_labels.extend(_plain(labels))
        if len(self._waiting_scores) >= BLOCK:
            self._measure()

    def _measure(self) -> None:
        """Give the waiting lessons to the window and the cumulative metrics."""
        scores, positive = lesson_arrays(
            self._waiting_scores, self._waiting_labels, self._totals.count
        )
        self._recent.append(scores, positive)
        blocks = max(1, scores.size // BLOCK)
        for pair in zip(
            np.array_split(scores, blocks), np.array_split(positive, blocks), strict=True
        ):
            for part in self._cumulative:
                part.add(*pair)
        self._waiting_scores.clear()
        self._waiting_labels.clear()

    def report(self) -> dict[str, Any]:
        """All metrics, ready for JSON; None where undefined.

        Returns:
            ``{"count", "positives", "base_rate", "log_loss", "auc", "auc_error", "brier", "ece",
            "base_rate_log_loss", "window": {"count", "log_loss", "auc", "brier", "ece",
            "base_rate", "base_rate_log_loss"}}``. ``auc`` is off by ``auc_error`` at most; what
            stands in ``window`` is exact.
        """
        self._measure()
        report: dict[str, Any] = {}
        for part in self._cumulative:
            report |= part.report()
        return report | {"window": self._window_report()}

    def _window_report(self) -> dict[str, Any]:
        scores, positive = self._recent.lessons()
        before = self._totals.count - positive.size
        positives_before = self._totals.positives - int(np.count_nonzero(positive))
        losses = base_rate_losses(positive, before, positives_before)
        mean = sum_in_order(losses) / losses.size if losses.size else None
        return array_metrics(scores, positive) | {"base_rate_log_loss": mean}

    def state(self) -> dict[str, AnyArray]:
        """Everything, as arrays for ``np.savez``; the same lessons always give the same bits."""
        self._measure()
        arrays: dict[str, AnyArray] = {}
        for part in self._cumulative:
            arrays |= part.state()
        scores, positive = self._recent.lessons()
        return arrays | {"window_scores": scores.copy(), "window_positive": positive.copy()}


def _plain(values: Scores | Labels) -> Sequence[Any]:
    """An array as a list, for extending a list by an array is five times as slow."""
    return values.tolist() if isinstance(values, np.ndarray) else values
