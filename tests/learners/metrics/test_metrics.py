"""The metrics of plain arrays against scikit-learn, plain twins and their own promises."""

from __future__ import annotations

import hashlib
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import brier_score_loss, log_loss, roc_auc_score

from learners.evaluation.histograms import LogOddsHistogram, log_odds_bins, marks_of
from learners.metrics.arrays import (
    BoolArray,
    FloatArray,
    MetricsError,
    natural_log,
    sum_in_order,
)
from learners.metrics.metrics import CLIP
from tests.support.learning.exact_metrics import Labels, Scores, roc_auc, score_metrics

# Few distinct values, so that ties and the ends 0 and 1 come up all the time.
tied_scores = st.sampled_from([0.0, 1e-9, 0.1, 0.25, 0.4999999, 0.5, 0.75, 1 - 1e-9, 1.0])
any_scores = st.floats(0, 1)
quick = settings(max_examples=40, deadline=None)
lessons = st.lists(st.tuples(tied_scores | any_scores, st.integers(0, 1)), min_size=1, max_size=60)


def split(taken: list[tuple[float, int]]) -> tuple[list[float], list[int]]:
    """Lessons as two lists."""
    return [score for score, _ in taken], [label for _, label in taken]


def plain_ece(scores: list[float], labels: list[int]) -> float:
    """The expected calibration error, straight from its definition."""
    error = 0.0
    for low in range(15):
        members = [i for i, score in enumerate(scores) if min(int(score * 15), 14) == low]
        if members:
            confidence = sum(scores[i] for i in members) / len(members)
            accuracy = sum(labels[i] for i in members) / len(members)
            error += len(members) / len(scores) * abs(accuracy - confidence)
    return error


@quick
@given(lessons)
def test_metrics_agree_with_scikit_learn(taken: list[tuple[float, int]]) -> None:
    """Log loss, Brier, AUC and base rate are scikit-learn's, whatever the ties."""
    scores, labels = split(taken)
    measured = score_metrics(scores, labels)
    clipped = np.clip(scores, CLIP, 1 - CLIP)
    assert measured["count"] == len(taken)
    assert measured["log_loss"] == pytest.approx(log_loss(labels, clipped, labels=[0, 1]), abs=1e-9)
    brier = brier_score_loss(labels, scores, labels=[0, 1], pos_label=1)
    assert measured["brier"] == pytest.approx(brier, abs=1e-12)
    assert measured["base_rate"] == pytest.approx(np.mean(labels), abs=1e-15)
    if 0 < sum(labels) < len(labels):
        assert measured["auc"] == pytest.approx(roc_auc_score(labels, scores), abs=1e-12)
    else:
        assert measured["auc"] is None


@quick
@given(lessons)
def test_calibration_error_equals_its_definition(taken: list[tuple[float, int]]) -> None:
    """The shortcut without bin counts gives the expected calibration error."""
    scores, labels = split(taken)
    assert score_metrics(scores, labels)["ece"] == pytest.approx(plain_ece(scores, labels))


def test_no_lessons_have_no_metrics() -> None:
    """Without lessons everything but the count is None."""
    names = ("base_rate", "log_loss", "auc", "brier", "ece")
    assert score_metrics([], []) == {"count": 0} | dict.fromkeys(names)


def test_certain_and_wrong_costs_the_clip() -> None:
    """A score of 0 for a positive costs -log(1e-7), no more."""
    assert score_metrics([0.0], [1])["log_loss"] == pytest.approx(-math.log(1e-7), rel=1e-15)


@pytest.mark.parametrize(
    ("scores", "labels", "says"),
    [
        ([0.5, math.nan], [0, 1], "lesson 1: its score is nan"),
        ([1.5], [1], "its score is 1.5"),
        ([-0.1, 0.5], [1, 1], "lesson 0: its score is -0.1"),
        ([0.5, 0.5], [1, 2], "lesson 1: its label"),
        ([0.5], [-1], "its label"),
        ([0.5], [0.5], "its label"),
        (np.array([0.5]), np.array([3]), "its label"),
        ([0.5, 0.5], [1], "one label for each score"),
    ],
)
def test_bad_lessons_are_refused(scores: Scores, labels: Labels, says: str) -> None:
    """What is no probability or no label is refused with its place and what would be right."""
    with pytest.raises(MetricsError, match=says):
        score_metrics(scores, labels)


@quick
@given(st.floats(1e-300, 1e300))
def test_natural_log_is_within_one_unit(value: float) -> None:
    """The logarithm differs from the C library's by one unit in the last place at most."""
    expected = math.log(value)
    assert abs(float(natural_log(np.array([value]))[0]) - expected) <= math.ulp(expected)


def test_natural_log_is_the_same_on_every_machine() -> None:
    """A million logarithms have the bits that they had where this test was written."""
    values = np.arange(1, 2**20 + 1) / 2**20
    found = hashlib.sha256(natural_log(values).astype("<f8").tobytes()).hexdigest()
    assert found == "00199126ba7fa2882f382350b4daf3ce2660249acac8eb2cefbe81b1489c0e68"


def test_natural_log_of_an_element_ignores_its_neighbours() -> None:
    """A value's logarithm has the same bits alone and in slices of any offset and length."""
    values = np.random.default_rng(5).random(80)
    alone = np.concatenate([natural_log(value.reshape(1)) for value in values])
    for offset in range(9):
        for length in range(1, 70):
            found = natural_log(values[offset : offset + length])
            assert found.tolist() == alone[offset : offset + length].tolist()


def test_sum_in_order_is_the_plain_loop() -> None:
    """A sum has the bits of adding one value after the other."""
    values = np.random.default_rng(6).random(10_000)
    total = 0.1
    for value in values.tolist():
        total += value
    assert sum_in_order(values, 0.1) == total


@quick
@given(any_scores | tied_scores, any_scores | tied_scores)
def test_bins_keep_the_order_of_scores(one: float, other: float) -> None:
    """A higher score never gets a lower bin."""
    low, high = log_odds_bins(np.array(sorted([one, other])))
    assert low <= high


@quick
@given(st.integers(0, 2**24))
def test_bins_mirror(numerator: int) -> None:
    """The bins of p and 1 - p are mirror images, and a half is the mirror."""
    low, high, middle = log_odds_bins(np.array([numerator, 2**24 - numerator, 2**23]) / 2**24)
    assert middle - low == high - middle


def test_bins_are_narrow_in_log_odds() -> None:
    """No bin between 1e-7 and 1 - 1e-7 spans more than 1.7e-4 in log-odds."""
    step = 2e-5
    log_odds = np.arange(-16.1, 16.1, step)
    bins = log_odds_bins(1 / (1 + np.exp(-log_odds)))
    starts = np.flatnonzero(np.diff(bins, prepend=-1))
    assert np.diff(log_odds[starts]).max() < 1.7e-4 + step


def histogram(scores: FloatArray, positive: BoolArray) -> dict[str, Any]:
    """The area under the ROC curve that the histogram of some lessons gives."""
    counted = LogOddsHistogram()
    counted.add(marks_of(scores), positive.astype(np.int64), log_odds_bins(scores))
    found = counted.measures()
    return {name: found[name] for name in ("auc", "auc_error")}


@quick
@given(lessons)
def test_histogram_keeps_within_its_own_bound(taken: list[tuple[float, int]]) -> None:
    """The histogram's AUC is off by no more than it says."""
    scores, labels = np.array(split(taken)[0]), np.array(split(taken)[1]) == 1
    found, exact = histogram(scores, labels), roc_auc(scores, labels)
    if exact is None:
        assert found == {"auc": None, "auc_error": None}
    else:
        assert abs(found["auc"] - exact) <= found["auc_error"] + 1e-15


def test_true_ties_are_exact() -> None:
    """A model with few distinct scores, saturated ones too, is measured without error."""
    random = np.random.default_rng(7)
    scores = random.choice([0.0, 0.2, 0.2 + 1e-3, 0.9, 1.0], 5_000)
    positive = random.random(5_000) < scores * 0.8 + 0.1
    assert histogram(scores, positive) == {"auc": roc_auc(scores, positive), "auc_error": 0.0}


def test_near_ties_are_counted_as_possible_error() -> None:
    """Two scores in one bin, wrongly a tie to the histogram, show in the bound."""
    found = histogram(np.array([0.3, 0.3 + 1e-9]), np.array([False, True]))
    assert found == {"auc": 0.5, "auc_error": 0.5}
