"""From the learner's raw score to the one that is served: imbalance taken back, then calibrated.

Stands between the learner and everyone who is told a score. The fold owns an :class:`Adjuster`,
which learns from lessons as they come; servers, batch scoring and the static copy apply the
:class:`Adjustment` that was in force when their snapshot was written.
"""

from learners.calibration.adjuster import Adjuster
from learners.calibration.adjustment import (
    IDENTITY,
    AdjustedLearner,
    Adjustment,
    AdjustmentError,
    adjusted,
)
from learners.calibration.imbalance import check_positive_weight, is_left_out, weighted

__all__ = [
    "IDENTITY",
    "AdjustedLearner",
    "Adjuster",
    "Adjustment",
    "AdjustmentError",
    "adjusted",
    "check_positive_weight",
    "is_left_out",
    "weighted",
]
