"""What each example of a block costs a contender, computed once for all sums."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

import numpy as np

from learners.evaluation.histograms import (
    COARSE_BINS,
    both_bins,
    marks_of,
    remembered,
)
from learners.metrics.arrays import AnyArray, BoolArray, FloatArray, IntArray
from learners.metrics.metrics import CALIBRATION_BINS, log_losses

# A log loss is below 2^4.02, and blocks of 2^14 lessons then stay below the 2^53 up to which
# floats hold every whole number: their sums are exact in whatever order they are added.
UNIT_BITS = 34
UNIT = 1 << UNIT_BITS
_BELOW_ONE = UNIT - 1


def units(values: FloatArray) -> FloatArray:
    """The values as whole numbers of the unit, still as floats."""
    counted = values * UNIT
    np.rint(counted, out=counted)
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


# Bars of the score distribution in a bin of the calibration.
BARS_A_BIN = 4
BARS = BARS_A_BIN * CALIBRATION_BINS
DECISIONS = 4
# Of an example that was decided under an earlier threshold: what stands here is dropped.
UNDECIDED = DECISIONS

# Columns of sums: log loss, squared error, the base rate's log loss on the same lessons, then
# score less label in each calibration bin.
LOSS, SQUARE, BASE, FIRST_GAP = 0, 1, 2, 3
COLUMNS = FIRST_GAP + CALIBRATION_BINS


@dataclass(frozen=True)
class Rows:
    """The rows of some examples in one grouping, worked out once for all contenders.

    Attributes:
        first: the lowest.
        size: rows from the lowest to the highest.
        offsets: of each example's row from the lowest; None where all share it.
        there: which of the examples the grouping holds; None for all.
    """

    first: int
    size: int
    offsets: IntArray | None = None
    there: IntArray | None = None

    @classmethod
    def of(cls, rows: IntArray) -> Rows:
        """From the row of each example, -1 where the grouping does not hold it."""
        first, last = (int(rows.min()), int(rows.max())) if rows.size else (0, -1)
        if first < 0:
            there = np.flatnonzero(rows >= 0)
            found = cls.of(rows[there])
            return cls(found.first, found.size, found.offsets, there)
        return cls(first, last - first + 1, None if first == last else rows - first)

    @cached_property
    def bars(self) -> IntArray:
        """Where each example's bars begin, in a table of the rows' bars."""
        assert self.offsets is not None, "a single row has but one table"
        return self.offsets * BARS

    @cached_property
    def decisions(self) -> IntArray:
        """The same for decisions."""
        assert self.offsets is not None, "a single row has but one table"
        return self.offsets * (DECISIONS + 1)

    @cached_property
    def coarse(self) -> IntArray:
        """The same for coarse bins."""
        assert self.offsets is not None, "a single row has but one table"
        return self.offsets * COARSE_BINS

    @cached_property
    def labelled(self) -> IntArray:
        """The same for coarse bins by label."""
        return 2 * self.coarse


@dataclass(frozen=True)
class Scored:
    """Some examples under the scores of one contender; costs in whole units.

    Attributes:
        scores: in [0, 1].
        positive: 1 for positive, 0 for negative.
        losses: log losses.
        base: those of the base rate.
        gaps: the score less the label.
        squares: squared errors.
        bins: the log-odds histogram's bin.
        coarse: the coarse bin.
        bars: the score distribution's bar.
        decisions: true negative 0, false positive 1, false negative 2, true positive 3; or
            :data:`UNDECIDED`.
    """

    scores: FloatArray
    positive: IntArray
    losses: FloatArray
    base: FloatArray
    gaps: FloatArray
    squares: FloatArray
    bins: IntArray
    coarse: IntArray
    bars: IntArray
    decisions: IntArray

    def part(self, chosen: IntArray) -> Scored:
        """Some of them, in their order."""
        return Scored(*(getattr(self, name)[chosen] for name in self.__dataclass_fields__))

    @cached_property
    def labelled(self) -> IntArray:
        """The coarse bin, of positives after all those of negatives."""
        return self.positive * COARSE_BINS + self.coarse

    @cached_property
    def marks(self) -> IntArray:
        """What histograms remember of the scores."""
        return marks_of(self.scores)

    @cached_property
    def coarse_range(self) -> tuple[int, int]:
        """The lowest and the highest coarse bin."""
        return int(self.coarse.min()), int(self.coarse.max())

    @cached_property
    def in_coarse_bins(self) -> tuple[IntArray, IntArray]:
        """Counts by label and coarse bin, and what each bin remembers of the scores."""
        counts = np.bincount(self.labelled, minlength=2 * COARSE_BINS)
        return counts.reshape(2, COARSE_BINS), remembered(self.coarse, self.marks)

    @cached_property
    def _whole(self) -> tuple[FloatArray, IntArray]:
        return self._sums(Rows(0, 1))

    def sums(self, rows: Rows) -> tuple[FloatArray, IntArray]:
        """The sums of each row, and its decisions; of a single row they are remembered."""
        return self._whole if rows.offsets is None else self._sums(rows)

    def _sums(self, rows: Rows) -> tuple[FloatArray, IntArray]:
        table = np.empty((rows.size, COLUMNS))
        for column, costs in ((LOSS, self.losses), (SQUARE, self.squares), (BASE, self.base)):
            if rows.offsets is None:
                table[0, column] = costs.sum()
            else:
                table[:, column] = np.bincount(rows.offsets, costs, rows.size)
        bars, decisions = self.bars, self.decisions
        if rows.offsets is not None:
            bars, decisions = rows.bars + bars, rows.decisions + decisions
        gaps = np.bincount(bars, self.gaps, rows.size * BARS)
        table[:, FIRST_GAP:] = gaps.reshape(rows.size, CALIBRATION_BINS, BARS_A_BIN).sum(axis=2)
        decided = np.bincount(decisions, minlength=rows.size * (DECISIONS + 1))
        return table, decided.reshape(rows.size, DECISIONS + 1)[:, :DECISIONS]


@dataclass(frozen=True)
class Labels:
    """What the costs of some examples have in common, whoever scored them.

    Attributes:
        positive: the labels.
        base: log losses of the base rate, in units.
        decided: which decisions count; None for all.
    """

    positive: BoolArray
    base: FloatArray
    decided: BoolArray | None

    @cached_property
    def said(self) -> IntArray:
        """1 for positive, 0 for negative."""
        return self.positive.astype(np.int64)

    @cached_property
    def expected(self) -> FloatArray:
        """The same as what a score should be."""
        return self.positive.astype(np.float64)

    def part(self, chosen: IntArray) -> Labels:
        """Of some of the examples."""
        decided = None if self.decided is None else self.decided[chosen]
        return Labels(self.positive[chosen], self.base[chosen], decided)


def scored(
    scores: FloatArray, labels: Labels, threshold: float, losses: FloatArray | None = None
) -> Scored:
    """The costs of checked examples.

    Args:
        scores: checked.
        labels: of the examples.
        threshold: an event is predicted positive from here on.
        losses: log losses in units, where they are known already.
    """
    gaps = scores - labels.expected
    bins, coarse = both_bins(scores)
    decisions = (scores >= threshold) + 2 * labels.said
    return Scored(
        scores,
        labels.said,
        loss_units(scores, labels.positive) if losses is None else losses,
        labels.base,
        units(gaps),
        units(gaps * gaps),
        bins,
        coarse,
        np.minimum((scores * BARS).astype(np.int64), BARS - 1),
        decisions if labels.decided is None else np.where(labels.decided, decisions, UNDECIDED),
    )


def loss_units(scores: FloatArray, positive: BoolArray) -> FloatArray:
    """The log losses in units."""
    return units(log_losses(scores, positive))


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

    def add(self, which: IntArray, values: FloatArray, sign: int) -> None:
        """Add values, or with a sign of -1 subtract them, in the sums that are named."""
        mantissa, exponent = np.frexp(values)
        whole = np.ldexp(mantissa, MANTISSA_BITS).astype(np.int64)
        first = (which * EXPONENTS + (exponent.astype(np.int64) - LOWEST_EXPONENT)) * PARTS
        low = (1 << PART_BITS) - 1
        flat = self._table.reshape(-1)
        # Signs come last, so that each part is taken back as it was added.
        np.add.at(flat, first, (whole & low) * sign)
        np.add.at(flat, first + 1, ((whole >> PART_BITS) & low) * sign)
        np.add.at(flat, first + 2, (whole >> (2 * PART_BITS)) * sign)

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
