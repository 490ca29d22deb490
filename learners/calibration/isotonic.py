"""Isotonic calibration: the rising curve that is nearest to what was true of recent scores.

One of the maps that :mod:`learners.calibration.adjustment` fits (the other is
:mod:`learners.calibration.platt`). Lessons are ordered by score; neighbours whose shares of
positives fall are pooled until none does (pool adjacent violators: Ayer et al. 1955; Zadrozny and
Elkan 2002 for calibration). Within a pool the curve is level, from pool to pool it is a straight
line, so that scores that differ mostly still do.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from learners.metrics.arrays import BoolArray, FloatArray, IntArray


@dataclass(frozen=True, slots=True, eq=False)
class Isotonic:
    """Straight lines between points, level before the first and behind the last.

    Attributes:
        scores: of the points, rising.
        shares: the calibrated score at each point, never falling.
    """

    method: ClassVar[str] = "isotonic"
    scores: FloatArray
    shares: FloatArray

    @classmethod
    def fit(cls, coordinates: FloatArray, positive: BoolArray, _before: object = None) -> Isotonic:
        """The rising curve of least squared error.

        It is fitted to Platt's smoothed labels, not to 0 and 1: a pool without a positive must
        not promise that there is never one. That only shrinks the curve, and moves no pool.

        Args:
            coordinates: the lessons' scores, in any order; equal ones are one point.
            positive: their labels, of both classes.
        """
        distinct, rank = np.unique(coordinates, return_inverse=True)
        counts = np.bincount(rank).astype(np.int64)
        firsts, sums, sizes = pooled(np.bincount(rank[positive], minlength=counts.size), counts)
        shares = _smoothed(sums / sizes, int(sums.sum()), int(sizes.sum()))
        lasts = np.append(firsts[1:], counts.size) - 1
        corners = np.column_stack((firsts, lasts)).reshape(-1)
        kept = np.append(True, corners[1:] != corners[:-1])  # a pool of one score is one point
        return cls(distinct[corners[kept]], np.repeat(shares, 2)[kept])

    @staticmethod
    def coordinates(scores: FloatArray) -> FloatArray:
        """What a score is fitted by: itself."""
        return scores

    def apply(self, scores: FloatArray) -> FloatArray:
        """The calibrated scores.

        Each step keeps order however it is rounded, and no line passes its end.
        """
        last = self.scores.size - 1
        after = np.minimum(np.searchsorted(self.scores, scores, side="right"), last)
        before = np.maximum(after - 1, 0)
        low, high = self.shares[before], self.shares[after]
        start, end = self.scores[before], self.scores[after]
        # Of a single point the line is level, whatever is divided by.
        way = (np.clip(scores, start, end) - start) / np.where(end > start, end - start, 1.0)
        line: FloatArray = np.minimum(low + (high - low) * way, high)
        return line

    def apply_to(self, score: float) -> float:
        """The calibrated score of one: the same steps, and the same bits."""
        scores, shares = self.scores, self.shares
        after = min(bisect_right(scores, score), scores.size - 1)
        before = max(after - 1, 0)
        low, high, start = shares.item(before), shares.item(after), scores.item(before)
        end = scores.item(after)
        way = (min(max(score, start), end) - start) / (end - start if end > start else 1.0)
        return min(low + (high - low) * way, high)

    def arrays(self) -> dict[str, FloatArray]:
        """The map as arrays, for checkpoints."""
        return {"isotonic": np.stack((self.scores, self.shares))}

    @classmethod
    def from_arrays(cls, arrays: dict[str, Any]) -> Isotonic | None:
        """The map of :meth:`arrays`; None if there is none yet."""
        return cls(*arrays["isotonic"]) if "isotonic" in arrays else None

    def to_json(self) -> dict[str, Any]:
        """The form that manifests hold."""
        return {
            "method": self.method,
            "scores": self.scores.tolist(),
            "shares": self.shares.tolist(),
        }

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Isotonic:
        """The map of :meth:`to_json`."""
        return cls(*(np.array(content[name], np.float64) for name in ("scores", "shares")))


def pooled(positives: IntArray, counts: IntArray) -> tuple[IntArray, IntArray, IntArray]:
    """Pool neighbours until the shares of positives rise from each pool to the next.

    In passes over all neighbours at once: what falls now is pooled in the end whatever the order.
    Shares are compared by whole numbers, so nothing hangs on rounding.

    Args:
        positives: how many lessons of each distinct score were positive, lowest score first.
        counts: how many there were.

    Returns:
        The place of each pool's first score, its positives and its count.
    """
    firsts: IntArray = np.arange(counts.size)
    while True:
        rises = positives[:-1] * counts[1:] < positives[1:] * counts[:-1]
        if rises.all():
            return firsts, positives, counts
        begins = np.append(0, np.flatnonzero(rises) + 1)
        firsts = firsts[begins]
        positives = np.add.reduceat(positives, begins)
        counts = np.add.reduceat(counts, begins)


def _smoothed(shares: FloatArray, positives: int, count: int) -> FloatArray:
    """The shares with Platt's targets in the place of 0 and 1."""
    low, high = 1 / (count - positives + 2), (positives + 1) / (positives + 2)
    return low + (high - low) * shares
