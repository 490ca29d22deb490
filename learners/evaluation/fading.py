"""Exponentially weighted metrics: an example's weight halves after a fixed number of later ones.

Examples are summed in chunks at fixed places in the stream, each weighted as seen from its chunk's
end; a full chunk is added to the others, which are then decayed together. So the result does not
depend on the batches, and an example costs no more than in the other metrics.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np

from learners.evaluation.example_costs import (
    BARS,
    BARS_A_BIN,
    BASE,
    COLUMNS,
    DECISIONS,
    FIRST_GAP,
    LOSS,
    SQUARE,
    Scored,
    units,
)
from learners.evaluation.histograms import COARSE_BINS, areas
from learners.metrics.arrays import AnyArray, BoolArray, FloatArray, IntArray
from learners.metrics.metrics import CALIBRATION_BINS

# Columns: the histogram by label, decisions, then those of groups.
LABELLED = 2 * COARSE_BINS
FIRST_SUM = LABELLED + DECISIONS
WIDTH = FIRST_SUM + COLUMNS

FADED = ("base_rate", "log_loss", "base_rate_log_loss", "brier", "ece")

LONGEST_CHUNK = 2048
# Within a chunk the weight falls to 2^-8 at most, which leaves 26 bits of the unit's.
HALVINGS_A_CHUNK = 8


@lru_cache(maxsize=8)
def _weights(half_life: float, chunk: int) -> FloatArray:
    """The weights at the end of a chunk; Python's power, for numpy's differs between machines."""
    return np.array([0.5 ** ((chunk - 1 - place) / half_life) for place in range(chunk)])


class Fading:
    """Weights and chunks for one half-life."""

    def __init__(self, half_life: float) -> None:
        self.half_life = half_life
        room = max(1, int(half_life * HALVINGS_A_CHUNK))
        self.chunk = min(LONGEST_CHUNK, 1 << (room.bit_length() - 1))
        self.decay = 0.5 ** (self.chunk / half_life)
        self._weights = _weights(half_life, self.chunk)

    def weights(self, numbers: IntArray) -> FloatArray:
        """The weight of each example at its chunk's end."""
        return self._weights.take(numbers & (self.chunk - 1))

    def weights_at(self, numbers: IntArray, moments: IntArray) -> FloatArray:
        """The weight of each example at the end of the chunk that was open at the moment."""
        ends = (moments // self.chunk + 1) * self.chunk - 1
        ago = (ends - numbers).tolist()
        return np.array([0.5 ** (lessons / self.half_life) for lessons in ago])


@dataclass(frozen=True)
class Shares:
    """How much each of some examples counts.

    Attributes:
        chunks: which chunk it is added to, counted from the open one; never falling.
        weights: its weight at the end of that chunk.
    """

    chunks: IntArray
    weights: FloatArray

    def part(self, chosen: IntArray) -> Shares:
        """The shares of some of the examples."""
        return Shares(self.chunks[chosen], self.weights[chosen])

    @cached_property
    def counted(self) -> FloatArray:
        """The weights in units."""
        return units(self.weights)

    @cached_property
    def begins(self) -> IntArray:
        """Where each chunk's examples begin."""
        return np.flatnonzero(np.diff(self.chunks, prepend=-1))

    @cached_property
    def places(self) -> IntArray:
        """Where the sums of each example's chunk begin."""
        return self.chunks * WIDTH

    def by(self, kinds: IntArray, kinds_in_all: int, values: FloatArray) -> FloatArray:
        """The sums of values by chunk and kind."""
        chunks = int(self.chunks[-1]) + 1
        size = chunks * kinds_in_all
        found = np.bincount(self.chunks * kinds_in_all + kinds, values, size)
        return found.astype(np.float64, copy=False).reshape(chunks, kinds_in_all)


class ExponentiallyWeighted:
    """Exponentially weighted sums of one contender; chunks are summed exactly, in whole units."""

    def __init__(self) -> None:
        self._past: FloatArray = np.zeros(WIDTH)
        self._open: FloatArray = np.zeros((1, WIDTH))

    def add(self, lessons: Scored, shares: Shares, sign: int = 1) -> None:
        """Add examples to their chunks, or subtract them."""
        if not shares.chunks.size:
            return
        chunks = int(shares.chunks[-1]) + 1
        self._make_room(chunks)
        counted = shares.counted if sign == 1 else -shares.counted
        np.add.at(self._open.reshape(-1), shares.places + lessons.labelled, counted)
        table = self._open[:chunks]
        decided = shares.by(lessons.decisions, DECISIONS + 1, shares.counted)
        table[:, LABELLED:FIRST_SUM] += sign * decided[:, :DECISIONS]
        for column, costs in (
            (LOSS, lessons.losses),
            (SQUARE, lessons.squares),
            (BASE, lessons.base),
        ):
            sums = np.add.reduceat(_weighted(costs, shares), shares.begins)
            table[shares.chunks[shares.begins], FIRST_SUM + column] += sign * sums
        gaps = shares.by(lessons.bars, BARS, _weighted(lessons.gaps, shares))
        gaps = gaps.reshape(chunks, CALIBRATION_BINS, BARS_A_BIN).sum(axis=2)
        table[:, FIRST_SUM + FIRST_GAP :] += sign * gaps

    def _make_room(self, chunks: int) -> None:
        if chunks > len(self._open):
            room = np.zeros((chunks, WIDTH))
            room[: len(self._open)] = self._open
            self._open = room

    def close(self, chunks: int, decay: float) -> None:
        """So many chunks are full: they join the past, one after the other."""
        self._make_room(chunks)  # those of a contender that has scored none of them are empty
        for full in self._open[:chunks]:
            self._past *= decay
            self._past += full
        if chunks:
            rest = self._open[chunks : chunks + 1]
            self._open = rest.copy() if len(rest) else np.zeros((1, WIDTH))

    def rescale(self, count: int, before: Fading, after: Fading) -> None:
        """Continue with another half-life, from so many examples on."""
        inside, inside_after = count % before.chunk, count % after.chunk
        now = self._past * 0.5 ** (inside / before.half_life)
        now += self._open[0] * 0.5 ** ((inside - before.chunk) / before.half_life)
        self._past = now * 2.0 ** (inside_after / after.half_life)
        self._open = np.zeros((1, WIDTH))

    def restart_decisions(self) -> None:
        """Forget what was decided, for another threshold decides from here on."""
        self._past[LABELLED:FIRST_SUM] = 0.0
        self._open[:, LABELLED:FIRST_SUM] = 0.0

    def measures(self, decay: float, mixed: BoolArray) -> dict[str, Any]:
        """All faded measures; None where undefined.

        Args:
            decay: of a chunk.
            mixed: the coarse bins that hold scores that differ.
        """
        sums = self._past * decay + self._open[0]
        negatives, positives = sums[:LABELLED].reshape(2, COARSE_BINS)
        both = float(negatives.sum() + positives.sum())
        found: dict[str, Any] = dict.fromkeys(FADED)
        if both > 0:
            totals = sums[FIRST_SUM:]
            found = {
                "base_rate": float(positives.sum()) / both,
                "log_loss": float(totals[LOSS]) / both,
                "base_rate_log_loss": float(totals[BASE]) / both,
                "brier": float(totals[SQUARE]) / both,
                "ece": float(np.abs(totals[FIRST_GAP:]).sum()) / both,
            }
        right_negative, _, _, right_positive = sums[LABELLED:FIRST_SUM]
        decided = float(sums[LABELLED:FIRST_SUM].sum())
        found["accuracy"] = float(right_negative + right_positive) / decided if decided else None
        return found | areas(negatives, positives, mixed)

    def state(self) -> dict[str, AnyArray]:
        """The past and the open chunk."""
        sums = np.concatenate([self._past, self._open[0]])
        used = np.flatnonzero(sums)
        return {"faded_places": used.astype(np.uint32), "faded_sums": sums[used]}

    def restore(self, arrays: Mapping[str, AnyArray]) -> None:
        """Resume from a state."""
        sums = np.zeros(2 * WIDTH)
        sums[arrays["faded_places"]] = arrays["faded_sums"]
        self._past, self._open = sums[:WIDTH].copy(), sums[WIDTH:].reshape(1, WIDTH).copy()


def _weighted(costs: FloatArray, shares: Shares) -> FloatArray:
    """Costs by the weights, in whole units again."""
    weighted = costs * shares.weights
    np.rint(weighted, out=weighted)
    return weighted
