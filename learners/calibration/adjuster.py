"""The fold of score adjusting: raw scores and lessons in, served scores out.

Owned by the pipeline, between the learner and everyone who is told a score. What a score becomes
depends on the lessons before it and on nothing else: not on the cut into calls, not on a stop and
a start.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from converters.config.learning_settings import CalibrationSettings, ImbalanceSettings
from learners.calibration.adjustment import CALIBRATIONS, Adjustment, AdjustmentError
from learners.calibration.imbalance import corrected, odds_inflation
from learners.metrics.arrays import AnyArray, BoolArray, FloatArray, IntArray


class Adjuster:
    """Corrects for imbalance, and calibrates by the last lessons at every so many of them.

    Until the window holds both classes nothing is fitted, and the score stays as corrected; if
    later it holds one only, the last fit stays.
    """

    def __init__(self, imbalance: ImbalanceSettings, calibration: CalibrationSettings) -> None:
        self._inflation = odds_inflation(imbalance)
        self._method = CALIBRATIONS.get(calibration.method)
        self._every = calibration.every
        self._count = 0
        self._window = _Window(calibration.window if self._method else 0)
        self._adjustment = Adjustment(self._inflation)

    @property
    def changes(self) -> bool:
        """Whether any score can become another one, now or later."""
        return self._inflation != 1.0 or self._method is not None

    def frozen(self) -> Adjustment:
        """What is done to a score from here on, until the next fit."""
        return self._adjustment

    def adjust(
        self, raw: FloatArray, lesson_at: IntArray, lesson_raw: FloatArray, positive: BoolArray
    ) -> FloatArray:
        """The served score of each of a plan's lines; takes its lessons.

        Args:
            raw: the learner's scores of the lines, in order.
            lesson_at: for each lesson in order, how many lines come up to and including its own.
            lesson_raw: the raw score that its event had at arrival.
            positive: its label.
        """
        lines = corrected(raw, self._inflation)
        if self._method is None:
            self._count += positive.size
            return lines
        lessons = self._method.coordinates(corrected(lesson_raw, self._inflation))
        served, scored, taken = np.empty_like(lines), 0, 0
        while (fit_at := taken + self._every - self._count % self._every) <= positive.size:
            upto = int(lesson_at[fit_at - 1])
            served[scored:upto] = self._adjustment.calibrated(lines[scored:upto])
            self._take(lessons[taken:fit_at], positive[taken:fit_at])
            self._fit()
            scored, taken = upto, fit_at
        self._take(lessons[taken:], positive[taken:])
        served[scored:] = self._adjustment.calibrated(lines[scored:])
        return served

    def _take(self, lessons: FloatArray, positive: BoolArray) -> None:
        self._window.take(lessons, positive)
        self._count += positive.size

    def _fit(self) -> None:
        assert self._method is not None, "only what calibrates is fitted"
        lessons, positive = self._window.held()
        if 0 < np.count_nonzero(positive) < positive.size:
            fitted = self._method.fit(lessons, positive, self._adjustment.calibration)
            self._adjustment = Adjustment(self._inflation, fitted)

    def state(self) -> dict[str, AnyArray]:
        """Everything that the next scores depend on; empty where none can change."""
        if self._method is None:
            return {}
        lessons, positive = self._window.held()
        fitted = self._adjustment.calibration
        return {
            "count": np.array([self._count], np.int64),
            f"{self._method.method}_lessons": lessons,
            "positive": positive,
            **({} if fitted is None else fitted.arrays()),
        }

    def restore(self, arrays: Mapping[str, AnyArray]) -> None:
        """Go on from a state.

        Raises:
            AdjustmentError: it was saved under another ``calibration.method``.
        """
        if self._method is None:
            return
        name = f"{self._method.method}_lessons"
        if name not in arrays:
            raise AdjustmentError(
                f"The saved state holds nothing of calibration.method = '{self._method.method}': "
                "it was learned with another method. Set that one again, or make a new model with "
                "`freshet backfill --fresh`."
            )
        self._count = int(arrays["count"][0])
        self._window.clear()
        self._window.take(arrays[name], arrays["positive"])
        self._adjustment = Adjustment(self._inflation, self._method.from_arrays(dict(arrays)))


class _Window:
    """The last so many lessons, in their order."""

    def __init__(self, size: int) -> None:
        self._lessons = np.empty(size)
        self._positive = np.empty(size, np.bool_)
        self._taken = 0

    def take(self, lessons: FloatArray, positive: BoolArray) -> None:
        # Where more come than fit, a place is written several times, and the last one stays.
        places = (self._taken + np.arange(positive.size)) % self._lessons.size
        self._lessons[places] = lessons
        self._positive[places] = positive
        self._taken += positive.size

    def held(self) -> tuple[FloatArray, BoolArray]:
        """Oldest first; copies."""
        size = self._lessons.size
        if self._taken <= size:
            return self._lessons[: self._taken].copy(), self._positive[: self._taken].copy()
        oldest = -(self._taken % size)
        return np.roll(self._lessons, oldest), np.roll(self._positive, oldest)

    def clear(self) -> None:
        self._taken = 0
