"""What each lesson of a block costs a contender, worked out once for all that add it up.

Stands between :mod:`.evaluator`, which makes one for each contender and block, and the sums of
:mod:`.contender`.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from learners.arithmetic import FloatArray
from learners.evaluation.fixed_point import units
from learners.evaluation.log_odds import COARSE_BINS, coarse_bins, log_odds_bins
from learners.lessons import BoolArray, IntArray
from learners.metrics import CALIBRATION_BINS, log_losses

# Bars of the score distribution in a bin of the calibration.
BARS_A_BIN = 4
BARS = BARS_A_BIN * CALIBRATION_BINS


@dataclass(frozen=True, slots=True)
class Scored:
    """Some lessons under the scores of one contender.

    Attributes:
        scores: in [0, 1].
        positive: 1 for positive, 0 for negative.
        losses: log losses in units.
        squares: squared errors in units.
        gaps: score less label, in units.
        bins: the log-odds histogram's bin.
        cells: label and coarse bin as one number.
        bars: the score distribution's bar.
        decisions: label and decision as one number: true negatives, false positives, false
            negatives, true positives.
        decided: 1 where the decision counts, 0 where it was made under an earlier threshold.
    """

    scores: FloatArray
    positive: IntArray
    losses: IntArray
    squares: IntArray
    gaps: IntArray
    bins: IntArray
    cells: IntArray
    bars: IntArray
    decisions: IntArray
    decided: IntArray

    def part(self, chosen: BoolArray) -> Scored:
        """Some of them, in their order."""
        return Scored(*(getattr(self, field.name)[chosen] for field in fields(self)))


def scored(scores: FloatArray, positive: BoolArray, threshold: float, decided: IntArray) -> Scored:
    """The costs of checked lessons; an event is taken for positive from the threshold on."""
    said = positive.astype(np.int64)
    gaps = scores - said
    bins = log_odds_bins(scores)
    return Scored(
        scores,
        said,
        units(log_losses(scores, positive)),
        units(gaps * gaps),
        units(gaps),
        bins,
        coarse_bins(bins) + said * COARSE_BINS,
        np.minimum((scores * BARS).astype(np.int64), BARS - 1),
        (scores >= threshold) + 2 * said,
        decided,
    )
