"""What each lesson of a block costs a contender, worked out once for all that add it up.

Stands between :mod:`.measures`, which makes one for each contender and block, and the sums of
:mod:`.contender`.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from learners.evaluation.fixed_point import units
from learners.evaluation.histograms import coarse_bins, log_odds_bins
from learners.lessons import BoolArray, IntArray
from learners.metrics.arrays import FloatArray
from learners.metrics.metrics import CALIBRATION_BINS, log_losses

ComplexArray: TypeAlias = npt.NDArray[np.complex128]

# Bars of the score distribution in a bin of the calibration.
BAR_BITS = 2
BARS_A_BIN = 1 << BAR_BITS
BARS = BARS_A_BIN * CALIBRATION_BINS


@dataclass(frozen=True, slots=True)
class Scored:
    """Some lessons under the scores of one contender; costs in whole units.

    Attributes:
        scores: in [0, 1].
        positive: 1 for positive, 0 for negative.
        loss_and_gap: log loss, and the score less the label, as real and imaginary parts: numpy
            adds both at the price of one.
        square_and_base: squared error, and the log loss of the base rate, in the same way.
        bins: the log-odds histogram's bin.
        decisions: true negative 0, false positive 1, false negative 2, true positive 3.
        coarse: the coarse bin.
        bars: the score distribution's bar.
        calibration_bins: of the score.
        decided: 1 where the decision counts, 0 where it was made under an earlier threshold.
    """

    scores: FloatArray
    positive: IntArray
    loss_and_gap: ComplexArray
    square_and_base: ComplexArray
    bins: IntArray
    decisions: IntArray
    coarse: IntArray
    bars: IntArray
    calibration_bins: IntArray
    decided: IntArray

    def part(self, chosen: BoolArray) -> Scored:
        """Some of them, in their order."""
        return Scored(*(getattr(self, field.name)[chosen] for field in fields(self)))


def scored(
    scores: FloatArray,
    positive: BoolArray,
    base_losses: FloatArray,
    threshold: float,
    decided: IntArray,
    losses: FloatArray | None = None,
) -> Scored:
    """The costs of checked lessons.

    Args:
        scores: checked.
        positive: the labels.
        base_losses: log losses of the base rate, in units.
        threshold: an event is taken for positive from here on.
        decided: 1 where the decision counts.
        losses: log losses in units, where they are known already.
    """
    said = positive.astype(np.int64)
    gaps = scores - said
    bins = log_odds_bins(scores)
    decisions = (scores >= threshold) + 2 * said
    bars = np.minimum((scores * BARS).astype(np.int64), BARS - 1)
    return Scored(
        scores,
        said,
        _pairs(loss_units(scores, positive) if losses is None else losses, units(gaps)),
        _pairs(units(gaps * gaps), base_losses),
        bins,
        decisions,
        coarse_bins(bins),
        bars,
        bars >> BAR_BITS,
        decided,
    )


def loss_units(scores: FloatArray, positive: BoolArray) -> FloatArray:
    """The log losses in units."""
    return units(log_losses(scores, positive))


def _pairs(real: FloatArray, imaginary: FloatArray) -> ComplexArray:
    pairs = np.empty(real.size, dtype=np.complex128)
    pairs.real = real
    pairs.imag = imaginary
    return pairs
