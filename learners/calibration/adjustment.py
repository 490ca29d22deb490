"""The map from raw to served scores: fitted in the fold, frozen for snapshots and servers.

:class:`Adjuster` learns from labelled examples as they come; what a score becomes depends on the
examples before it and on nothing else. The :class:`Adjustment` of one moment is written into
manifests: the same raw score gives the same bits wherever that snapshot is served.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, TypeAlias

import numpy as np

from converters.config.learning_settings import CalibrationSettings, ImbalanceSettings
from converters.errors import FreshetError
from learners.calibration.imbalance import corrected, corrected_one, odds_inflation
from learners.calibration.isotonic import Isotonic
from learners.calibration.platt import FEWEST_IN_ARRAY, Platt
from learners.learner import Learner, LineBlock
from learners.metrics.arrays import AnyArray, BoolArray, FloatArray, IntArray

Calibration: TypeAlias = Platt | Isotonic
CALIBRATIONS: dict[str, type[Platt | Isotonic]] = {c.method: c for c in (Platt, Isotonic)}


class AdjustmentError(FreshetError):
    """What was saved of score adjusting is not what this release or this config means by it."""


class Adjustment(NamedTuple):
    """What is done to a raw score before it is served.

    Attributes:
        inflation: by how much imbalance makes the raw odds too high; 1 for not at all.
        calibration: what follows the correction; None before the first fit, or for ever.
    """

    inflation: float = 1.0
    calibration: Calibration | None = None

    @property
    def changes(self) -> bool:
        """Whether it changes any score."""
        return self.inflation != 1.0 or self.calibration is not None

    def applied(self, raw: FloatArray) -> FloatArray:
        """The served scores of an array of raw ones."""
        return self.calibrated(corrected(raw, self.inflation))

    def calibrated(self, scores: FloatArray) -> FloatArray:
        """What calibration makes of scores that are corrected already."""
        if self.calibration is None:
            return scores
        if scores.size < FEWEST_IN_ARRAY:
            return np.array(list(map(self.calibration.apply_to, scores.tolist())), np.float64)
        return self.calibration.apply(scores)

    def apply(self, raw: Sequence[float]) -> list[float]:
        """The served scores of some raw ones."""
        if not self.changes:
            return list(raw)
        if len(raw) < FEWEST_IN_ARRAY:
            return list(map(self._apply_to, raw))
        served: list[float] = self.applied(np.fromiter(raw, np.float64, len(raw))).tolist()
        return served

    def _apply_to(self, raw: float) -> float:
        score = corrected_one(raw, self.inflation)
        return score if self.calibration is None else self.calibration.apply_to(score)

    def to_json(self) -> dict[str, Any]:
        """The form that manifests hold; exact, for JSON writes floats by ``repr``."""
        calibration = None if self.calibration is None else self.calibration.to_json()
        return {"inflation": self.inflation, "calibration": calibration}

    @classmethod
    def from_json(cls, content: dict[str, Any] | None) -> Adjustment:
        """The adjustment of :meth:`to_json`; the identity for a manifest that holds none.

        Raises:
            AdjustmentError: it is of a kind that this release does not know.
        """
        if content is None:
            return IDENTITY
        calibration = content["calibration"]
        if calibration is None:
            return cls(content["inflation"])
        if calibration["method"] not in CALIBRATIONS:
            raise AdjustmentError(
                f"The snapshot's scores are calibrated by `{calibration['method']}`; known here "
                f"are {', '.join(CALIBRATIONS)}. It was made by a newer Freshet: install that one."
            )
        return cls(content["inflation"], CALIBRATIONS[calibration["method"]].from_json(calibration))


IDENTITY = Adjustment()


# The manifest's key.
ADJUSTMENT = "adjustment"


class AdjustedLearner:
    """A learner whose every score is the served one; all else is the learner's own.

    The adjustment is frozen: the fold, which learns on, keeps an :class:`Adjuster` instead.
    """

    kind: ClassVar[str] = "adjusted"

    def __init__(self, learner: Learner, adjustment: Adjustment) -> None:
        self._learner = learner
        self._adjustment = adjustment
        self.spec = learner.spec
        self.order = learner.order

    def step(self, lines: Sequence[str]) -> list[float]:
        """Served scores, each from before its line is learned."""
        return self._adjustment.apply(self._learner.step(lines))

    def step_blocks(self, blocks: Sequence[LineBlock]) -> list[float]:
        """The same for joined lines."""
        return self._adjustment.apply(self._learner.step_blocks(blocks))

    def predict(self, lines: Sequence[str]) -> list[float]:
        """Served scores; nothing is learned."""
        return self._adjustment.apply(self._learner.predict(lines))

    def predict_blocks(self, blocks: Sequence[LineBlock]) -> list[float]:
        """The same for joined lines."""
        return self._adjustment.apply(self._learner.predict_blocks(blocks))

    def log_odds(self, blocks: Sequence[LineBlock]) -> list[float]:
        """The learner's own, before they are adjusted."""
        return self._learner.log_odds(blocks)

    def save(self, path: Path) -> None:
        """Write the learner's own file; the adjustment belongs into the manifest."""
        self._learner.save(path)

    def weights_of(self, line: str) -> dict[str, float]:
        """The learner's own weights."""
        return self._learner.weights_of(line)

    def close(self) -> None:
        """Free what the learner holds."""
        self._learner.close()


def adjusted(learner: Learner, manifest: dict[str, Any]) -> Learner:
    """The learner as its manifest says it is to be served; it itself where nothing is adjusted."""
    adjustment = Adjustment.from_json(manifest.get(ADJUSTMENT))
    return AdjustedLearner(learner, adjustment) if adjustment.changes else learner


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
