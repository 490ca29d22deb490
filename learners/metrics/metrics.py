"""Areas under the ROC and precision-recall curves, losses, and calibration bins.

Areas are computed from counts of ever higher scores along the last axis, so that a whole table of
groups is measured at once: exact windows give a place for each distinct score, histograms one for
each bin, and say which places may hold scores that differ.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from learners.metrics.arrays import (
    AnyArray,
    BoolArray,
    FloatArray,
    IntArray,
    natural_log,
)

# Counts of lessons, or their sums of weights.
Counts: TypeAlias = npt.NDArray[np.int64] | npt.NDArray[np.float64]

# Below, a mean or an area says nothing, and of a comparison neither does an interval from resamples
# or by the normal distribution.
FEWEST_LABELS = 30
FEWEST_OF_A_CLASS = 10

# Weights that have faded for ever so long; what is divided by them must stay finite.
NEXT_TO_NOTHING = 1e-200


def roc_area(
    negatives: Counts, positives: Counts, mixed: BoolArray
) -> tuple[FloatArray, FloatArray]:
    """The share of (positive, negative) pairs whose positive is higher, ties counting half.

    Hanley and McNeil 1982. Only pairs that share a mixed place can be judged wrongly, each by a
    half at most.

    Args:
        negatives: counts, lowest score first, along the last axis.
        positives: the same.
        mixed: places that may hold scores that differ.

    Returns:
        The area and the most by which it can be off; nan with one class only.
    """
    negatives, positives = negatives.astype(np.float64), positives.astype(np.float64)
    below = np.cumsum(negatives, axis=-1) - negatives
    pairs = 2.0 * negatives.sum(axis=-1) * positives.sum(axis=-1)
    ordered = (positives * (2.0 * below + negatives)).sum(axis=-1)
    shared = (positives * negatives * mixed).sum(axis=-1)
    return _ratio(ordered, pairs), _ratio(shared, pairs)


def average_precision(
    negatives: Counts, positives: Counts, mixed: BoolArray
) -> tuple[FloatArray, FloatArray]:
    """The area under the precision-recall curve by steps, as scikit-learn's average precision.

    The sum over thresholds of the recall gained there, times the precision there. In a mixed place
    it is the middle between the worst order, all negatives first, and the best, all positives at
    once; the sum 1/(a+1) + ... + 1/(a+p) of the former is log((a+p)/a) at most.

    Returns:
        The area and the most by which it can be off; nan with one class only.
    """
    negatives, positives = negatives.astype(np.float64), positives.astype(np.float64)
    above_p, with_p = _from_above(positives)
    above_n, with_n = _from_above(negatives)
    gained = _ratio(positives * with_p, with_p + with_n)
    gained[positives == 0] = 0.0
    off = np.zeros_like(gained)
    # Most places of a table of groups are empty, and those of plain arrays hold one score each.
    at = np.nonzero((positives > 0) & mixed)
    best = _ratio(positives[at] * with_p[at], with_p[at] + above_n[at])
    before = above_p[at] + with_n[at]
    worst = positives[at] - with_n[at] * _log_ratio(before + positives[at], before)
    gained[at], off[at] = (best + worst) / 2, (best - worst) / 2
    total = np.where(negatives.sum(axis=-1) > 0, positives.sum(axis=-1), 0.0)
    return _ratio(gained.sum(axis=-1), total), _ratio(off.sum(axis=-1), total)


def exact_areas(scores: FloatArray, positive: BoolArray) -> tuple[float, float]:
    """Both areas of plain arrays, as from the counts at each distinct score; nan with one class.

    A float's bits, read as a whole number, have the order of the floats, so that the label fits in
    below and one sort of whole numbers does: five times as fast as ``np.unique`` with its inverse.

    Args:
        scores: in [0, 1], no negative zeros.
        positive: the labels.
    """
    keys = (scores.view(np.int64) << 1) | positive
    keys.sort()
    said = keys & 1
    keys >>= 1
    first = np.flatnonzero(np.diff(keys, prepend=-1))
    positives = int(said.sum())
    negatives = scores.size - positives
    if not positives or not negatives:
        return np.nan, np.nan
    # Of each distinct score: its positives, those below it, and all from it on.
    here = said if first.size == said.size else np.add.reduceat(said, first)
    below = np.cumsum(here)
    below -= here
    all_here = np.diff(first, append=scores.size)
    ordered = int((here * (2 * (first - below) + all_here - here)).sum())
    gained = (here * (positives - below)) / (scores.size - first)
    return ordered / (2.0 * negatives * positives), float(gained.sum()) / positives


def _from_above(counts: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The counts of all higher places, without each place's own and with it; never below zero."""
    including = np.flip(np.cumsum(np.flip(counts, axis=-1), axis=-1), axis=-1)
    none = np.zeros((*counts.shape[:-1], 1))
    return np.concatenate([including[..., 1:], none], axis=-1), including


def _ratio(above: AnyArray, below: AnyArray) -> FloatArray:
    """The quotients; nan where nothing stands below."""
    blank = np.full(np.shape(above), np.nan)
    found: FloatArray = np.divide(above, below, out=blank, where=np.asarray(below) > 0)
    return found


def _log_ratio(above: FloatArray, below: FloatArray) -> FloatArray:
    """log(above / below); 0 where next to nothing stands below, which its factor outweighs."""
    some = below > above * NEXT_TO_NOTHING
    logarithms = natural_log(np.where(some, above / np.where(some, below, 1.0), 1.0))
    return np.where(some, logarithms, 0.0)


# One certain, wrong score must not decide the log loss of a stream: it costs 16.1 at most.
CLIP = 1e-7

CALIBRATION_BINS = 15


# As many logarithms at once as the CPU's cache has room for: twice as fast as 100,000 at once.
_AT_ONCE = 1 << 13


def log_losses(scores: FloatArray, positive: BoolArray) -> FloatArray:
    """The log loss of each lesson, its score clipped to [1e-7, 1 - 1e-7]."""
    losses, negative = np.empty(scores.size), ~positive
    for begin in range(0, scores.size, _AT_ONCE):
        part = slice(begin, begin + _AT_ONCE)
        chances = np.clip(scores[part], CLIP, 1.0 - CLIP)
        np.abs(np.subtract(negative[part], chances, out=chances), out=chances)
        np.negative(natural_log(chances), out=losses[part])
    return losses


def squared_errors(scores: FloatArray, positive: BoolArray) -> FloatArray:
    """What each lesson adds to the Brier score."""
    errors = scores - positive
    return errors * errors


def calibration_bins(scores: FloatArray) -> IntArray:
    """The bin of each score, of 15 of equal width; [low, high), the last one with its end."""
    return np.minimum((scores * CALIBRATION_BINS).astype(np.int64), CALIBRATION_BINS - 1)
