"""What decisions were worth: sums of amounts, priced by the configuration's matrix.

Stands between the sums of decided amounts and :mod:`.summary`. The sums know no prices, so another
matrix prices the past as well.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from converters.config.learning_settings import ValueSettings
from learners.lessons import BoolArray
from learners.metrics.arrays import FloatArray


def worth(value: ValueSettings, amounts: Sequence[float]) -> float:
    """The value of decisions.

    Args:
        value: what each kind is worth.
        amounts: sums of true negatives, false positives, false negatives, true positives.
    """
    prices = (
        value.true_negative,
        value.false_positive,
        value.false_negative,
        value.true_positive,
    )
    return sum(price * amount for price, amount in zip(prices, amounts, strict=True))


def never(amounts: Sequence[float]) -> tuple[float, ...]:
    """The same events, none of them acted on."""
    return amounts[0] + amounts[1], 0.0, amounts[2] + amounts[3], 0.0


def always(amounts: Sequence[float]) -> tuple[float, ...]:
    """The same events, each acted on."""
    return 0.0, amounts[0] + amounts[1], 0.0, amounts[2] + amounts[3]


def decided_amounts(
    scores: FloatArray, positive: BoolArray, amounts: FloatArray, threshold: float
) -> list[float]:
    """The sums of amounts of true and false negatives and positives, unknown amounts left out."""
    known = np.isfinite(amounts)
    kinds = (scores >= threshold) + 2 * positive
    found: list[float] = np.bincount(kinds[known], weights=amounts[known], minlength=4).tolist()
    return found
