"""Log-odds and back, to the same bits everywhere, and never against the order of the scores.

Stands below :mod:`learners.calibration.platt`. Like :func:`learners.metrics.arrays.natural_log`, all is
built from operations that IEEE 754 rounds correctly. ``math.exp`` and ``np.exp`` will not do: the C
library and numpy choose among kernels by the processor (with and without fused multiply-add), and
their last bits differ.

Every exponential and logarithm is a bit off somewhere, and could put two neighbouring scores the
wrong way round. Their arguments are therefore rounded to 36 bits first, which keeps order: what
still differs then differs by far more than either function errs.

For a request with one row, whose arrays would cost more than the rest of its answer (130 us against
4), and for batches of three, there are twins that take one number through the same steps, and come
to the same bits.
"""

from __future__ import annotations

import math

import numpy as np

from learners.metrics.arrays import LOG_2_HIGH, LOG_2_LOW, ROOT_HALF, FloatArray, natural_log
from learners.metrics.arrays import POLYNOMIAL as LOGARITHM
from learners.metrics.metrics import CLIP

# fdlibm's e_exp.c (Sun Microsystems, 1993): r(exp(r) + 1) / (exp(r) - 1) is 2 and this polynomial
# in r², lowest power first.
POLYNOMIAL = (
    1.66666666666666019037e-01,
    -2.77777777770155933842e-03,
    6.61375632143793436117e-05,
    -1.65339022054652515390e-06,
    4.13813679705723846039e-08,
)
ONE_BY_LOG_2 = 1.44269504088896338700
# An error of 1.5e-11 in log-odds, which nobody will see.
KEPT = 2.0**36
# Fewer numbers take less time one by one.
FEWEST_IN_ARRAY = 24
# The log-odds of 1 - 1e-7, where the log loss clips too.
MOST_LOG_ODDS = 16.118095550958316


def log_odds(scores: FloatArray) -> FloatArray:
    """log(p / (1 - p)) of each score, clipped to [1e-7, 1 - 1e-7]."""
    clipped = np.clip(scores, CLIP, 1.0 - CLIP)
    fraction, exponent = np.frexp(clipped / (1.0 - clipped))
    return natural_log(np.ldexp(np.rint(fraction * KEPT) / KEPT, exponent))


def sigmoid(values: FloatArray) -> FloatArray:
    """1 / (1 + exp(-x)) of each value, from 1e-7 to 1 - 1e-7."""
    within = np.clip(values, -MOST_LOG_ODDS, MOST_LOG_ODDS)
    return 1.0 / (1.0 + exponential(np.rint(within * -KEPT) / KEPT))


def exponential(values: FloatArray) -> FloatArray:
    """exp(x) of each value from -700 to 700, at most one unit in the last place off."""
    doublings = np.rint(values * ONE_BY_LOG_2)
    high = values - doublings * LOG_2_HIGH
    low = doublings * LOG_2_LOW
    rest = high - low
    square = rest * rest
    series = POLYNOMIAL[-1] * square
    for coefficient in POLYNOMIAL[-2::-1]:
        series += coefficient
        series *= square
    series = rest - series
    near = 1.0 - ((low - (rest * series) / (2.0 - series)) - high)
    return np.ldexp(near, doublings.astype(np.int32))


def log_odds_of(score: float) -> float:
    """What :func:`log_odds` gives for one score."""
    clipped = min(max(score, CLIP), 1.0 - CLIP)
    fraction, exponent = math.frexp(clipped / (1.0 - clipped))
    fraction, more = math.frexp(round(fraction * KEPT) / KEPT)
    if fraction < ROOT_HALF:
        fraction, more = fraction + fraction, more - 1
    whole = float(exponent + more)
    fraction -= 1.0
    ratio = fraction / (fraction + 2.0)
    square = ratio * ratio
    rest = LOGARITHM[-1] * square
    for coefficient in LOGARITHM[-2::-1]:
        rest = (rest + coefficient) * square
    half = 0.5 * fraction * fraction
    rest = (rest + half) * ratio + whole * LOG_2_LOW
    return whole * LOG_2_HIGH - (half - rest - fraction)


def sigmoid_of(value: float) -> float:
    """What :func:`sigmoid` gives for one value."""
    within = min(max(value, -MOST_LOG_ODDS), MOST_LOG_ODDS)
    argument = round(within * -KEPT) / KEPT
    doublings = round(argument * ONE_BY_LOG_2)
    high = argument - doublings * LOG_2_HIGH
    low = doublings * LOG_2_LOW
    rest = high - low
    square = rest * rest
    series = POLYNOMIAL[-1] * square
    for coefficient in POLYNOMIAL[-2::-1]:
        series = (series + coefficient) * square
    series = rest - series
    near = 1.0 - ((low - (rest * series) / (2.0 - series)) - high)
    return 1.0 / (1.0 + math.ldexp(near, doublings))
