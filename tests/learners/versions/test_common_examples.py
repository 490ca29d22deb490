"""Two versions are compared on the very examples that both have scored."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeAlias

import numpy as np
import pytest

from learners.evaluation.evaluator import Evaluator
from learners.evaluation.labelled_examples import Lessons, Measuring
from learners.metrics.arrays import BoolArray, FloatArray, IntArray
from learners.metrics.metrics import log_losses
from learners.versions.common_examples import curves, windows

HOUR = 3_600_000
MEASURING = Measuring(window=50, period_ms=HOUR)
DRAW = np.random.default_rng(15)
COUNT = 120
POSITIVE = DRAW.random(COUNT) < 0.4
HERE, THERE = DRAW.uniform(0.05, 0.95, (2, COUNT))
# Twelve examples in each of ten hours.
ARRIVED = np.arange(COUNT) * (HOUR // 12)
ALL = slice(None)
Chosen: TypeAlias = slice | IntArray | BoolArray


def examples(scores: FloatArray, which: Chosen = ALL, arrived: IntArray = ARRIVED) -> Lessons:
    """Some of all, as one version has scored them."""
    chosen = np.arange(COUNT)[which]
    return Lessons(
        scores={"score": scores[chosen], "base_rate": np.full(chosen.size, 0.4)},
        positive=POSITIVE[chosen],
        behind=np.arange(chosen.size),
        arrived=arrived[chosen],
        known=arrived[chosen],
        slices=np.zeros((0, chosen.size), dtype=np.int64),
        amounts=np.ones(chosen.size),
    )


def measured(
    scores: FloatArray,
    which: Chosen = ALL,
    measuring: Measuring = MEASURING,
    arrived: IntArray = ARRIVED,
) -> Evaluator:
    """The measures of that version."""
    evaluator = Evaluator(measuring)
    evaluator.take(examples(scores, which, arrived))
    return evaluator


def losses(chosen: Chosen) -> tuple[object, object]:
    """What the plain mean over some examples is, for both."""
    here, there = (log_losses(scores, POSITIVE)[chosen].mean() for scores in (HERE, THERE))
    return pytest.approx(here), pytest.approx(there)


def test_of_the_last_examples_those_of_both_windows_count() -> None:
    """One version has read further than the other."""
    found = windows(measured(HERE), measured(THERE, slice(0, 100)))
    common = slice(COUNT - 50, 100)
    assert (found.count, found.log_loss, found.other_log_loss) == (30, *losses(common))


def test_a_refused_example_drops_out_of_both() -> None:
    """One of them has refused every seventh."""
    taken = np.flatnonzero(np.arange(COUNT) % 7)
    found = windows(measured(HERE), measured(THERE, taken))
    common = taken[taken >= COUNT - 50]
    assert (found.count, found.log_loss, found.other_log_loss) == (common.size, *losses(common))


def test_examples_of_one_time_count_together_or_not_at_all() -> None:
    """Which positive one was refused is not known; the negative ones are all there."""
    day = replace(MEASURING, window=COUNT)
    taken = np.delete(np.arange(COUNT), np.flatnonzero(POSITIVE)[0])
    found = windows(
        measured(HERE, measuring=day, arrived=np.full(COUNT, HOUR)),
        measured(THERE, taken, measuring=day, arrived=np.full(COUNT, HOUR)),
    )
    assert (found.count, found.log_loss, found.other_log_loss) == (
        int(np.count_nonzero(~POSITIVE)),
        *losses(~POSITIVE),
    )


def test_a_corrected_label_is_another_example() -> None:
    """What one version has learned with the other label is not compared."""
    here = measured(HERE)
    last = examples(HERE, slice(COUNT - 1, COUNT))
    here.correct(np.array([COUNT - 1]), replace(last, positive=~last.positive))
    found = windows(here, measured(THERE))
    assert (found.count, found.log_loss, found.other_log_loss) == (49, *losses(slice(-50, -1)))


def test_periods_with_the_same_examples_count() -> None:
    """The hour in which one version ends is in part, and so is one with a refused example."""
    taken = np.setdiff1d(np.arange(100), [40])
    found = curves(measured(HERE), measured(THERE, taken))
    whole = np.array([n for n in range(96) if n // 12 != 40 // 12])
    assert (found.count, found.log_loss, found.other_log_loss) == (84, *losses(whole))


def test_narrow_periods_are_joined_to_wide_ones() -> None:
    """One of the curves has periods twice as long."""
    wide = measured(THERE, slice(0, 110), replace(MEASURING, period_ms=2 * HOUR))
    found = curves(measured(HERE), wide)
    assert (found.count, found.log_loss, found.other_log_loss) == (96, *losses(slice(0, 96)))


def test_periods_that_do_not_fit_each_other_are_not_compared() -> None:
    """Nothing is guessed of halves."""
    other = measured(THERE, measuring=replace(MEASURING, period_ms=3 * HOUR // 2))
    assert curves(measured(HERE), other).count == 0


def test_nothing_in_common_is_nothing() -> None:
    """Of versions that have measured nothing, or other times."""
    empty = measured(HERE, slice(0))
    for found in (windows(empty, measured(THERE)), curves(empty, measured(THERE))):
        assert found.count == 0
        assert np.isnan(found.log_loss)
