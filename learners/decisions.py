"""What each decision was worth, by the config's matrix; at the bottom of value and comparison."""

from __future__ import annotations

import numpy as np

from converters.config.learning_settings import ValueSettings
from learners.lessons import BoolArray
from learners.metrics.arrays import FloatArray


def decision_values(
    acted: BoolArray, positive: BoolArray, amounts: FloatArray, value: ValueSettings
) -> FloatArray:
    """What each decision was worth; nan where the amount is."""
    acting = np.where(positive, value.true_positive, value.false_positive)
    waiting = np.where(positive, value.false_negative, value.true_negative)
    return np.where(acted, acting, waiting) * amounts
