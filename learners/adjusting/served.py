"""A saved learner together with the adjustment it was saved with: what is opened to be served.

Stands between a snapshot and whoever scores with it. The rows that a manifest expects to be
scored alike are raw scores: look at those before putting the adjustment on.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from learners.calibration.adjustment import Adjustment
from learners.learner import Learner

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
