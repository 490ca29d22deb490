"""Exact sums of any finite numbers, for amounts of money of whatever size.

Stands inside :mod:`.contender`, where an event's value is multiplied by a column of the user's.
Each number is split into three short whole numbers beside its exponent; sums of those are exact,
so that the order does not matter and corrections leave no trace.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from learners.lessons import AnyArray, IntArray
from learners.metrics.arrays import FloatArray

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
        """Go on from a state."""
        self._table.reshape(-1)[used] = held
