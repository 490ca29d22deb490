"""Measures in which a lesson counts half after every so many later ones.

Stands inside :mod:`.contender`. Lessons are added up in chunks of fixed places in the stream,
each weighted as seen from its chunk's end; a full chunk joins the others, which fade at once. So
the result does not depend on how the lessons came, and a lesson costs no more than elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from learners.arithmetic import FloatArray
from learners.evaluation.fixed_point import UNIT
from learners.evaluation.group_sums import CELLS, COLUMNS, DECISIONS, FIRST_GAP, LOSS, SQUARE
from learners.evaluation.log_odds import COARSE_BINS, areas
from learners.evaluation.scored import BARS_A_BIN, Scored
from learners.lessons import AnyArray, IntArray

WIDTH = CELLS + DECISIONS + COLUMNS
_SUMS = CELLS + DECISIONS

LONGEST_CHUNK = 512
# Within a chunk the weight falls to 2^-8 at most, which leaves the unit's 32 other bits.
HALVINGS_A_CHUNK = 8


class Fading:
    """Weights and chunks for one half-life."""

    def __init__(self, half_life: float) -> None:
        self.half_life = half_life
        room = max(1, int(half_life * HALVINGS_A_CHUNK))
        self.chunk = min(LONGEST_CHUNK, 1 << (room.bit_length() - 1))
        self.decay = 0.5 ** (self.chunk / half_life)
        self._weights = np.array(
            [0.5 ** ((self.chunk - 1 - place) / half_life) for place in range(self.chunk)]
        )

    def weights(self, numbers: IntArray) -> FloatArray:
        """The weight of each lesson at its own chunk's end."""
        return self._weights[numbers % self.chunk]

    def weights_at(self, numbers: IntArray, moments: IntArray) -> FloatArray:
        """The weight of each lesson at the end of the chunk that was open at the moment."""
        ends = (moments // self.chunk + 1) * self.chunk - 1
        ago = (ends - numbers).tolist()
        return np.array([0.5 ** (lessons / self.half_life) for lessons in ago])


@dataclass(frozen=True, slots=True)
class Shares:
    """How much each of some lessons counts.

    Attributes:
        chunks: which chunk it is added to, counted from the open one.
        weights: its weight at the end of that chunk.
    """

    chunks: IntArray
    weights: FloatArray

    def part(self, chosen: IntArray) -> Shares:
        """Those of some of the lessons."""
        return Shares(self.chunks[chosen], self.weights[chosen])


class Faded:
    """The faded sums of one contender."""

    def __init__(self) -> None:
        self._past: FloatArray = np.zeros(WIDTH)
        self._open: IntArray = np.zeros((1, WIDTH), dtype=np.int64)

    def add(self, lessons: Scored, shares: Shares, sign: int = 1) -> None:
        """Add lessons to their chunks, or take them back."""
        missing = int(shares.chunks.max(initial=0)) + 1 - len(self._open)
        if missing > 0:
            self._open = np.pad(self._open, ((0, missing), (0, 0)))
        flat = self._open.reshape(-1)
        first = shares.chunks * WIDTH
        weights = shares.weights * sign
        counted = np.rint(weights * UNIT).astype(np.int64)
        np.add.at(flat, first + lessons.cells, counted)
        np.add.at(flat, first + CELLS + lessons.decisions, counted * lessons.decided)
        first += _SUMS
        gap = first + (lessons.bars // BARS_A_BIN + FIRST_GAP)
        np.add.at(flat, first + LOSS, _weighted(lessons.losses, weights))
        np.add.at(flat, first + SQUARE, _weighted(lessons.squares, weights))
        np.add.at(flat, gap, _weighted(lessons.gaps, weights))

    def close(self, chunks: int, decay: float) -> None:
        """So many chunks are full: they join the past, one after the other."""
        for full in self._open[:chunks]:
            self._past *= decay
            self._past += full
        if chunks:
            rest = self._open[chunks : chunks + 1]
            self._open = rest.copy() if len(rest) else np.zeros((1, WIDTH), dtype=np.int64)

    def rescale(self, count: int, before: Fading, after: Fading) -> None:
        """Go on with another half-life, from so many lessons on."""
        inside, inside_after = count % before.chunk, count % after.chunk
        now = self._past * 0.5 ** (inside / before.half_life)
        now += self._open[0] * 0.5 ** ((inside - before.chunk) / before.half_life)
        self._past = now * 2.0 ** (inside_after / after.half_life)
        self._open = np.zeros((1, WIDTH), dtype=np.int64)

    def restart_decisions(self) -> None:
        """Forget what was decided, for another threshold decides from here on."""
        self._past[CELLS:_SUMS] = 0.0
        self._open[:, CELLS:_SUMS] = 0

    def measures(self, decay: float) -> dict[str, Any]:
        """All faded measures; None where undefined."""
        sums = self._past * decay + self._open[0]
        negatives, positives = sums[:CELLS].reshape(2, COARSE_BINS)
        both = float(negatives.sum() + positives.sum())
        found: dict[str, Any] = dict.fromkeys(("base_rate", "log_loss", "brier", "ece"))
        if both > 0:
            totals = sums[_SUMS:]
            found = {
                "base_rate": float(positives.sum()) / both,
                "log_loss": float(totals[LOSS]) / both,
                "brier": float(totals[SQUARE]) / both,
                "ece": float(np.abs(totals[FIRST_GAP:]).sum()) / both,
            }
        right_negative, _, _, right_positive = sums[CELLS:_SUMS]
        decided = float(sums[CELLS:_SUMS].sum())
        found["accuracy"] = float(right_negative + right_positive) / decided if decided else None
        mixed = np.ones(COARSE_BINS, dtype=np.bool_)
        return found | areas(negatives, positives, mixed)

    def state(self) -> dict[str, AnyArray]:
        """The past and the open chunk."""
        return {"faded_past": self._past.copy(), "faded_open": self._open[0].copy()}

    def restore(self, arrays: Mapping[str, AnyArray]) -> None:
        """Go on from a state."""
        self._past = arrays["faded_past"].astype(np.float64)
        self._open = arrays["faded_open"].astype(np.int64).reshape(1, WIDTH)


def _weighted(values: IntArray, weights: FloatArray) -> IntArray:
    counted: IntArray = np.rint(values * weights).astype(np.int64)
    return counted
