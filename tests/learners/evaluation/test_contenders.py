"""Contenders that come, go and copy another's past; and what the evaluator refuses."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from learners.evaluation.evaluator import Evaluator
from learners.evaluation.labelled_examples import Measuring, joined
from learners.metrics.arrays import MetricsError
from tests.support.learning.measured_lessons import (
    chosen,
    corrected,
    lessons,
    measured,
    reopened,
    stored,
)

MEASURING = Measuring(window=100, half_life=50.0)


def test_a_fork_begins_with_the_others_past() -> None:
    """A copy taken later has all measures of the original, and its own from then on."""
    first, second = lessons(500, 1), lessons(300, 2, "static")
    forked = measured(MEASURING, first)
    forked.fork("static")
    summary = forked.summary()
    assert summary["static"]["log_loss"] == summary["log_loss"]
    assert summary["static"]["window"] == summary["window"]
    assert summary["static"]["recent"] == summary["recent"]
    forked.take(second)
    was = replace(first, scores=first.scores | {"static": first.scores["score"]})
    expected = measured(MEASURING, was, second).state()
    found = forked.state()
    for name in expected.keys() - {"forks", "fork_numbers"}:
        np.testing.assert_array_equal(found[name], expected[name], err_msg=name)


def test_corrections_before_a_fork_reach_the_copy() -> None:
    """A lesson from before the copy was taken is corrected in the copy's measures too."""
    first, second = lessons(500, 1), lessons(300, 2, "static")
    at = np.array([3, 499])
    right = corrected(first, at)
    forked = measured(MEASURING, first)
    forked.fork("static")
    forked.take(second)
    forked = reopened(forked)
    forked.correct(at, chosen(right, at))
    expected = measured(MEASURING, right)
    expected.fork("static")
    expected.take(second)
    assert forked.summary()["static"]["log_loss"] == expected.summary()["static"]["log_loss"]
    assert forked.summary()["static"]["auc"] == expected.summary()["static"]["auc"]


def test_a_dropped_contender_is_gone() -> None:
    """A contender that is dropped is neither reported nor saved; the others stay as they were."""
    given_lessons = lessons(400, 1, "shadow")
    evaluator = measured(MEASURING, given_lessons)
    evaluator.drop("shadow")
    del given_lessons.scores["shadow"]
    assert stored(evaluator) == stored(measured(MEASURING, given_lessons))


def test_callers_arrays_are_neither_kept_nor_written_to() -> None:
    """What the caller does with its arrays after the lessons are measured changes nothing."""
    given_lessons = lessons(100, 1)
    evaluator = measured(MEASURING, given_lessons)
    before = stored(evaluator)
    given_lessons.scores["score"][:] = 0.5
    given_lessons.positive[:] = True
    assert stored(evaluator) == before


def test_bad_lessons_are_refused() -> None:
    """A score that is no number stops every report, naming the lesson; lengths are seen at once."""
    evaluator = measured(MEASURING, lessons(100, 1))
    bad = lessons(3, 2)
    bad.scores["score"][1] = np.nan
    with pytest.raises(MetricsError, match="0 columns are sliced"):
        evaluator.take(lessons(3, 2, slices=2))
    with pytest.raises(MetricsError, match="one label for each score"):
        evaluator.take(replace(bad, positive=np.array([True])))
    evaluator.take(bad)
    with pytest.raises(MetricsError, match="labelled example 101: its 'score' is nan"):
        evaluator.summary()
    with pytest.raises(MetricsError, match="labelled example 101"):
        evaluator.state()


def test_corrections_of_unknown_lessons_are_refused() -> None:
    """A number that no lesson has is an error."""
    evaluator = measured(MEASURING, lessons(10, 1))
    with pytest.raises(MetricsError, match="below 10"):
        evaluator.correct(np.array([10]), lessons(1, 2))


def test_an_incomplete_state_is_refused() -> None:
    """A state without one of its arrays is refused by the array's name."""
    arrays = measured(MEASURING, lessons(10, 1)).state()
    del arrays["delays"]
    with pytest.raises(MetricsError, match="lack 'delays'"):
        Evaluator.from_state(MEASURING, arrays)


def test_contenders_may_come_and_go_between_calls() -> None:
    """A shadow that comes later is measured from there on, wherever the calls are cut."""
    first, second = lessons(50, 1), lessons(50, 2, "late")
    apart = measured(MEASURING, first)
    apart.summary()
    apart.take(second)
    both = measured(MEASURING, first, second)
    assert stored(apart) == stored(both) == stored(measured(MEASURING, joined([first, second])))
    assert both.summary()["contenders"]["late"]["count"] == 50
