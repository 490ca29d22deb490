"""The areas of groups: how far they may be off where calibrated scores lie close together."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest

from learners.evaluation.evaluator import Evaluator
from learners.evaluation.labelled_examples import Measuring
from learners.metrics.arrays import FloatArray
from tests.support.learning.exact_metrics import roc_auc
from tests.support.learning.measured_lessons import HOUR, lessons, measured, reopened

# A label a minute: periods of 300 labels, and fewer still by slice and age.
MEASURING = Measuring(period_ms=5 * HOUR, slices=("carrier",))


def details(score: FloatArray, measuring: Measuring = MEASURING) -> dict[str, Any]:
    """What is measured of these scores, reopened once on the way."""
    made = lessons(score.size, 5, slices=1)
    made.scores["score"] = score
    made = replace(made, positive=np.random.default_rng(6).random(score.size) < score)
    half = score.size // 2
    evaluator = reopened(measured(measuring, made.part(slice(half))))
    evaluator.take(made.part(slice(half, None)))
    return evaluator.details({"carrier": list("ABCDE")})


def errors(found: dict[str, Any], *names: str) -> list[float]:
    """The bounds of all groups with enough labels of both classes."""
    groups = [*found["periods"], *found["ages"], *found["by_lessons"], *found["slices"]["carrier"]]
    every = [*(group["score"] for group in groups), found["faded"]]
    enough = [each for each in every if each.get("count", 100) >= 100]
    return [each[name] for each in enough for name in names if each[name] is not None]


@pytest.mark.parametrize("spread", [0.1, 0.7, 2.0])
def test_calibrated_scores_are_told_apart_in_groups(spread: float) -> None:
    """However narrow their range, the bound of each group's AUC stays about .01 at most."""
    log_odds = np.random.default_rng(8).normal(-1.4, spread, 6_000)
    found = errors(details(1 / (1 + np.exp(-log_odds))), "auc_error")
    assert len(found) > 30
    assert max(found) < 0.012


def test_true_ties_are_exact_in_groups() -> None:
    """A staircase of few scores, as isotonic calibration makes them, loses nothing in any group."""
    steps = np.array([0.05, 0.2, 0.21, 0.4, 0.8])
    score = np.random.default_rng(2).choice(steps, 3_000)
    assert max(errors(details(score), "auc_error", "pr_auc_error")) == 0.0


@pytest.mark.parametrize(("apart", "exact"), [(0.0, True), (1e-9, False)])
def test_merged_periods_know_whether_their_scores_differ(apart: float, exact: bool) -> None:
    """Two periods of one score each are a true tie together only if that is the same score."""
    made = lessons(200, 5)
    made.arrived[:] += 1_000 * HOUR
    made.scores["score"] = np.where(made.arrived < made.arrived.mean(), 0.3, 0.3 + apart)
    with patch("learners.evaluation.groups.MOST_GROUPS", 1):
        evaluator = Evaluator(Measuring(period_ms=HOUR))
        for place in range(0, 200, 20):
            evaluator.take(made.part(slice(place, place + 20)))
            evaluator.summary()
        period = evaluator.details()["periods"][0]["score"]
    assert period["count"] == 200
    assert (period["auc_error"] == 0.0) is exact
    true = roc_auc(made.scores["score"], made.positive)
    assert true is not None
    assert abs(period["auc"] - true) <= period["auc_error"] + 1e-12
