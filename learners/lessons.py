"""What every metric is computed from: the scores of some lessons and what their labels said.

Stands between the callers' plain sequences and the metrics, which take checked arrays only.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from converters.errors import FreshetError
from learners.metrics.arrays import FloatArray

BoolArray: TypeAlias = npt.NDArray[np.bool_]
IntArray: TypeAlias = npt.NDArray[np.int64]
AnyArray: TypeAlias = npt.NDArray[Any]
Scores: TypeAlias = Sequence[float] | FloatArray
Labels: TypeAlias = Sequence[int] | AnyArray


class MetricsError(FreshetError):
    """Lessons or saved metrics are not what they should be; nothing has been measured."""


def lesson_arrays(scores: Scores, labels: Labels, first: int = 0) -> tuple[FloatArray, BoolArray]:
    """The lessons as arrays: scores, and whether the label is positive.

    Args:
        scores: probabilities of the positive class.
        labels: 1 for positive, 0 for negative.
        first: the number of the first lesson, for messages.

    Raises:
        MetricsError: the lengths differ, a score is not in [0, 1], or a label is not 0 or 1.
    """
    probabilities = _probabilities(scores, first)
    positive = _positive(labels, first)
    if probabilities.ndim != 1 or probabilities.shape != positive.shape:
        raise MetricsError(
            f"Cannot measure scores of shape {probabilities.shape} with labels of shape "
            f"{positive.shape}; give one label for each score."
        )
    return probabilities, positive


def _probabilities(scores: Scores, first: int) -> FloatArray:
    if not isinstance(scores, np.ndarray):
        scores = np.fromiter(scores, np.float64, len(scores))
    # Adding zero makes -0.0 into 0.0: equal scores must have equal bits.
    probabilities: FloatArray = np.add(scores, 0.0, dtype=np.float64)
    valid = (probabilities >= 0.0) & (probabilities <= 1.0)
    if not valid.all():
        worst = int(np.argmin(valid))
        raise MetricsError(
            f"Cannot measure lesson {first + worst:,}: its score is "
            f"{float(probabilities.flat[worst])!r}; a score is a probability from 0 to 1."
        )
    return probabilities


def _positive(labels: Labels, first: int) -> BoolArray:
    said = _label_array(labels)
    positive: BoolArray = said == 1
    valid = positive | (said == 0)
    if not valid.all():
        raise MetricsError(
            f"Cannot measure lesson {first + int(np.argmin(valid)):,}: its label is neither 1 "
            "(positive) nor 0 (negative); map labels before measuring."
        )
    return positive


def _label_array(labels: Labels) -> AnyArray:
    if isinstance(labels, np.ndarray):
        return labels
    try:
        # Four times as fast as np.asarray, for labels as they should be.
        return np.frombuffer(bytes(labels), np.uint8)
    except (TypeError, ValueError):
        return np.asarray(labels)
