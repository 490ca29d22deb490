"""Areas under curves, from histograms and from few scores: exact, or within their own bounds."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import (
    average_precision_score,
    roc_auc_score,
)

from learners.evaluation.histograms import (
    COARSE_BINS,
    LogOddsHistogram,
    coarse_bins,
    log_odds_bins,
    marks_of,
)
from learners.evaluation.labelled_examples import Measuring
from learners.metrics.metrics import average_precision, exact_areas, roc_area
from tests.support.learning.exact_metrics import counts_by_score
from tests.support.learning.measured_lessons import assert_areas, lessons, measured

THRESHOLD = 0.3
MEASURING = Measuring(window=3_000, half_life=500.0, threshold=THRESHOLD)
tied_scores = st.sampled_from([0.0, 1e-9, 0.1, 0.25, 0.4999999, 0.5, 0.75, 1 - 1e-9, 1.0])
taken_scores = st.lists(
    st.tuples(tied_scores | st.floats(0, 1), st.booleans()), min_size=1, max_size=60
)


@settings(max_examples=60, deadline=None)
@given(taken_scores)
def test_areas_of_few_scores_are_exact(pairs: list[tuple[float, bool]]) -> None:
    """Whatever the ties, both areas of plain arrays are scikit-learn's, with and without counts."""
    scores = np.array([score for score, _ in pairs]) + 0.0
    positive = np.array([label for _, label in pairs])
    counts = counts_by_score(scores, positive)
    single = np.zeros(counts[0].size, dtype=np.bool_)
    auc, precision = roc_area(*counts, single), average_precision(*counts, single)
    same = exact_areas(scores, positive)
    np.testing.assert_array_equal(same, (auc[0], precision[0]))  # to the last bit
    if positive.all() or not positive.any():
        assert math.isnan(auc[0])
        assert math.isnan(precision[0])
    else:
        assert auc[0] == pytest.approx(roc_auc_score(positive, scores), abs=1e-12)
        theirs = average_precision_score(positive, scores)
        assert precision[0] == pytest.approx(theirs, abs=1e-12)
        assert auc[1] == precision[1] == 0


@settings(max_examples=60, deadline=None)
@given(taken_scores)
def test_histograms_keep_within_their_own_bounds(pairs: list[tuple[float, bool]]) -> None:
    """The fine histogram and the coarse one of groups are off by no more than they say."""
    scores = np.array([score for score, _ in pairs]) + 0.0
    positive = np.array([label for _, label in pairs])
    if positive.all() or not positive.any():
        return
    fine = LogOddsHistogram()
    bins = log_odds_bins(scores)
    fine.add(marks_of(scores), positive.astype(np.int64), bins)
    assert_areas(fine.measures(), scores, positive)
    coarse = coarse_bins(bins)
    assert coarse.min() >= 0
    assert coarse.max() < COARSE_BINS
    negatives = np.bincount(coarse[~positive], minlength=COARSE_BINS).astype(np.int64)
    positives = np.bincount(coarse[positive], minlength=COARSE_BINS).astype(np.int64)
    mixed = np.ones(COARSE_BINS, dtype=np.bool_)
    auc, auc_error = roc_area(negatives, positives, mixed)
    precision, precision_error = average_precision(negatives, positives, mixed)
    found = {"auc": auc, "auc_error": auc_error}
    found |= {"pr_auc": precision, "pr_auc_error": precision_error}
    assert_areas(found, scores, positive)


@given(st.floats(0, 1), st.floats(0, 1))
def test_coarse_bins_keep_the_order_of_scores(one: float, other: float) -> None:
    """A higher score never gets a lower bin, and p and 1 - p mirror each other."""
    low, high = coarse_bins(log_odds_bins(np.array(sorted([one, other]))))
    assert low <= high
    there, back = coarse_bins(log_odds_bins(np.array([0.25, 0.75])))
    assert there + back == COARSE_BINS - 1


def test_true_ties_are_exact() -> None:
    """A model with few distinct scores, saturated ones too, is measured without error."""
    given_lessons = lessons(5_000, 7)
    random = np.random.default_rng(7)
    given_lessons.scores["score"][:] = random.choice([0.0, 0.2, 0.2 + 1e-3, 0.9, 1.0], 5_000)
    found = measured(MEASURING, given_lessons).summary()
    assert found["auc_error"] == found["pr_auc_error"] == 0
    assert_areas(found, given_lessons.scores["score"], given_lessons.positive)
