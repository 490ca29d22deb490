"""However lessons come, are stopped, resumed or corrected, the measures keep their bits."""

from __future__ import annotations

from dataclasses import replace
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from converters.evaluation_settings import ValueSettings
from learners.evaluation import Evaluator, Lessons, Measuring
from learners.evaluation.lessons import joined
from learners.lessons import MetricsError
from tests.measured_lessons import (
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


def test_a_fork_begins_with_the_others_past() -> None:
    """A copy taken later has all measures of the original, and its own from then on."""
    first, second = lessons(500, 1), lessons(300, 2, "static")
    forked = measured(MEASURING_PLAIN, first)
    forked.fork("static")
    summary = forked.summary()
    assert summary["static"]["log_loss"] == summary["log_loss"]
    assert summary["static"]["window"] == summary["window"]
    assert summary["static"]["recent"] == summary["recent"]
    forked.take(second)
    was = replace(first, scores=first.scores | {"static": first.scores["score"]})
    expected = measured(MEASURING_PLAIN, was, second).state()
    found = forked.state()
    for name in expected.keys() - {"forks", "fork_numbers"}:
        np.testing.assert_array_equal(found[name], expected[name], err_msg=name)


MEASURING_PLAIN = Measuring(window=100, half_life=50.0)


def test_corrections_before_a_fork_reach_the_copy() -> None:
    """A lesson from before the copy was taken is corrected in the copy's measures too."""
    first, second = lessons(500, 1), lessons(300, 2, "static")
    at = np.array([3, 499])
    right = corrected(first, at)
    forked = measured(MEASURING_PLAIN, first)
    forked.fork("static")
    forked.take(second)
    forked = reopened(forked)
    forked.correct(at, chosen(right, at))
    expected = measured(MEASURING_PLAIN, right)
    expected.fork("static")
    expected.take(second)
    assert forked.summary()["static"]["log_loss"] == expected.summary()["static"]["log_loss"]
    assert forked.summary()["static"]["auc"] == expected.summary()["static"]["auc"]


def test_a_dropped_contender_is_gone() -> None:
    """A contender that is dropped is neither reported nor saved; the others stay as they were."""
    given_lessons = lessons(400, 1, "shadow")
    evaluator = measured(MEASURING_PLAIN, given_lessons)
    evaluator.drop("shadow")
    del given_lessons.scores["shadow"]
    assert stored(evaluator) == stored(measured(MEASURING_PLAIN, given_lessons))


def test_callers_arrays_are_neither_kept_nor_written_to() -> None:
    """What the caller does with its arrays after the lessons are measured changes nothing."""
    given_lessons = lessons(100, 1)
    evaluator = measured(MEASURING_PLAIN, given_lessons)
    before = stored(evaluator)
    given_lessons.scores["score"][:] = 0.5
    given_lessons.positive[:] = True
    assert stored(evaluator) == before


def test_bad_lessons_are_refused() -> None:
    """A score that is no number stops every report, naming the lesson; lengths are seen at once."""
    evaluator = measured(MEASURING_PLAIN, lessons(100, 1))
    bad = lessons(3, 2)
    bad.scores["score"][1] = np.nan
    with pytest.raises(MetricsError, match="0 columns are sliced"):
        evaluator.take(lessons(3, 2, slices=2))
    with pytest.raises(MetricsError, match="one label for each score"):
        evaluator.take(replace(bad, positive=np.array([True])))
    evaluator.take(bad)
    with pytest.raises(MetricsError, match="lesson 101: its 'score' is nan"):
        evaluator.summary()
    with pytest.raises(MetricsError, match="lesson 101"):
        evaluator.state()


def test_corrections_of_unknown_lessons_are_refused() -> None:
    """A number that no lesson has is an error."""
    evaluator = measured(MEASURING_PLAIN, lessons(10, 1))
    with pytest.raises(MetricsError, match="below 10"):
        evaluator.correct(np.array([10]), lessons(1, 2))


def test_an_incomplete_state_is_refused() -> None:
    """A state without one of its arrays is refused by the array's name."""
    arrays = measured(MEASURING_PLAIN, lessons(10, 1)).state()
    del arrays["delays"]
    with pytest.raises(MetricsError, match="lack 'delays'"):
        Evaluator.from_state(MEASURING_PLAIN, arrays)


def test_contenders_may_come_and_go_between_calls() -> None:
    """A shadow that comes later is measured from there on, wherever the calls are cut."""
    first, second = lessons(50, 1), lessons(50, 2, "late")
    apart = measured(MEASURING_PLAIN, first)
    apart.summary()
    apart.take(second)
    both = measured(MEASURING_PLAIN, first, second)
    assert (
        stored(apart) == stored(both) == stored(measured(MEASURING_PLAIN, joined([first, second])))
    )
    assert both.summary()["contenders"]["late"]["count"] == 50
