"""Platt's calibration: two numbers that bend the log-odds of a score.

One of the maps that :mod:`learners.calibration.adjustment` fits (the other is
:mod:`learners.calibration.isotonic`). Platt 1999, "Probabilistic outputs for support vector
machines", for the targets that are not quite 0 and 1; Lin, Lin and Weng 2007, "A note on Platt's
probabilistic outputs", algorithm 1, for Newton's method with a line search.

Of many lessons those of nearly the same log-odds are taken together, at their mean: the fit takes a
fifth of the time, and moves by less than a hundredth of its standard error.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np

from learners.metrics.arrays import (
    LOG_2_HIGH,
    LOG_2_LOW,
    ROOT_HALF,
    BoolArray,
    FloatArray,
    natural_log,
    sum_in_order,
)
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


# Groups a unit of log-odds, and from how many lessons on; fewer are each fitted alone.
GROUPS = 128
FEWEST_GROUPED = 2_000
# Lin, Lin and Weng's: the step shrinks no further than this, and the Hessian gets this much more.
LEAST_STEP = 1e-10
RIDGE = 1e-12
# What the loss could still fall by, twice, before the last step; each step squares it.
LAST = 1e-9
# A step that moves no log-odds by more than this keeps the Hessian within a factor of e (Bach 2010,
# "Self-concordant analysis for logistic regression"): it may be taken whole, unlooked at.
NEAR = 1.0
MOST_ITERATIONS = 100
SUFFICIENT_DECREASE = 1e-4
# Where the exponential is a normal number still.
LEAST_EXPONENT = -700.0


def targets(positive: BoolArray) -> FloatArray:
    """What each lesson is fitted to: Platt's smoothed labels, so that nothing becomes certain."""
    positives = int(np.count_nonzero(positive))
    negatives = positive.size - positives
    return np.where(positive, (positives + 1) / (positives + 2), 1 / (negatives + 2))


@dataclass(frozen=True, slots=True)
class Platt:
    """p = sigmoid(slope * log-odds + intercept), with a slope of zero or more."""

    method: ClassVar[str] = "platt"
    slope: float
    intercept: float

    @classmethod
    def fit(cls, coordinates: FloatArray, positive: BoolArray, before: object = None) -> Platt:
        """The map of least log loss against Platt's targets.

        Lessons whose higher scores are less often positive give a slope of zero: calibration
        never turns the order of the scores.

        Args:
            coordinates: the lessons' log-odds, in order.
            positive: their labels, of both classes.
            before: the last fit, from which the next is two steps away and not six.
        """
        newton = _Newton(_grouped(coordinates, targets(positive)))
        found = newton.minimum(before if isinstance(before, Platt) else None)
        if found.slope > 0:
            return found
        return newton.base_rate

    @staticmethod
    def coordinates(scores: FloatArray) -> FloatArray:
        """What a score is fitted by: its log-odds."""
        if scores.size < FEWEST_IN_ARRAY:
            return np.array(list(map(log_odds_of, scores.tolist())), np.float64)
        return log_odds(scores)

    def apply(self, scores: FloatArray) -> FloatArray:
        """The calibrated scores."""
        return sigmoid(self.slope * log_odds(scores) + self.intercept)

    def apply_to(self, score: float) -> float:
        """The calibrated score of one."""
        return sigmoid_of(self.slope * log_odds_of(score) + self.intercept)

    def arrays(self) -> dict[str, FloatArray]:
        """The map as arrays, for checkpoints."""
        return {"platt": np.array([self.slope, self.intercept])}

    @classmethod
    def from_arrays(cls, arrays: dict[str, Any]) -> Platt | None:
        """The map of :meth:`arrays`; None if there is none yet."""
        return cls(*map(float, arrays["platt"])) if "platt" in arrays else None

    def to_json(self) -> dict[str, Any]:
        """The form that manifests hold."""
        return {"method": self.method, "slope": self.slope, "intercept": self.intercept}

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Platt:
        """The map of :meth:`to_json`."""
        return cls(float(content["slope"]), float(content["intercept"]))


class _Groups(NamedTuple):
    """Lessons of nearly the same log-odds: their mean log-odds and target, and their share."""

    coordinates: FloatArray
    wanted: FloatArray
    shares: FloatArray


def _grouped(coordinates: FloatArray, wanted: FloatArray) -> _Groups:
    if wanted.size < FEWEST_GROUPED:
        return _Groups(coordinates, wanted, np.full(wanted.size, 1 / wanted.size))
    places = np.floor(coordinates * GROUPS).astype(np.int64)
    places -= places.min()
    counts = np.bincount(places)
    used = np.flatnonzero(counts)
    # bincount adds in order, so the sums have the same bits everywhere.
    means = [np.bincount(places, of)[used] / counts[used] for of in (coordinates, wanted)]
    return _Groups(means[0], means[1], counts[used] / places.size)


class _Newton:
    """Newton's method on the mean cross entropy of some lessons."""

    def __init__(self, groups: _Groups) -> None:
        self._coordinates, self._wanted = groups.coordinates, groups.wanted
        self._shares = groups.shares
        self._ends = float(self._coordinates.min()), float(self._coordinates.max())

    @property
    def base_rate(self) -> Platt:
        """The best map that does not look at the score."""
        mean = np.array([self._mean(self._wanted)])
        return Platt(0.0, float(log_odds(mean)[0]))

    def minimum(self, before: Platt | None) -> Platt:
        """Where the gradient vanishes, sought from the fit before or, if that is far, anew."""
        at = before or self.base_rate
        step, descent = self._step(self._scores(at))
        if self._reach(step) > NEAR:
            at = self.base_rate
            step, descent = self._step(self._scores(at))
        for _ in range(MOST_ITERATIONS):
            size = 1.0 if self._reach(step) <= NEAR else self._size(at, step, descent)
            at = Platt(at.slope + size * step[0], at.intercept + size * step[1])
            if descent < LAST or size == 0.0:
                break
            step, descent = self._step(self._scores(at))
        return at

    def _reach(self, step: tuple[float, float]) -> float:
        """The most by which a step moves the log-odds of a lesson."""
        return max(abs(step[0] * z + step[1]) for z in self._ends)

    def _size(self, at: Platt, step: tuple[float, float], descent: float) -> float:
        """How much of a step to take, so that the loss falls by what may be asked of it."""
        loss, size = self._loss(at), 1.0
        while size > LEAST_STEP:
            there = Platt(at.slope + size * step[0], at.intercept + size * step[1])
            if self._loss(there) <= loss - SUFFICIENT_DECREASE * size * descent:
                break
            size /= 2.0
        else:
            return 0.0  # no step helps any more: rounding is all that is left
        return size

    def _linear(self, at: Platt) -> tuple[FloatArray, FloatArray]:
        """The log-odds that a map gives, and exp(-|x|) of them."""
        linear = at.slope * self._coordinates + at.intercept
        return linear, exponential(np.maximum(-np.abs(linear), LEAST_EXPONENT))

    def _scores(self, at: Platt) -> FloatArray:
        linear, rest = self._linear(at)
        return np.where(linear >= 0.0, 1.0, rest) / (1.0 + rest)

    def _loss(self, at: Platt) -> float:
        """The mean cross entropy."""
        linear, rest = self._linear(at)
        return self._mean(natural_log(1.0 + rest) + np.maximum(linear, 0.0) - self._wanted * linear)

    def _step(self, scores: FloatArray) -> tuple[tuple[float, float], float]:
        """Newton's step, and how fast the loss falls along it.

        Log-odds are counted from their mean, weighted by the spread of the scores: that leaves
        no product of slope and intercept in the Hessian, and its inverse is two divisions.
        """
        errors, spread = scores - self._wanted, scores * (1.0 - scores)
        flat = self._mean(spread) + RIDGE
        centre = self._mean(spread * self._coordinates) / flat
        centred = self._coordinates - centre
        steep = self._mean(spread * centred * centred) + RIDGE
        turn, shift = self._mean(errors * centred), self._mean(errors)
        slope, intercept = -turn / steep, -shift / flat
        return (slope, intercept - slope * centre), turn * turn / steep + shift * shift / flat

    def _mean(self, values: FloatArray) -> float:
        """Over the lessons, not the groups."""
        return sum_in_order(values * self._shares)
