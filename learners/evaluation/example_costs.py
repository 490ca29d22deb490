"""What each example of a block costs a contender, computed once for all sums."""

from __future__ import annotations

from dataclasses import dataclass, fields
from fractions import Fraction
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from learners.evaluation.histograms import coarse_bins, log_odds_bins
from learners.metrics.arrays import AnyArray, BoolArray, FloatArray, IntArray
from learners.metrics.metrics import CALIBRATION_BINS, log_losses

# A log loss is below 2^4.02, and blocks of 2^14 lessons then stay below the 2^53 up to which
# floats hold every whole number.
UNIT_BITS = 34
UNIT = 1 << UNIT_BITS
MOST_LESSONS = 1 << 14
_BELOW_ONE = UNIT - 1


def units(values: FloatArray) -> FloatArray:
    """The values as whole numbers of the unit, still as floats."""
    counted: FloatArray = np.rint(values * UNIT)
    return counted


def mean(total: int, count: int) -> float | None:
    """The mean of ``count`` numbers whose units come to ``total``; None of none."""
    return total / (UNIT * count) if count else None


def carried(whole: IntArray, parts: IntArray) -> None:
    """Leave less than one in the parts; the one form in which equal sums are equal bits."""
    whole += parts >> UNIT_BITS
    parts &= _BELOW_ONE


def placed(table: IntArray, rows: IntArray, size: int) -> IntArray:
    """The table with row i moved to ``rows[i]`` of ``size`` new ones; rows that meet are added.

    Args:
        table: the rows as they are, and perhaps more.
        rows: where they go, rising.
        size: rows of the new table.
    """
    moved = np.zeros((size, *table.shape[1:]), dtype=table.dtype)
    if rows.size:
        first = np.flatnonzero(np.diff(rows, prepend=-1))
        moved[rows[first]] = np.add.reduceat(table[: rows.size], first, axis=0)
    return moved


ComplexArray: TypeAlias = npt.NDArray[np.complex128]

# Bars of the score distribution in a bin of the calibration.
BAR_BITS = 2
BARS_A_BIN = 1 << BAR_BITS
BARS = BARS_A_BIN * CALIBRATION_BINS


@dataclass(frozen=True, slots=True)
class Scored:
    """Some examples under the scores of one contender; costs in whole units.

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
    """The costs of checked examples.

    Args:
        scores: checked.
        positive: the labels.
        base_losses: log losses of the base rate, in units.
        threshold: an event is predicted positive from here on.
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


# 53 bits in three parts; 64 - 18 bits of room are enough for 3e13 numbers.
PART_BITS = 18
PARTS = 3
MANTISSA_BITS = 53
# np.frexp's exponents of finite doubles run from -1073 to 1024.
LOWEST_EXPONENT = -1073
EXPONENTS = 1024 - LOWEST_EXPONENT + 1


class ExactSums:
    """Some sums, each exact."""

    def __init__(self, sums: int) -> None:
        self._table = np.zeros((sums, EXPONENTS, PARTS), dtype=np.int64)

    def add(self, which: IntArray, values: FloatArray, signs: IntArray) -> None:
        """Add values, times 1, 0 or -1, to the sums that are named."""
        mantissa, exponent = np.frexp(values)
        whole = np.ldexp(mantissa, MANTISSA_BITS).astype(np.int64)
        first = (which * EXPONENTS + (exponent.astype(np.int64) - LOWEST_EXPONENT)) * PARTS
        low = (1 << PART_BITS) - 1
        flat = self._table.reshape(-1)
        # Signs come last, so that each part is taken back as it was added.
        np.add.at(flat, first, (whole & low) * signs)
        np.add.at(flat, first + 1, ((whole >> PART_BITS) & low) * signs)
        np.add.at(flat, first + 2, (whole >> (2 * PART_BITS)) * signs)

    def totals(self) -> list[float]:
        """The sums, rounded once."""
        return [float(self._total(table)) for table in self._table]

    def _total(self, table: IntArray) -> Fraction:
        total = Fraction(0)
        for place in np.flatnonzero(table.any(axis=1)).tolist():
            low, middle, high = table[place].tolist()
            whole = low + (middle << PART_BITS) + (high << (2 * PART_BITS))
            total += Fraction(2) ** (place + LOWEST_EXPONENT - MANTISSA_BITS) * whole
        return total

    def state(self) -> tuple[IntArray, IntArray]:
        """Which cells are in use, and what they hold."""
        flat = self._table.reshape(-1)
        used = np.flatnonzero(flat)
        return used, flat[used]

    def restore(self, used: AnyArray, held: AnyArray) -> None:
        """Resume from a state."""
        self._table.reshape(-1)[used] = held
