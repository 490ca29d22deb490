"""From the learner's raw score to the one that is served: imbalance taken back, then calibrated.

``adjustment`` first: the fold owns an :class:`Adjuster`; servers, batch scoring and the frozen
copy apply the :class:`Adjustment` of their snapshot. It corrects by ``imbalance``, then calibrates
by ``platt`` or ``isotonic``.
"""

from learners.calibration.adjustment import (
    IDENTITY,
    AdjustedLearner,
    Adjuster,
    Adjustment,
    AdjustmentError,
    adjusted,
)
from learners.calibration.imbalance import is_left_out, weighted

__all__ = [
    "IDENTITY",
    "AdjustedLearner",
    "Adjuster",
    "Adjustment",
    "AdjustmentError",
    "adjusted",
    "is_left_out",
    "weighted",
]
