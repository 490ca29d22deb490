"""The map from raw to served scores as it stood at one moment, frozen.

Made by :mod:`learners.calibration.adjuster`, written into manifests, and applied by everyone who
serves that snapshot: the same raw score gives the same bits as it did in the fold.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, TypeAlias

import numpy as np

from converters.errors import FreshetError
from learners.calibration.imbalance import corrected, corrected_one
from learners.calibration.isotonic import Isotonic
from learners.calibration.platt import FEWEST_IN_ARRAY, Platt
from learners.learner import Learner
from learners.metrics.arrays import FloatArray

Calibration: TypeAlias = Platt | Isotonic
CALIBRATIONS: dict[str, type[Platt | Isotonic]] = {c.method: c for c in (Platt, Isotonic)}


class AdjustmentError(FreshetError):
    """What was saved of score adjusting is not what this release or this config means by it."""


@dataclass(frozen=True, slots=True)
class Adjustment:
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

    The adjustment is frozen: who learns on keeps an :class:`~learners.calibration.Adjuster` beside
    the learner instead.
    """

    kind: ClassVar[str] = "adjusted"

    def __init__(self, learner: Learner, adjustment: Adjustment) -> None:
        self._learner = learner
        self._adjustment = adjustment
        self.spec = learner.spec

    def step(self, lines: Sequence[str]) -> list[float]:
        """Served scores, each from before its line is learned."""
        return self._adjustment.apply(self._learner.step(lines))

    def predict(self, lines: Sequence[str]) -> list[float]:
        """Served scores; nothing is learned."""
        return self._adjustment.apply(self._learner.predict(lines))

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
