"""Platt's and isotonic calibration against scikit-learn, and what every map promises."""

from __future__ import annotations

import hashlib
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from learners.calibration.adjustment import IDENTITY, Adjustment, AdjustmentError
from learners.calibration.isotonic import Isotonic, pooled
from learners.calibration.platt import (
    FEWEST_GROUPED,
    Platt,
    _Groups,
    _Newton,
    exponential,
    log_odds,
    sigmoid,
    targets,
)
from learners.metrics.arrays import BoolArray, FloatArray

quick = settings(max_examples=60, deadline=None)
tied = st.sampled_from([0.0, 1e-12, 0.1, 0.25, 0.5, 0.75, 1 - 1e-9, 1.0])
lessons = st.lists(
    st.tuples(tied | st.floats(0, 1), st.booleans()), min_size=2, max_size=80
).filter(lambda taken: len({positive for _, positive in taken}) == 2)
inflations = st.sampled_from([1.0, 0.01, 3.3, 400.0])


def split(taken: list[tuple[float, bool]]) -> tuple[FloatArray, BoolArray]:
    """Lessons as arrays."""
    return np.array([s for s, _ in taken]), np.array([p for _, p in taken])


def made(count: int = 4_000) -> tuple[FloatArray, BoolArray]:
    """Scores that are too sure of themselves, and labels."""
    random = np.random.default_rng(3)
    z = random.normal(-1, 1.5, count)
    return 1 / (1 + np.exp(-z)), random.random(count) < 1 / (1 + np.exp(0.4 - 0.6 * z))


def test_platt_finds_what_logistic_regression_finds() -> None:
    """With both targets of a lesson weighted, it is a logistic regression on the log-odds."""
    scores, positive = made(1_500)
    wanted, z = targets(positive), log_odds(scores)
    twice = LogisticRegression(C=np.inf, tol=1e-12, solver="newton-cholesky").fit(
        np.concatenate([z, z])[:, None],
        np.repeat([1, 0], z.size),
        sample_weight=np.concatenate([wanted, 1 - wanted]),
    )
    fitted = Platt.fit(z, positive)
    assert fitted.slope == pytest.approx(float(twice.coef_[0, 0]), abs=1e-7)
    assert fitted.intercept == pytest.approx(float(twice.intercept_[0]), abs=1e-7)


def test_many_lessons_may_be_taken_together() -> None:
    """Lessons in groups move the fit by less than a hundredth of its standard error."""
    scores, positive = made(FEWEST_GROUPED)
    z = log_odds(scores)
    grouped = Platt.fit(z, positive)
    alone = _Newton(_Groups(z, targets(positive), np.full(z.size, 1 / z.size))).minimum(None)
    p = grouped.apply(scores)
    design = np.column_stack((z, np.ones_like(z)))
    errors = np.sqrt(np.diag(np.linalg.inv(design.T @ (design * (p * (1 - p))[:, None]))))
    assert abs(grouped.slope - alone.slope) < errors[0] / 100
    assert abs(grouped.intercept - alone.intercept) < errors[1] / 100
    assert grouped != alone


def test_platt_ends_at_the_same_place_wherever_it_begins() -> None:
    """The last fit only makes the next one shorter."""
    scores, positive = made()
    z = log_odds(scores)
    fresh, odd = Platt.fit(z, positive), Platt.fit(z, positive, Platt(30.0, 12.0))
    assert odd.slope == pytest.approx(fresh.slope, abs=1e-8)
    assert odd.intercept == pytest.approx(fresh.intercept, abs=1e-8)


@quick
@given(lessons, st.none() | st.builds(Platt, st.floats(0, 100), st.floats(-300, 300)))
def test_platt_never_does_worse_than_other_maps(
    taken: list[tuple[float, bool]], before: Platt | None
) -> None:
    """However the lessons fall, the fit is finite, rising, and no simple map has less loss."""
    scores, positive = split(taken)
    z, wanted = log_odds(scores), targets(positive)
    fitted = Platt.fit(z, positive, before)

    def loss(slope: float, intercept: float) -> float:
        x = slope * z + intercept
        return float(np.mean(np.logaddexp(0, x) - wanted * x))

    assert np.isfinite([fitted.slope, fitted.intercept]).all()
    assert fitted.slope >= 0
    least = loss(fitted.slope, fitted.intercept) - 1e-9
    base_rate = float(log_odds(np.array([wanted.mean()]))[0])
    assert least <= loss(1, 0)
    assert least <= loss(0, base_rate)
    for turned, moved in ((1.01, 0.0), (0.99, 0.0), (1.0, 0.01), (1.0, -0.01)):
        assert least <= loss(fitted.slope * turned, fitted.intercept + moved)


def test_platt_does_not_turn_the_order() -> None:
    """Scores that are wrong way round are all calibrated to the smoothed base rate."""
    scores, positive = made()
    fitted = Platt.fit(log_odds(scores), ~positive)
    assert fitted.slope == 0
    assert fitted.apply(np.array([0.1, 0.9])) == pytest.approx(
        np.mean(targets(~positive)), abs=1e-9
    )


@quick
@given(lessons)
def test_isotonic_is_scikit_learns(taken: list[tuple[float, bool]]) -> None:
    """Ties, levels and the lines between are those of its IsotonicRegression."""
    scores, positive = split(taken)
    theirs = IsotonicRegression(out_of_bounds="clip").fit(scores, targets(positive))
    grid = np.concatenate([scores, np.linspace(0, 1, 201)])
    # Distances below 1e-10 are ties for scikit-learn, and steep lines for us.
    near = np.diff(np.unique(scores), prepend=-1).min() > 1e-9
    if near:
        assert Isotonic.fit(scores, positive).apply(grid) == pytest.approx(
            theirs.predict(grid), abs=1e-9
        )


@quick
@given(st.lists(st.tuples(st.integers(0, 6), st.integers(1, 6)), min_size=1, max_size=60))
def test_pools_are_those_of_one_pool_at_a_time(drawn: list[tuple[int, int]]) -> None:
    """Pooling all falling neighbours at once ends where pooling them one by one does."""
    groups = [(min(positives, count), count) for positives, count in drawn]
    stack: list[tuple[int, int]] = []
    for group in groups:
        stack.append(group)
        while len(stack) > 1 and stack[-2][0] * stack[-1][1] >= stack[-1][0] * stack[-2][1]:
            (p, n), (q, m) = stack.pop(), stack.pop()
            stack.append((p + q, n + m))
    _, positives, counts = pooled(*np.array(groups, np.int64).T)
    assert list(zip(positives.tolist(), counts.tolist(), strict=True)) == stack


def maps(taken: list[tuple[float, bool]], inflation: float) -> list[Adjustment]:
    """Both fits of some lessons."""
    scores, positive = split(taken)
    fits = Platt.fit(log_odds(scores), positive), Isotonic.fit(scores, positive)
    return [Adjustment(inflation, fit) for fit in fits]


@quick
@given(lessons, inflations, st.lists(tied | st.floats(0, 1), min_size=1, max_size=60))
def test_a_map_is_a_rising_probability(
    taken: list[tuple[float, bool]], inflation: float, drawn: list[float]
) -> None:
    """No score leaves [0, 1], and none passes another, neighbouring floats included."""
    array = np.sort(np.concatenate([drawn, np.nextafter(drawn, 2), np.nextafter(drawn, -1)]))
    for adjustment in maps(taken, inflation):
        served = adjustment.applied(array.clip(0, 1))
        assert ((served >= 0) & (served <= 1)).all()
        assert (np.diff(served) >= 0).all()


@quick
@given(lessons, inflations, st.lists(tied | st.floats(0, 1), min_size=30, max_size=60))
def test_one_score_and_many_get_the_same_bits(
    taken: list[tuple[float, bool]], inflation: float, drawn: list[float]
) -> None:
    """A row scored alone, in a block, or after a journey through JSON is scored alike."""
    for adjustment in [*maps(taken, inflation), Adjustment(inflation)]:
        many = adjustment.apply(drawn)
        assert [adjustment.apply([score])[0] for score in drawn] == many
        assert adjustment.applied(np.array(drawn)).tolist() == many
        back = Adjustment.from_json(json.loads(json.dumps(adjustment.to_json())))
        assert back.apply(drawn) == many


def test_no_line_passes_its_end() -> None:
    """Just below a point, and at it, the calibrated score is at most the point's."""
    random = np.random.default_rng(8)
    for _ in range(300):
        scores, shares = np.sort(random.random((2, 6)))
        curve = Isotonic(scores, shares)
        assert (curve.apply(np.nextafter(scores, -1)) <= shares).all()
        assert curve.apply(scores).tolist() == shares.tolist()


@pytest.mark.parametrize("slope", [0.0, 1e-9, 0.7, 1.0, 50.0, 1e6])
def test_neighbouring_floats_keep_their_order(slope: float) -> None:
    """Where scores are as near as floats can be, rounding does not turn them."""
    for base in (1e-7, 1e-3, 0.3, 0.5, 0.9, 1 - 1e-6):
        near = base + np.arange(-500, 500) * np.spacing(base)
        assert (np.diff(Adjustment(3.3, Platt(slope, -0.3)).applied(near)) >= 0).all()


def test_the_exponential_is_one_unit_off_at_most() -> None:
    """It agrees with the library's to the last place, over all that it may be asked."""
    values = np.linspace(-700, 700, 200_001)
    assert np.abs(exponential(values) / np.exp(values) - 1).max() < 4.5e-16


def test_log_odds_and_sigmoid_undo_each_other() -> None:
    """There and back is the score, as far as 36 bits go, and the ends are clipped."""
    scores = np.linspace(1e-6, 1 - 1e-6, 10_001)
    assert sigmoid(log_odds(scores)) == pytest.approx(scores, abs=1e-11)
    ends = sigmoid(log_odds(np.array([0.0, 1.0])))
    assert ends == pytest.approx([1e-7, 1 - 1e-7], rel=1e-9)


def test_the_bits_are_those_of_every_machine() -> None:
    """Fits and their scores hash to what they hashed to where this was written."""
    random = np.random.default_rng(5)
    scores = random.random(2_000)
    positive = random.random(2_000) < 0.6 * scores
    digest = hashlib.sha256()
    for adjustment in maps(list(zip(scores.tolist(), positive.tolist(), strict=True)), 3.0):
        digest.update(json.dumps(adjustment.to_json()).encode())
        digest.update(adjustment.applied(scores).tobytes())
    assert digest.hexdigest()[:16] == "7ff8765897603c7b"


def test_no_adjustment_gives_the_score_itself() -> None:
    """A manifest that holds none leaves every score as it is."""
    assert Adjustment.from_json(None) is IDENTITY
    assert not IDENTITY.changes
    assert IDENTITY.apply([0.1, 1.0]) == [0.1, 1.0]


def test_an_unknown_calibration_is_refused() -> None:
    """What a newer release wrote is not served as if it were nothing."""
    with pytest.raises(AdjustmentError, match=r"`spline`.*newer"):
        Adjustment.from_json({"inflation": 1.0, "calibration": {"method": "spline"}})
