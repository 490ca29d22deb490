"""Windows by count and by event time, and what becomes of all when the configuration changes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from converters.config.learning_settings import ValueSettings
from converters.config.settings import Settings
from learners.evaluation.evaluator import Evaluator
from learners.evaluation.labelled_examples import Lessons, Measuring
from learners.metrics.arrays import MetricsError
from tests.learners.evaluation.test_measures import assert_right
from tests.support.learning.measured_lessons import (
    HOUR,
    assert_areas,
    chosen,
    corrected,
    lessons,
    measured,
    reopened,
)

MEASURING = Measuring(window=200, window_ms=30 * HOUR, half_life=100.0, threshold=0.3)
VALUE = ValueSettings(true_positive=5, false_positive=-2, true_negative=0.5, false_negative=-1)


@pytest.fixture(scope="module")
def taken() -> Lessons:
    """Lessons over two days, whose labels come out of the events' order."""
    return lessons(3_000, 3)


def assert_window(found: dict[str, Any], taken: Lessons, inside: np.ndarray) -> None:
    """A window is scikit-learn's over its lessons."""
    assert_right(found, taken.scores["score"][inside], taken.positive[inside])
    assert_areas(found, taken.scores["score"][inside], taken.positive[inside])


def test_the_window_by_event_time_is_exact(taken: Lessons) -> None:
    """It holds the lessons whose events are at most so much older than the newest event."""
    inside = taken.arrived > taken.arrived.max() - MEASURING.window_ms
    assert 200 < inside.sum() < 3_000
    evaluator = Evaluator(MEASURING)
    for begin in range(0, 3_000, 100):
        evaluator.take(taken.part(slice(begin, begin + 100)))
        evaluator.summary()
    assert_window(evaluator.summary()["recent"], taken, inside)
    kept = evaluator._measures.recent.by_time()
    np.testing.assert_array_equal(kept.positive, taken.positive[inside])


def test_all_contenders_are_measured_over_the_window_by_event_time(taken: Lessons) -> None:
    """The summary, and so ``/metrics``, has base rate and shadows as well as the served score."""
    found = measured(MEASURING, taken).summary()
    for name, each in found["contenders"].items():
        assert each["recent"]["log_loss"] is not None, name
    assert "base_rate" in found["contenders"]


def test_the_window_by_event_time_is_bounded(taken: Lessons) -> None:
    """It never holds more than ten windows by count, nor does a checkpoint."""
    measuring = replace(MEASURING, window=100, window_ms=10**12)
    evaluator = measured(measuring, taken)
    assert_window(evaluator.summary()["recent"], taken, np.arange(3_000) >= 2_000)
    assert evaluator.state()["recent_number"].size == 1_000
    assert reopened(evaluator).summary() == evaluator.summary()


def test_corrections_reach_the_windows(taken: Lessons) -> None:
    """A label that is corrected is another one in the windows that still hold its lesson."""
    wrong = np.arange(2_900, 3_000, 7)
    evaluator = measured(MEASURING, taken)
    evaluator.summary()
    right = corrected(taken, wrong)
    evaluator.correct(wrong, chosen(right, wrong))
    assert_window(evaluator.summary()["window"], right, np.arange(3_000) >= 2_800)


def test_a_shorter_window_keeps_the_newest(taken: Lessons) -> None:
    """Resumed with shorter windows, all is as if they had been so from the start."""
    shorter = replace(MEASURING, window=50, window_ms=HOUR)
    restored = reopened(measured(MEASURING, taken), shorter)
    assert restored.summary() == measured(shorter, taken).summary()


def test_a_longer_window_fills_up(taken: Lessons) -> None:
    """Resumed with longer windows, they hold what was kept and grow from there, without holes."""
    longer = replace(MEASURING, window=1_000, window_ms=60 * HOUR)
    restored = reopened(measured(MEASURING, taken), longer)
    assert_window(restored.summary()["window"], taken, np.arange(3_000) >= 2_800)
    more = lessons(500, 5)
    more = replace(more, arrived=more.arrived + int(taken.arrived.max()))
    restored.take(more)
    assert restored.summary()["window"]["count"] == 700
    kept = restored._measures.recent.by_time()
    assert kept.arrived.min() > taken.arrived.max() - MEASURING.window_ms


def test_another_half_life_goes_on_from_what_was(taken: Lessons) -> None:
    """What has faded by the old half-life fades on by the new one."""
    first, second = taken.part(slice(0, 1_234)), taken.part(slice(1_234, None))
    restored = reopened(measured(MEASURING, first), replace(MEASURING, half_life=700.0))
    assert restored.summary()["faded"]["brier"] == pytest.approx(
        measured(MEASURING, first).summary()["faded"]["brier"], abs=1e-9
    )
    restored.take(second)
    old = 0.5 ** (np.arange(1_234)[::-1] / 100) * 0.5 ** (len(second) / 700)
    new = 0.5 ** (np.arange(len(second))[::-1] / 700)
    squares = (taken.scores["score"] - taken.positive) ** 2
    expected = np.average(squares, weights=np.concatenate([old, new]))
    assert restored.summary()["faded"]["brier"] == pytest.approx(expected, abs=1e-7)


def test_decisions_at_another_threshold_begin_anew(taken: Lessons) -> None:
    """Accuracy, confusion and value are of today's threshold alone, and say from which lesson."""
    first, second = taken.part(slice(0, 2_000)), taken.part(slice(2_000, None))
    measuring = replace(MEASURING, value=VALUE)
    evaluator = reopened(measured(measuring, first), replace(measuring, threshold=0.6))
    assert evaluator.summary()["accuracy"] is None
    evaluator.take(second)
    before = np.array([7, 8])
    evaluator.correct(before, chosen(corrected(first, before), before))
    found, alone = (
        evaluator.details(),
        measured(replace(measuring, threshold=0.6), second).details(),
    )
    assert found["decisions"] == {"threshold": 0.6, "from": 2_000}
    for name in ("accuracy", "confusion", "value"):
        assert found[name] == alone[name]
    assert found["faded"]["accuracy"] == pytest.approx(alone["faded"]["accuracy"], abs=1e-6)
    whole = measured(MEASURING, corrected(taken, before)).summary()
    for name in ("count", "log_loss", "auc", "brier", "ece"):
        assert found[name] == whole[name]
    assert reopened(evaluator).summary() == evaluator.summary()
    by_age = [entry["score"]["confusion"]["tp"] for entry in found["ages"]]
    assert sum(by_age) == found["confusion"]["tp"]


def value_of(taken: Lessons, acted: np.ndarray) -> float:
    """What decisions were worth, one by one."""
    total = 0.0
    for acts, positive, amount in zip(acted, taken.positive, taken.amounts, strict=True):
        if not np.isnan(amount):
            acting = VALUE.true_positive if positive else VALUE.false_positive
            waiting = VALUE.false_negative if positive else VALUE.true_negative
            total += float(acting if acts else waiting) * float(amount)
    return total


@pytest.mark.parametrize("scale", ["", "amount"])
def test_value_is_that_of_each_decision(taken: Lessons, scale: str) -> None:
    """Served, never, always and static: the sums over all decisions, those without amount apart."""
    made = replace(taken, amounts=taken.amounts.copy())
    if scale:
        made.amounts[:] = np.random.default_rng(1).lognormal(3, 2, len(made))
        made.amounts[::10] = np.nan
    made.scores["static"] = 1 - made.scores["score"]
    measuring = replace(MEASURING, value=VALUE.model_copy(update={"scale": scale}))
    evaluator = reopened(measured(measuring, made))
    found, score = evaluator.summary()["value"], made.scores["score"]
    assert found["served"] == pytest.approx(value_of(made, score >= 0.3), rel=1e-12)
    assert found["static"] == pytest.approx(value_of(made, 1 - score >= 0.3), rel=1e-12)
    assert found["never"] == pytest.approx(value_of(made, score > 1), rel=1e-12)
    assert found["always"] == pytest.approx(value_of(made, score >= 0), rel=1e-12)
    assert found["without_amount"] == (300 if scale else 0)
    assert found["events"] == 3_000 - found["without_amount"]
    last = made.part(slice(-200, None))
    window = evaluator.summary()["window"]["value"]
    assert window == pytest.approx(value_of(last, last.scores["score"] >= 0.3), rel=1e-12)


def test_another_matrix_prices_the_past_too(taken: Lessons) -> None:
    """Sums know no prices: a changed [value] is applied to all decisions so far."""
    dearer = VALUE.model_copy(update={"false_positive": -20.0})
    found = reopened(
        measured(replace(MEASURING, value=VALUE), taken), replace(MEASURING, value=dearer)
    )
    assert found.summary() == measured(replace(MEASURING, value=dearer), taken).summary()
    unpriced = reopened(measured(MEASURING, taken), replace(MEASURING, value=dearer))
    assert unpriced.summary()["value"] == found.summary()["value"]


def test_amounts_of_another_column_begin_anew(taken: Lessons) -> None:
    """The value scaled by another column counts from there on."""
    scaled = replace(MEASURING, value=VALUE.model_copy(update={"scale": "distance"}))
    evaluator = reopened(measured(replace(MEASURING, value=VALUE), taken), scaled)
    assert evaluator.summary()["value"]["events"] == 0
    evaluator.take(replace(taken, amounts=np.full(3_000, 2.0)))
    assert evaluator.summary()["value"]["served"] == pytest.approx(
        2 * measured(replace(MEASURING, value=VALUE), taken).summary()["value"]["served"]
    )


def test_thresholds_are_of_the_window_by_event_time(taken: Lessons) -> None:
    """The curve of value by threshold is over the recent lessons; the break-even is Elkan's."""
    found = measured(replace(MEASURING, value=VALUE), taken).details()["thresholds"]
    inside = taken.arrived > taken.arrived.max() - MEASURING.window_ms
    assert found["events"] == inside.sum()
    assert found["break_even"] == pytest.approx(2.5 / 8.5)


@pytest.mark.parametrize("wrong", [{"window": 0}, {"half_life": 0.0}, {"period_ms": 0}])
def test_lengths_of_nothing_are_refused(wrong: dict[str, Any]) -> None:
    """A window, half-life or period of none is an error."""
    with pytest.raises(MetricsError, match="measure"):
        Measuring(**wrong)


def test_what_is_measured_follows_the_settings() -> None:
    """Seconds of the configuration become milliseconds; the threshold is that of decisions."""
    said = {"columns": {"a": {"kind": "numeric"}, "y": {"role": "label"}}, "model": "m"}
    said |= {
        "label": {"positive": ["1"], "negative": ["0"]},
        "evaluation": {"window_seconds": 1.5, "period": 60},
    }
    said |= {"value": {"true_positive": 3, "false_positive": -1}}
    found = Measuring.by(Settings.model_validate(said), ("a",))
    assert (found.window_ms, found.period_ms, found.slices) == (1_500, 60_000, ("a",))
    assert found.threshold == 0.25
