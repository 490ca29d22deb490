"""The value of decisions: sums by hand, the best threshold, and where acting begins to pay."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from converters.config.learning_settings import ValueSettings
from learners.calibration.adjustment import Adjustment
from learners.comparison.value import NEVER, decision_values, value_by_threshold
from learners.metrics.arrays import BoolArray, FloatArray

quick = settings(max_examples=60, deadline=None)
MATRIX = ValueSettings(true_positive=10, false_positive=-4, true_negative=0.5, false_negative=-2)
NAN = float("nan")


def test_each_outcome_has_its_value() -> None:
    """The four cells of the matrix, times the amount; nan where the amount is not known."""
    acted = np.array([True, True, False, False, True])
    positive = np.array([True, False, False, True, True])
    amounts = np.array([1.0, 2.0, 1.0, 3.0, NAN])
    worth = decision_values(acted, positive, amounts, MATRIX)
    assert worth[:4].tolist() == [10.0, -8.0, 0.5, -6.0]
    assert np.isnan(worth[4])


@quick
@given(
    st.lists(
        st.tuples(st.sampled_from([0.0, 0.2, 0.5, 1.0]) | st.floats(0, 1), st.booleans()),
        min_size=1,
        max_size=50,
    )
)
def test_the_curve_is_the_value_at_each_threshold(taken: list[tuple[float, bool]]) -> None:
    """Point by point what deciding there would have brought, from always to never acting."""
    scores, positive = np.array([s for s, _ in taken]), np.array([p for _, p in taken])
    amounts = np.arange(1.0, scores.size + 1)
    found = value_by_threshold(scores, positive, amounts, MATRIX, 0.95)
    for point in found["curve"]:
        worth = decision_values(scores >= point["threshold"], positive, amounts, MATRIX)
        assert point["value"] == pytest.approx(worth.mean(), abs=1e-9)
    always, never = (
        decision_values(np.full(scores.size, does), positive, amounts, MATRIX)
        for does in (True, False)
    )
    assert found["curve"][0]["threshold"] == 0.0
    assert found["curve"][0]["value"] == pytest.approx(always.mean())
    assert found["curve"][-1]["threshold"] == NEVER
    assert found["curve"][-1]["value"] == pytest.approx(never.mean())
    assert found["best"]["value"] == max(point["value"] for point in found["curve"])
    at = next(p for p in found["curve"] if p["threshold"] == found["break_even"])
    assert found["break_even_value"] == at["value"]


def calibrated(count: int, seed: int = 1) -> tuple[FloatArray, BoolArray]:
    """Scores that are probabilities, and labels."""
    random = np.random.default_rng(seed)
    scores = 1 / (1 + np.exp(-random.normal(-1, 1.5, count)))
    return scores, random.random(count) < scores


def test_calibrated_scores_are_best_used_from_the_break_even_on() -> None:
    """The best threshold lies near it, and its interval holds it."""
    scores, positive = calibrated(20_000)
    found = value_by_threshold(scores, positive, np.ones(20_000), MATRIX, 0.95)
    best = found["best"]
    assert found["break_even"] == pytest.approx(4.5 / 16.5)
    assert best["low"] <= found["break_even"] <= best["high"]
    assert best["high"] - best["low"] < 0.25
    assert best["low"] <= best["threshold"] <= best["high"]
    assert "20,000 labels" in best["note"]


def test_the_interval_is_wide_where_little_is_known() -> None:
    """A hundred labels do not tell the thresholds apart that twenty thousand do."""
    widths = []
    for count in (100, 20_000):
        scores, positive = calibrated(count)
        best = value_by_threshold(scores, positive, np.ones(count), MATRIX, 0.95)["best"]
        widths.append(best["high"] - best["low"])
    assert widths[0] > 2 * widths[1]


def test_uncalibrated_scores_are_best_used_elsewhere() -> None:
    """Scores whose odds are ten times too high: the interval leaves the break-even out."""
    scores, positive = calibrated(20_000)
    inflated = Adjustment(0.1).applied(scores)
    found = value_by_threshold(inflated, positive, np.ones(20_000), MATRIX, 0.95)
    assert found["best"]["low"] > found["break_even"]


def test_without_lessons_there_is_no_threshold() -> None:
    """And with few of them there is one, without an interval."""
    none = np.zeros(0)
    assert value_by_threshold(none, none.astype(np.bool_), none, MATRIX, 0.95)["best"] is None
    scores, positive = calibrated(20)
    gone = value_by_threshold(scores * NAN, positive, np.ones(20), MATRIX, 0.95)
    assert (gone["events"], gone["without_amount"], gone["curve"]) == (0, 0, [])
    few = value_by_threshold(scores, positive, np.ones(20), MATRIX, 0.95)["best"]
    assert (few["low"], few["high"]) == (None, None)
    assert "too few" in few["note"]
