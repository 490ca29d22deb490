"""However lessons come, are stopped, resumed or corrected, the measures keep their bits."""

from __future__ import annotations

from dataclasses import replace
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from converters.config.learning_settings import ValueSettings
from learners.evaluation.evaluator import Evaluator
from learners.evaluation.labelled_examples import Lessons, Measuring
from tests.support.learning.measured_lessons import (
    HOUR,
    chosen,
    corrected,
    lessons,
    measured,
    reopened,
    stored,
)

VALUE = ValueSettings(true_positive=5, false_positive=-1, scale="amount")
MEASURING = Measuring(
    window=40, window_ms=3 * HOUR, half_life=3.0, period_ms=HOUR, slices=("a",), value=VALUE
)
# What is done between two calls of take; lengths of the calls.
Step = tuple[int, str, int]
steps = st.lists(
    st.tuples(
        st.sampled_from([0, 1, 1, 2, 3, 20]),
        st.sampled_from(["go on", "go on", "correct", "summary", "restart"]),
        st.integers(0, 2**30),
    ),
    max_size=25,
)


def some(count: int, seed: int) -> Lessons:
    """Lessons with a shadow that fails now and then, and amounts of all sizes."""
    made = lessons(count, seed, "shadow", slices=1)
    random = np.random.default_rng(seed)
    made.scores["shadow"][random.random(count) < 0.3] = np.nan
    amounts = random.choice([0.0, 0.1, -3.7, 1e-300, 1e300, np.nan], count)
    return replace(made, amounts=amounts)


def corrections(taken: list[Step], count: int) -> list[tuple[int, int]]:
    """After how many lessons which one is corrected."""
    found, begin = [], 0
    for length, does, chance in taken:
        begin = min(begin + length, count)
        if does == "correct" and begin:
            found.append((begin, chance % begin))
    return found


@settings(max_examples=10, deadline=None)
@given(steps, st.integers(0, 5))
def test_cutting_stopping_and_asking_change_no_bit(taken: list[Step], seed: int) -> None:
    """Calls of any length, summaries, restarts: the bytes of the same lessons and corrections."""
    assert_the_same(taken, seed)


@pytest.mark.long
@settings(max_examples=300, deadline=None)
@given(steps, st.integers(0, 2**30))
def test_nothing_changes_a_bit_in_many_streams(taken: list[Step], seed: int) -> None:
    """The same over hundreds of streams."""
    assert_the_same(taken, seed)


def assert_the_same(taken: list[Step], seed: int) -> None:
    """The lessons of a seed with all that is done on the way, and with corrections alone."""
    count = 90
    given_lessons = some(count, seed)
    labels = given_lessons.positive.copy()
    with patch("learners.evaluation.evaluator.BLOCK", 7):
        cut = Evaluator(MEASURING)
        begin = 0
        for length, does, chance in [*taken, (count, "go on", 0)]:
            end = min(begin + length, count)
            cut.take(given_lessons.part(slice(begin, end)))
            begin = end
            match does:
                case "summary":
                    cut.summary()
                case "restart":
                    cut = reopened(cut)
                case "correct" if begin:
                    labels = corrected_one(cut, given_lessons, labels, chance % begin)
    labels = given_lessons.positive.copy()
    whole, begin = Evaluator(MEASURING), 0
    for after, number in corrections(taken, count):
        whole.take(given_lessons.part(slice(begin, after)))
        begin = after
        labels = corrected_one(whole, given_lessons, labels, number)
    whole.take(given_lessons.part(slice(begin, None)))
    assert stored(cut) == stored(whole)
    assert cut.summary() == whole.summary()


def corrected_one(
    evaluator: Evaluator, given_lessons: Lessons, labels: np.ndarray, number: int
) -> np.ndarray:
    """Correct a lesson; the labels as they are then."""
    labels = labels.copy()
    labels[number] ^= True
    at = np.array([number])
    evaluator.correct(at, chosen(replace(given_lessons, positive=labels), at))
    return labels


@pytest.mark.parametrize("block", [7, 8192])
def test_long_streams_keep_their_bits(block: int) -> None:
    """Twenty thousand lessons with corrections, in one call or thousands, leave the same bytes."""
    given_lessons = some(20_000, 7)
    random = np.random.default_rng(8)
    wrong = np.sort(random.choice(9_000, 300, replace=False))
    cut, begin = Evaluator(MEASURING), 0
    with patch("learners.evaluation.evaluator.BLOCK", 4_000 if block == 7 else block):
        whole = measured(MEASURING, given_lessons.part(slice(0, 9_000)))
        right = chosen(corrected(given_lessons, wrong), wrong)
        whole.correct(wrong, right)
        whole.take(given_lessons.part(slice(9_000, None)))
        while begin < 20_000:
            end = begin + int(random.choice([1, 2, 3, 50, 900]))
            end = min(end, 9_000 if begin < 9_000 else 20_000)
            cut.take(given_lessons.part(slice(begin, end)))
            begin = end
            if begin == 9_000:
                for half in (slice(0, 100), slice(100, None)):
                    cut.correct(wrong[half], right.part(half))
    assert stored(cut) == stored(whole)


def test_a_correction_equals_the_right_label_from_the_start() -> None:
    """Sums and counts are those of the corrected labels to the bit; faded ones nearly."""
    given_lessons = some(3_000, 3)
    wrong = np.random.default_rng(4).choice(3_000, 200, replace=False)
    right = corrected(given_lessons, wrong)
    mended = measured(MEASURING, given_lessons)
    mended.correct(wrong, chosen(right, wrong))
    straight = measured(MEASURING, right)
    found, expected = mended.state(), straight.state()
    assert found.keys() == expected.keys()
    for name in expected:
        if ".faded_" not in name:
            np.testing.assert_array_equal(found[name], expected[name], err_msg=name)
    faded = straight.summary()["faded"]
    assert mended.summary()["faded"] == pytest.approx(faded, abs=1e-8, nan_ok=True)


def test_a_correction_of_a_correction_leaves_no_trace() -> None:
    """A lesson corrected twice is measured as at first, though both wait in one block."""
    given_lessons = some(100, 5)
    at = np.array([17])
    wrong = corrected(given_lessons, at)
    evaluator = measured(MEASURING, given_lessons)
    evaluator.correct(at, chosen(wrong, at))
    evaluator.correct(at, chosen(given_lessons, at))
    found, expected = evaluator.state(), measured(MEASURING, given_lessons).state()
    for name in expected:
        if ".faded_" not in name:
            np.testing.assert_array_equal(found[name], expected[name], err_msg=name)
