"""Groups: periods, slices, ages of labels, lessons behind the score; each measured like a whole."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest

from learners.evaluation.evaluator import Evaluator
from learners.evaluation.histograms import AGE_OF_STEP, AGES, STEPS
from learners.evaluation.labelled_examples import Lessons, Measuring
from learners.metrics.arrays import BoolArray
from tests.learners.evaluation.test_measures import assert_right
from tests.support.learning.measured_lessons import (
    HOUR,
    assert_areas,
    lessons,
    measured,
    reopened,
    stored,
)

MEASURING = Measuring(period_ms=8 * HOUR, slices=("carrier", "origin"), threshold=0.3)


@pytest.fixture(scope="module")
def taken() -> Lessons:
    """Lessons over a week of event time, with a shadow that has gaps."""
    made = lessons(8_000, 3, "shadow", slices=2)
    made.scores["shadow"][:100] = np.nan
    return made


@pytest.fixture(scope="module")
def details(taken: Lessons) -> dict[str, Any]:
    """What was measured of them."""
    texts = {"carrier": ["AA", "B6", "UA", "DL", "<b>"], "origin": ["JFK"]}
    return measured(MEASURING, taken).details(texts)


def assert_group(entry: dict[str, Any], taken: Lessons, inside: BoolArray) -> None:
    """A group's measures of the served score are scikit-learn's over its lessons."""
    positive = taken.positive[inside]
    assert entry["count"] == positive.size
    assert entry["positives"] == positive.sum()
    if 0 < positive.sum() < positive.size:
        assert_right(entry["score"], taken.scores["score"][inside], positive, 0.3)
        assert_areas(entry["score"], taken.scores["score"][inside], positive)


GROUPS: dict[str, Callable[[dict[str, Any], Lessons], BoolArray]] = {
    "periods": lambda e, t: (t.arrived >= e["start"]) & (t.arrived < e["end"]),
    "by_lessons": lambda e, t: (t.behind >= e["from"]) & (t.behind < e["to"]),
    "ages": lambda e, t: (
        (t.known - t.arrived >= e["from_ms"]) & (t.known - t.arrived < (e["to_ms"] or np.inf))
    ),
}


@pytest.mark.parametrize("name", GROUPS)
def test_groups_are_measured_like_a_whole(
    name: str, taken: Lessons, details: dict[str, Any]
) -> None:
    """Each period, stretch of lessons and age of labels: its own lessons, all of them once."""
    entries = details[name]
    for entry in entries:
        assert_group(entry, taken, GROUPS[name](entry, taken))
    assert sum(entry["count"] for entry in entries) == len(taken)
    assert len(entries) > 3


def test_periods_have_all_contenders(taken: Lessons, details: dict[str, Any]) -> None:
    """A curve can be drawn for each contender, over the lessons that it has scored."""
    given = ~np.isnan(taken.scores["shadow"])
    for entry in details["periods"]:
        inside = GROUPS["periods"](entry, taken)
        base = entry["base_rate"]
        assert base["log_loss"] == pytest.approx(entry["score"]["base_rate_log_loss"], abs=1e-12)
        scored = inside & given
        positive = taken.positive[scored]
        if 0 < positive.sum() < positive.size:
            assert_right(entry["shadow"], taken.scores["shadow"][scored], positive, 0.3)


def test_joined_periods_are_measured_like_a_whole(taken: Lessons) -> None:
    """All contenders of periods that were joined for a reader; what is measured stays as it is."""
    evaluator = measured(replace(MEASURING, period_ms=HOUR // 12), taken)
    before = evaluator.details()
    curve = evaluator.curve()
    assert evaluator.details() == before
    assert curve["joined"]
    assert sum(entry["count"] for entry in curve["periods"]) == len(taken)
    given = ~np.isnan(taken.scores["shadow"])
    for entry in curve["periods"]:
        inside = GROUPS["periods"](entry, taken)
        assert_group(entry, taken, inside)
        assert entry.get("shadow", {"count": 0})["count"] == np.count_nonzero(inside & given)


def test_slices_are_measured_by_value(taken: Lessons, details: dict[str, Any]) -> None:
    """Each value of each sliced column, by its text where one is known; -1 was not carried."""
    for place, column in enumerate(MEASURING.slices):
        entries = details["slices"][column]
        assert [entry["code"] for entry in entries] == [-1, 0, 1, 2, 3, 4]
        for entry in entries:
            assert_group(entry, taken, taken.slices[place] == entry["code"])
    texts = [entry["value"] for entry in details["slices"]["carrier"]]
    assert texts == [None, "AA", "B6", "UA", "DL", "<b>"]


def test_delays_are_counted(taken: Lessons, details: dict[str, Any]) -> None:
    """The histogram of delays counts each label in the step that holds its delay."""
    delay = taken.known - taken.arrived
    for step in details["delays"]:
        inside = (delay >= step["from_ms"]) & (delay < (step["to_ms"] or np.inf))
        assert step["count"] == inside.sum()
        assert step["positives"] == taken.positive[inside].sum()


def test_ages_begin_at_steps_of_the_delays() -> None:
    """The age of a label follows from its step, since each age begins at one."""
    assert set(AGES) <= set(STEPS)
    assert [AGES[age] <= step for age, step in zip(AGE_OF_STEP, STEPS, strict=True)]


def test_a_label_before_its_event_has_no_age(taken: Lessons) -> None:
    """A label that was known already counts as one that came at once."""
    early = replace(taken, known=taken.arrived - 5)
    ages = measured(MEASURING, early).details()["ages"]
    assert [(age["from_ms"], age["count"]) for age in ages] == [(0, len(taken))]


def test_calibration_and_distribution_count_every_lesson(
    taken: Lessons, details: dict[str, Any]
) -> None:
    """Bins of equal width hold the mean score and the share of positives of their lessons."""
    scores = taken.scores["score"]
    for entry in details["calibration"]:
        inside = np.minimum((scores * 15).astype(int), 14) == round(entry["from"] * 15)
        assert entry["count"] == inside.sum()
        if entry["count"]:
            assert entry["mean_score"] == pytest.approx(scores[inside].mean(), abs=1e-9)
            assert entry["positive_share"] == taken.positive[inside].mean()
    bars = details["score_distribution"]
    assert sum(bar["positives"] for bar in bars) == taken.positive.sum()
    assert sum(bar["negatives"] for bar in bars) == (~taken.positive).sum()
    assert bars[59]["to"] == 1.0


def test_many_periods_are_merged_alike_however_they_came(taken: Lessons) -> None:
    """Beyond the limit the width doubles; order, cuts and restarts change nothing."""
    measuring = replace(MEASURING, period_ms=60_000)
    with patch("learners.evaluation.groups.MOST_GROUPS", 20):
        whole = measured(measuring, taken)
        cut = Evaluator(measuring)
        for begin in range(0, len(taken), 2_000):
            cut.take(taken.part(slice(begin, begin + 2_000)))
            cut = reopened(cut)
        assert stored(cut) == stored(whole)
        found = whole.details()
    width = found["groupings"]["periods"]["width"]
    assert width % 60_000 == 0
    assert (width // 60_000) & (width // 60_000 - 1) == 0
    assert 10 <= len(found["periods"]) <= 20
    for entry in found["periods"]:
        assert entry["end"] - entry["start"] == width
        assert_group(entry, taken, GROUPS["periods"](entry, taken))


def test_lone_events_of_another_age_do_not_widen_periods() -> None:
    """Periods in use count, not the time between them; event times may be before 1970."""
    made = lessons(300, 1)
    made.arrived[:100] -= 400 * 365 * 24 * HOUR
    details = measured(Measuring(period_ms=24 * HOUR), made).details()
    assert details["groupings"]["periods"]["width"] == 24 * HOUR
    assert sum(entry["count"] for entry in details["periods"]) == 300
    assert details["periods"][0]["start"] < 0


def test_slices_may_change_between_runs(taken: Lessons) -> None:
    """A column's slices go on when columns move; a new one begins then, and says since when."""
    moved = replace(MEASURING, slices=("weekday", "carrier"))
    evaluator = reopened(measured(MEASURING, taken), moved)
    before = measured(MEASURING, taken).details()["slices"]["carrier"]
    assert evaluator.details()["slices"] == {"weekday": [], "carrier": before}
    evaluator.take(replace(taken, slices=taken.slices[::-1]))
    found = evaluator.details()
    assert found["groupings"]["slices"]["weekday"]["from_lesson"] == len(taken)
    assert found["groupings"]["slices"]["carrier"]["from_lesson"] == 0
    assert sum(entry["count"] for entry in found["slices"]["weekday"]) == len(taken)
    assert sum(entry["count"] for entry in found["slices"]["carrier"]) == 2 * len(taken)


def test_corrections_from_before_a_slice_leave_it_alone(taken: Lessons) -> None:
    """A lesson that a slice never saw is not taken back from it."""
    evaluator = reopened(measured(MEASURING, taken), replace(MEASURING, slices=("weekday",)))
    one = replace(taken.part(slice(5, 6)), slices=np.array([[2]]))
    evaluator.correct(np.array([5]), replace(one, positive=~one.positive))
    assert evaluator.details()["slices"]["weekday"] == []


def test_periods_of_another_length_begin_anew(taken: Lessons) -> None:
    """A curve by other periods starts where they were asked for; everything else goes on."""
    evaluator = reopened(measured(MEASURING, taken), replace(MEASURING, period_ms=2 * HOUR))
    found = evaluator.details()
    assert found["periods"] == []
    assert found["groupings"]["periods"] == {"from_lesson": len(taken), "width": 2 * HOUR}
    assert found["count"] == len(taken)


def test_a_column_may_be_called_as_a_grouping(taken: Lessons) -> None:
    """Since when a slice is kept stands apart from since when periods, ages and lessons are."""
    before = measured(replace(MEASURING, slices=()), replace(taken, slices=taken.slices[:0]))
    named = replace(MEASURING, slices=("periods", "ages"))
    found = Evaluator.from_state(named, before.state()).details()["groupings"]
    assert found["periods"]["from_lesson"] == found["ages"]["from_lesson"] == 0
    assert found["slices"] == {c: {"from_lesson": len(taken)} for c in ("periods", "ages")}
