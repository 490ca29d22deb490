"""The bootstrap by blocks of neighbouring lessons, for the mean of what each lesson adds.

Neighbours in a stream are alike (one storm delays a day's flights), so that resampling lesson by
lesson would promise too much. Whole blocks are drawn instead, from the lessons closed to a circle:
Politis and Romano 1992, "A circular block-resampling procedure for stationary data". How long a
block must be follows from how long the lessons remember: Politis and White 2004, "Automatic
block-length selection for the dependent bootstrap", as corrected by Patton, Politis and White 2009.

The seed is fixed: the same lessons always give the same interval.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from learners.metrics.arrays import FloatArray, IntArray

SEED = 20_130_101
# The ends of a 95 % interval then hang on 50 resamples each.
RESAMPLES = 2_000
# Draws held at a time: 8 MB.
MOST_DRAWS = 1 << 20
# More blocks than this make no interval better, and take their time: blocks may be longer instead.
MOST_BLOCKS = 2_000
# Politis and White's constants: lags that must be quiet in a row, and what is quiet.
FEWEST_QUIET = 5
QUIET_ERRORS = 2.0


@dataclass(frozen=True, slots=True)
class Interval:
    """Where the mean lies, by resampling.

    Attributes:
        mean: of the lessons themselves.
        error: the standard deviation over the resamples.
        low: lower end of the interval.
        high: upper end.
        p: twice the share of resamples on the other side of zero.
        share_above: of resamples whose mean is above zero; those at zero count half.
        block: lessons in a block.
    """

    mean: float
    error: float
    low: float
    high: float
    p: float
    share_above: float
    block: int


class BlockBootstrap:
    """Draws blocks of lessons, always the same ones.

    Attributes:
        block: lessons in a block.
        resamples: how many times as many lessons as there are are drawn.
    """

    def __init__(self, count: int, block: int, resamples: int = RESAMPLES) -> None:
        self.block = block
        self.resamples = resamples
        self._count = count

    def starts(self) -> Iterator[IntArray]:
        """Where the blocks of some resamples begin, [resample, block]; until all are drawn."""
        generator = np.random.Generator(np.random.PCG64(SEED))
        blocks = -(-self._count // self.block)
        step = max(1, MOST_DRAWS // blocks)
        for first in range(0, self.resamples, step):
            shape = min(step, self.resamples - first), blocks
            yield generator.integers(0, self._count, shape)

    def means(self, values: FloatArray) -> FloatArray:
        """The mean of each resample; its last block is cut so that it is as long as the stream."""
        last = self._count - (-(-self._count // self.block) - 1) * self.block
        whole, cut = circular_sums(values, self.block), circular_sums(values, last)
        sums = [whole[s[:, :-1]].sum(axis=1) + cut[s[:, -1]] for s in self.starts()]
        means: FloatArray = np.concatenate(sums) / self._count
        return means


def block_counts(blocks: int, resamples: int) -> IntArray:
    """How many times each resample holds each of some blocks that do not overlap.

    The older bootstrap of Carlstein 1986, for what is more than a mean of each lesson: the blocks'
    sums are taken once.

    Returns:
        Counts [resample, block].
    """
    generator = np.random.Generator(np.random.PCG64(SEED))
    drawn = generator.integers(0, blocks, (resamples, blocks))
    drawn += np.arange(resamples)[:, None] * blocks
    return np.bincount(drawn.reshape(-1), minlength=resamples * blocks).reshape(resamples, blocks)


def circular_sums(values: FloatArray, length: int) -> FloatArray:
    """The sum of ``length`` values from each on, the first following the last."""
    round_again = np.concatenate((values, values[: length - 1]))
    sums = np.concatenate(([0.0], np.cumsum(round_again)))
    return sums[length:] - sums[:-length]


def interval(values: FloatArray, confidence: float) -> Interval:
    """Where the mean of what each lesson adds lies.

    Args:
        values: one a lesson, in the order of the stream.
        confidence: of the interval, by the percentiles of the resamples.
    """
    drawn = BlockBootstrap(values.size, block_length(values))
    # Sums over the circle cancel best around zero; values that are all alike then stay so.
    mean = float(np.mean(values))
    around = drawn.means(values - mean)
    low, high = np.quantile(around, [(1 - confidence) / 2, (1 + confidence) / 2])
    above, at = int(np.sum(around > -mean)), int(np.sum(around == -mean))
    share = (above + at / 2) / around.size
    # One more on each side: so few resamples cannot show that something never happens.
    beyond = min(above, around.size - above - at) + at
    p = min(1.0, 2 * (beyond + 1) / (around.size + 1))
    spread = float(np.std(around))
    return Interval(mean, spread, mean + float(low), mean + float(high), p, share, drawn.block)


def block_length(values: FloatArray) -> int:
    """How many neighbours make a block, from how far apart lessons still are alike."""
    return max(_optimal_length(values), -(-values.size // MOST_BLOCKS))


def _optimal_length(values: FloatArray) -> int:
    count = values.size
    quiet_for = max(FEWEST_QUIET, math.ceil(math.sqrt(math.log10(count))))
    most_lag = min(math.ceil(math.sqrt(count)) + quiet_for, count - 1)
    covariances = autocovariances(values, most_lag)
    if covariances[0] <= 0.0:
        return 1
    threshold = QUIET_ERRORS * math.sqrt(math.log10(count) / count)
    bandwidth = min(2 * _memory(covariances / covariances[0], threshold, quiet_for), most_lag)
    lags = np.arange(1, bandwidth + 1)
    # The flat-top window of Politis and Romano 1995: 1 up to a half, then falling to 0.
    weighted = np.minimum(1.0, 2.0 * (1.0 - lags / bandwidth)) * covariances[1 : bandwidth + 1]
    slope = 2.0 * float(np.sum(weighted * lags))
    level = float(covariances[0]) + 2.0 * float(np.sum(weighted))
    longest = math.ceil(min(3.0 * math.sqrt(count), count / 3.0))
    if level <= 0.0:
        return longest
    wanted = math.cbrt(1.5 * (slope / level) ** 2 * count)
    return max(1, min(math.ceil(wanted), longest))


def _memory(correlations: FloatArray, threshold: float, quiet_for: int) -> int:
    """The last lag before ``quiet_for`` quiet ones; at least 1."""
    loud = np.abs(correlations[1:]) >= threshold
    heard = np.concatenate(([0], np.cumsum(loud)))
    quiet = np.flatnonzero(heard[quiet_for:] == heard[:-quiet_for])
    if quiet.size:
        return max(1, int(quiet[0]))
    return max(1, int(np.flatnonzero(loud)[-1]) + 1) if loud.any() else 1


def autocovariances(values: FloatArray, most_lag: int) -> FloatArray:
    """The covariance of the values with those 0, 1, ... ``most_lag`` later."""
    centred = values - values.mean()
    size = 1 << (values.size + most_lag).bit_length()
    spectrum = np.fft.rfft(centred, size)
    products: FloatArray = np.fft.irfft(spectrum * np.conj(spectrum), size)[: most_lag + 1]
    return products / values.size
