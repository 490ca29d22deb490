"""Comparisons of two scores: who is better, what is not told, and the words for it."""

from __future__ import annotations

import json

import numpy as np
import pytest

from converters.config.learning_settings import ValueSettings
from learners.comparison.compare import compare
from learners.metrics.arrays import BoolArray, FloatArray
from tests.support.learning.exact_metrics import score_metrics

VALUE = ValueSettings(true_positive=10, false_positive=-1)


def made(count: int = 3_000) -> tuple[FloatArray, FloatArray, BoolArray, FloatArray]:
    """A good score, a worse one, labels and amounts."""
    random = np.random.default_rng(5)
    z = random.normal(-1, 1.2, count)
    positive = random.random(count) < 1 / (1 + np.exp(-z))
    good = 1 / (1 + np.exp(-z))
    bad = 1 / (1 + np.exp(-0.5 * z - random.normal(0.5, 0.7, count)))
    return good, bad, positive, np.ones(count)


def test_the_better_score_is_told() -> None:
    """In every measure, with an interval that leaves zero out, and the words say so."""
    good, bad, positive, amounts = made()
    found = compare(good, bad, positive, amounts, 0.95, VALUE)
    assert list(found.differences) == ["log_loss", "brier", "auc", "value"]
    assert {d.better for d in found.differences.values()} == {"a"}
    assert (found.count, found.positives) == (3_000, int(positive.sum()))
    loss = found.differences["log_loss"]
    assert loss.a == pytest.approx(score_metrics(good, positive)["log_loss"])
    assert loss.difference == pytest.approx((loss.a or 0) - (loss.b or 0))
    assert loss.share_better == 1.0
    words = found.words("new", "old")
    assert words.startswith(
        f"new is better than old: log loss lower by {-(loss.difference or 0):.4f} ("
    )
    assert words.endswith("(3,000 labels, 95 % intervals)")
    assert found.words("new", "old").count("higher by") == 2


def test_the_other_way_round_all_is_reversed() -> None:
    """Differences, intervals and shares are mirrored, and the words say worse."""
    good, bad, positive, amounts = made()
    one = compare(good, bad, positive, amounts, 0.95, VALUE)
    other = compare(bad, good, positive, amounts, 0.95, VALUE)
    for name, there in one.differences.items():
        back = other.differences[name]
        assert back.better == "b"
        assert back.difference == pytest.approx(-(there.difference or 0))
        assert back.low == pytest.approx(-(there.high or 0), rel=0.05)
        if there.share_better is not None:
            assert back.share_better == pytest.approx(1 - there.share_better)
    assert other.words("old", "new").startswith("old is worse than new: ")


def test_equal_scores_cannot_be_told_apart() -> None:
    """Differences are zero, p is one, and no side is taken."""
    good, _, positive, amounts = made()
    found = compare(good, good, positive, amounts, 0.95, VALUE)
    assert {(d.difference, d.p, d.better) for d in found.differences.values()} == {(0.0, 1.0, None)}
    assert found.words("a", "b").startswith("Between a and b no difference can be told: log loss (")


def test_what_differs_by_chance_is_not_told() -> None:
    """Two scores with the same noise come out even in about 95 of 100 comparisons."""
    random, told = np.random.default_rng(6), 0
    for _ in range(40):
        z = random.normal(-1, 1, 500)
        positive = random.random(500) < 1 / (1 + np.exp(-z))
        a, b = (1 / (1 + np.exp(-z - random.normal(0, 0.5, 500))) for _ in range(2))
        found = compare(a, b, positive, np.ones(500), 0.95, None)
        assert set(found.differences) == {"log_loss", "brier", "auc"}
        told += sum(d.better is not None for d in found.differences.values())
    assert told <= 15


def test_lessons_with_one_score_do_not_count() -> None:
    """Where either score is missing nothing is compared; where an amount is, no value is."""
    good, bad, positive, amounts = made()
    holes, others, unknown = good.copy(), bad.copy(), amounts.copy()
    holes[:100], others[50:200], unknown[1_000:1_500] = np.nan, np.nan, np.nan
    found = compare(holes, others, positive, unknown, 0.95, VALUE)
    apart = compare(good[200:], bad[200:], positive[200:], unknown[200:], 0.95, VALUE)
    assert found == apart
    assert found.count == 2_800


def test_too_little_is_said_and_not_computed() -> None:
    """Few lessons, or hardly any of a class: the reason stands where numbers would."""
    good, bad, positive, amounts = made(29)
    few = compare(good, bad, positive, amounts, 0.95, None)
    assert few.differences["log_loss"].reason == "fewer than 30 labels (29)"
    assert few.differences["auc"].difference is None
    good, bad, _, amounts = made(400)
    single = compare(good, bad, np.zeros(400, np.bool_), amounts, 0.95, None)
    assert single.differences["auc"].reason == "fewer than 10 positive labels (0)"
    assert single.differences["log_loss"].better is not None
    assert "Not compared in AUC: fewer than 10 positive labels (0)" in single.words("a", "b")
    nothing = compare(good * np.nan, bad, np.zeros(400, np.bool_), amounts, 0.95, VALUE)
    assert nothing.count == 0
    assert nothing.words("a", "b").startswith("a and b could not be compared. Not compared in log")


def test_perfect_against_perfectly_wrong_is_not_called_certain() -> None:
    """Where every pair says the same there is no error to be told."""
    positive = np.arange(40) < 20
    a, b = np.where(positive, 0.9, 0.1), np.where(positive, 0.1, 0.9)
    found = compare(a, b, positive, np.ones(40), 0.95, None).differences["auc"]
    assert (found.difference, found.better, found.low) == (1.0, None, None)
    assert found.reason


def test_a_comparison_is_the_same_each_time_and_goes_into_json() -> None:
    """The seed is fixed, and no number is infinite or nan."""
    good, bad, positive, amounts = made(200)
    texts = {
        json.dumps(compare(good, bad, positive, amounts, 0.9, VALUE).to_json(), allow_nan=False)
        for _ in range(2)
    }
    assert len(texts) == 1
