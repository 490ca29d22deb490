"""The measures against scikit-learn, river and plain definitions, on the same arrays."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from river import metrics as rivers
from sklearn.metrics import (
    accuracy_score,
    average_precision_score,
    brier_score_loss,
    confusion_matrix,
    log_loss,
    roc_auc_score,
)

from learners.evaluation.evaluator import Evaluator
from learners.evaluation.labelled_examples import Lessons, Measuring
from learners.metrics.arrays import BoolArray, FloatArray
from learners.metrics.metrics import CLIP
from tests.support.learning.measured_lessons import assert_areas, lessons, measured

THRESHOLD = 0.3
MEASURING = Measuring(window=3_000, half_life=500.0, threshold=THRESHOLD)


def plain_ece(scores: FloatArray, positive: BoolArray, weights: FloatArray | None = None) -> float:
    """The expected calibration error, straight from its definition."""
    weights = np.ones(scores.size) if weights is None else weights
    error = 0.0
    for low in range(15):
        inside = np.minimum((scores * 15).astype(int), 14) == low
        if inside.any():
            share = weights[inside].sum() / weights.sum()
            confidence = np.average(scores[inside], weights=weights[inside])
            error += share * abs(np.average(positive[inside], weights=weights[inside]) - confidence)
    return error


def assert_right(
    found: dict[str, Any], scores: FloatArray, positive: BoolArray, threshold: float = THRESHOLD
) -> None:
    """Each measure that is exact is scikit-learn's to 1e-9."""
    assert found["count"] == scores.size
    assert found["base_rate"] == pytest.approx(positive.mean(), abs=1e-12)
    clipped = np.clip(scores, CLIP, 1 - CLIP)
    assert found["log_loss"] == pytest.approx(log_loss(positive, clipped, labels=[0, 1]), abs=1e-9)
    assert found["brier"] == pytest.approx(brier_score_loss(positive, scores), abs=1e-9)
    assert found["ece"] == pytest.approx(plain_ece(scores, positive), abs=1e-9)
    acted = scores >= threshold
    assert found["accuracy"] == accuracy_score(positive, acted)
    (tn, fp), (fn, tp) = confusion_matrix(positive, acted, labels=[False, True]).tolist()
    assert found["confusion"] == {"tn": tn, "fp": fp, "fn": fn, "tp": tp}


@pytest.fixture(scope="module")
def taken() -> Lessons:
    """Forty thousand lessons of a score and a shadow."""
    return lessons(40_000, 3, "shadow")


@pytest.fixture(scope="module")
def summary(taken: Lessons) -> dict[str, Any]:
    """What was measured of them."""
    return measured(MEASURING, taken).summary()


def test_cumulative_measures_are_scikit_learns(taken: Lessons, summary: dict[str, Any]) -> None:
    """Over everything, of each contender; areas within their stated errors, those small."""
    for name, found in {"score": summary, **summary["contenders"]}.items():
        assert_right(found, taken.scores[name], taken.positive)
        assert_areas(found, taken.scores[name], taken.positive)


def test_cumulative_areas_are_off_by_less_than_promised() -> None:
    """For scores spread as a learner's are, the AUC's bound is under 1e-4, PR AUC's under 2e-4."""
    random = np.random.default_rng(12)
    scores = 1 / (1 + np.exp(-random.normal(-1.2, 0.7, 40_000).astype(np.float32)))
    given_lessons = lessons(40_000, 12)
    given_lessons.scores["score"][:] = scores
    given_lessons.positive[:] = random.random(40_000) < scores
    found = measured(MEASURING, given_lessons).summary()
    assert_areas(found, given_lessons.scores["score"], given_lessons.positive)
    assert 0 < found["auc_error"] < 1e-4
    assert 0 < found["pr_auc_error"] < 2e-4


def test_windows_are_exact(taken: Lessons, summary: dict[str, Any]) -> None:
    """The window by count is scikit-learn's over exactly the last lessons."""
    last = taken.part(slice(-3_000, None))
    for name, found in {"score": summary, **summary["contenders"]}.items():
        assert_right(found["window"], last.scores[name], last.positive)
        assert_areas(found["window"], last.scores[name], last.positive)


def test_lift_compares_with_the_base_rate(taken: Lessons, summary: dict[str, Any]) -> None:
    """The base rate's log loss is its contender's, and the lift follows from both."""
    base = log_loss(taken.positive, taken.scores["base_rate"])
    assert summary["base_rate_log_loss"] == summary["contenders"]["base_rate"]["log_loss"]
    assert summary["base_rate_log_loss"] == pytest.approx(base, abs=1e-9)
    ours = log_loss(taken.positive, taken.scores["score"])
    assert summary["lift"] == pytest.approx(1 - ours / base, abs=1e-9)
    assert summary["contenders"]["base_rate"]["lift"] == pytest.approx(0, abs=1e-12)
    assert summary["contenders"]["shadow"]["score_log_loss"] == summary["log_loss"]


def test_measures_are_rivers(taken: Lessons) -> None:
    """Log loss, accuracy and confusion are river's; its approximate AUC is near ours."""
    some = taken.part(slice(0, 3_000))
    theirs = rivers.LogLoss(), rivers.Accuracy(), rivers.ConfusionMatrix()
    approximate = rivers.ROCAUC(n_thresholds=200)
    for score, label in zip(some.scores["score"].tolist(), some.positive.tolist(), strict=True):
        theirs[0].update(label, score)
        for metric in theirs[1:]:
            metric.update(label, score >= THRESHOLD)
        approximate.update(label, score)
    found = measured(MEASURING, some).summary()
    assert found["log_loss"] == pytest.approx(theirs[0].get(), abs=1e-9)
    assert found["accuracy"] == pytest.approx(theirs[1].get(), abs=1e-12)
    assert found["confusion"]["tp"] == theirs[2][True][True]
    assert found["confusion"]["fp"] == theirs[2][False][True]
    # Its thresholds lie .005 apart, and the curve between them is a straight line.
    assert found["auc"] == pytest.approx(approximate.get(), abs=2e-3)


def test_faded_measures_are_weighted(taken: Lessons, summary: dict[str, Any]) -> None:
    """A lesson weighs half after each half-life: scikit-learn's numbers with those weights."""
    ago = np.arange(len(taken))[::-1]
    weights = 0.5 ** (ago / MEASURING.half_life)
    for name, report in {"score": summary, **summary["contenders"]}.items():
        found, scores, said = report["faded"], taken.scores[name], taken.positive
        loss = log_loss(said, scores, sample_weight=weights)
        assert found["log_loss"] == pytest.approx(loss, abs=1e-8)
        brier = brier_score_loss(said, scores, sample_weight=weights)
        assert found["brier"] == pytest.approx(brier, abs=1e-8)
        accuracy = accuracy_score(said, scores >= THRESHOLD, sample_weight=weights)
        assert found["accuracy"] == pytest.approx(accuracy, abs=1e-8)
        assert found["base_rate"] == pytest.approx(np.average(said, weights=weights), abs=1e-8)
        assert found["ece"] == pytest.approx(plain_ece(scores, said, weights), abs=1e-8)
        auc = roc_auc_score(said, scores, sample_weight=weights)
        assert abs(found["auc"] - auc) <= found["auc_error"] + 1e-8
        precision = average_precision_score(said, scores, sample_weight=weights)
        assert abs(found["pr_auc"] - precision) <= found["pr_auc_error"] + 1e-8


@pytest.mark.parametrize("half_life", [1.0, 7.5, 100_000.0])
def test_any_half_life_is_faded_right(half_life: float) -> None:
    """From one lesson to far more than there are, wherever the stream stands."""
    for count in (1, 15, 16, 17, 2_500):
        given_lessons = lessons(count, count)
        found = measured(Measuring(half_life=half_life), given_lessons).summary()["faded"]
        weights = 0.5 ** (np.arange(count)[::-1] / half_life)
        expected = np.average(
            (given_lessons.scores["score"] - given_lessons.positive) ** 2, weights=weights
        )
        assert found["brier"] == pytest.approx(expected, abs=1e-7)


def test_a_window_over_everything_equals_the_cumulative_measures() -> None:
    """While the window holds the whole stream, means agree with it to the last bit."""
    report = measured(MEASURING, lessons(900, 7)).summary()
    for name in ("count", "base_rate", "log_loss", "brier", "ece", "accuracy", "confusion", "lift"):
        assert report["window"][name] == report[name]


def test_lessons_without_a_shadows_score_do_not_count_for_it() -> None:
    """A shadow is measured on what it has scored, and its peers on the same lessons."""
    given_lessons = lessons(2_000, 4, "shadow")
    scored = np.random.default_rng(5).random(2_000) < 0.6
    shadow = given_lessons.scores["shadow"].copy()
    given_lessons.scores["shadow"][~scored] = np.nan
    report = measured(MEASURING, given_lessons).summary()
    found, positive = report["contenders"]["shadow"], given_lessons.positive[scored]
    assert report["count"] == 2_000
    assert_right(found, shadow[scored], positive)
    assert_right(found["window"], shadow[scored], positive)
    for key, name in (("base_rate_log_loss", "base_rate"), ("score_log_loss", "score")):
        peer = log_loss(positive, given_lessons.scores[name][scored])
        assert found[key] == pytest.approx(peer, abs=1e-9)


def test_no_lessons_give_an_empty_report() -> None:
    """Before the first lesson counts are 0, all else None, and the report is JSON."""
    report = Evaluator(MEASURING).details()
    assert report["count"] == report["window"]["count"] == report["recent"]["count"] == 0
    for name in ("log_loss", "auc", "pr_auc", "brier", "ece", "accuracy", "lift", "base_rate"):
        assert report[name] is report["window"][name] is report["faded"][name] is None
    assert report["periods"] == report["ages"] == report["by_lessons"] == []
    assert json.loads(json.dumps(report, allow_nan=False)) == report


@pytest.mark.parametrize("label", [False, True])
def test_one_class_has_no_areas(label: bool) -> None:
    """With one class both areas are None and the rest is there."""
    given_lessons = lessons(3, 1)
    given_lessons.scores["score"][:] = 0.0, 1.0, 0.5
    given_lessons.positive[:] = label
    report = measured(MEASURING, given_lessons).details()
    for view in (report, report["window"], report["faded"], report["periods"][0]["score"]):
        assert view["auc"] is view["pr_auc"] is None
    assert json.loads(json.dumps(report, allow_nan=False)) == report
    assert report["log_loss"] == pytest.approx((-math.log(1e-7) + math.log(2)) / 3, abs=1e-7)
