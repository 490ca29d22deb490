"""Comparisons: areas against a plain DeLong, intervals against what they promise, and the words."""

from __future__ import annotations

import json
import math
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm, rankdata  # type: ignore[import-untyped]

from converters.evaluation_settings import ValueSettings
from learners.arithmetic import FloatArray
from learners.comparison import BlockBootstrap, compare, paired_delong
from learners.comparison.bootstrap import SEED, block_counts, block_length, interval
from learners.comparison.delong import mid_ranks
from learners.lessons import BoolArray
from learners.metrics import score_metrics

quick = settings(max_examples=60, deadline=None)
tied = st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.75, 1.0])
pairs = st.lists(st.tuples(tied, tied | st.floats(0, 1), st.booleans()), min_size=4, max_size=30)
lessons = pairs.filter(lambda taken: 2 <= sum(p for *_, p in taken) <= len(taken) - 2)


def columns(taken: list[tuple[float, float, bool]]) -> tuple[FloatArray, FloatArray, BoolArray]:
    """Lessons as arrays."""
    a, b, positive = zip(*taken, strict=True)
    return np.array(a), np.array(b), np.array(positive)


def plain_delong(a: FloatArray, b: FloatArray, positive: BoolArray) -> tuple[float, float]:
    """The difference and its variance from every pair, by the full covariance of both areas."""
    ups, downs = np.flatnonzero(positive), np.flatnonzero(~positive)
    by_up, by_down = np.zeros((2, ups.size)), np.zeros((2, downs.size))
    for which, scores in enumerate((a, b)):
        for (i, up), (j, down) in product(enumerate(ups), enumerate(downs)):
            right = (scores[up] > scores[down]) + (scores[up] == scores[down]) / 2
            by_up[which, i] += right / downs.size
            by_down[which, j] += right / ups.size
    covariance = np.cov(by_up) / ups.size + np.cov(by_down) / downs.size
    areas = by_up.mean(axis=1)
    contrast = np.array([1, -1])
    return float(areas[0] - areas[1]), float(contrast @ covariance @ contrast)


@quick
@given(lessons)
def test_delong_by_ranks_is_delong_by_pairs(taken: list[tuple[float, float, bool]]) -> None:
    """Difference and variance are those of the definition, whatever the ties."""
    a, b, positive = columns(taken)
    found = paired_delong(a, b, positive, 0.9)
    difference, variance = plain_delong(a, b, positive)
    assert found.difference == pytest.approx(difference, abs=1e-12)
    assert found.error**2 == pytest.approx(variance, abs=1e-12)
    assert found.a == pytest.approx(score_metrics(a, positive)["auc"], abs=1e-12)
    assert found.b == pytest.approx(score_metrics(b, positive)["auc"], abs=1e-12)


@quick
@given(lessons)
def test_interval_and_p_are_the_normal_distributions(
    taken: list[tuple[float, float, bool]],
) -> None:
    """Both follow from difference and error as the textbook has it."""
    found = paired_delong(*columns(taken), 0.9)
    if found.error > 1e-9:
        ends = norm.interval(0.9, found.difference, found.error)
        assert (found.low, found.high) == pytest.approx(ends, abs=1e-9)
        p = 2 * norm.sf(abs(found.difference) / found.error)
        assert found.p == pytest.approx(p, rel=1e-6, abs=1e-12)


@quick
@given(st.lists(tied | st.floats(0, 1), min_size=1))
def test_equal_values_share_their_rank(values: list[float]) -> None:
    """Ranks are scipy's."""
    assert mid_ranks(np.array(values)).tolist() == rankdata(values).tolist()


def test_delong_covers_what_it_promises() -> None:
    """Of many 90 % intervals about 90 % hold the true difference of two noisy views."""
    random = np.random.default_rng(1)

    def area(noise: float) -> float:
        return float(norm.cdf(1 / math.sqrt(2 * (1 + noise**2))))

    truth, held = area(0.5) - area(1.0), 0
    for _ in range(400):
        positive = random.random(300) < 0.3
        signal = positive + random.normal(size=300)
        a, b = signal + random.normal(size=300) * 0.5, signal + random.normal(size=300)
        found = paired_delong(a, b, positive, 0.9)
        held += found.low <= truth <= found.high
    assert 0.86 <= held / 400 <= 0.94


def autoregressive(random: np.random.Generator, size: int, memory: float) -> FloatArray:
    """Values of mean zero that remember their neighbours."""
    values = random.normal(size=size)
    for at in range(1, size):
        values[at] += memory * values[at - 1]
    return values


def test_block_intervals_cover_where_single_lessons_do_not() -> None:
    """Where neighbours are alike, 90 % intervals by blocks hold the mean, others too seldom."""
    random = np.random.default_rng(2)
    by_blocks = by_lessons = 0
    for _ in range(200):
        values = autoregressive(random, 800, 0.6)
        found = interval(values, 0.9)
        by_blocks += found.low <= 0 <= found.high
        reach = 1.645 * values.std() / math.sqrt(800)
        by_lessons += abs(found.mean) <= reach
    assert by_blocks / 200 >= 0.84
    assert by_lessons / 200 <= 0.7


def test_blocks_are_as_long_as_lessons_remember() -> None:
    """About the optimum of Politis and White for an autoregressive stream, and 1 without memory."""
    random = np.random.default_rng(3)
    for memory in (0.3, 0.6):
        found = [block_length(autoregressive(random, 10_000, memory)) for _ in range(5)]
        wanted = math.cbrt(1.5 * (2 * memory / (1 - memory**2)) ** 2 * 10_000)
        assert np.median(found) == pytest.approx(wanted, rel=0.35)
    assert np.median([block_length(random.normal(size=10_000)) for _ in range(5)]) <= 6
    assert block_length(np.zeros(50)) == 1


def plain_block_length(values: FloatArray) -> int:
    """Politis and White's rule, lag by lag."""
    n = values.size
    centred = values - values.mean()
    r = [float((centred[: n - k] * centred[k:]).sum()) / n for k in range(math.ceil(n**0.5) + 6)]
    quiet = [abs(rho) < 2 * math.sqrt(math.log10(n) / n) * r[0] for rho in r]
    memory = next(m for m in range(len(r)) if all(quiet[m + 1 : m + 6]))
    width = 2 * max(1, memory)
    window = [min(1.0, 2 * (1 - k / width)) for k in range(width + 1)]
    slope = 2 * sum(window[k] * k * r[k] for k in range(1, width + 1))
    level = r[0] + 2 * sum(window[k] * r[k] for k in range(1, width + 1))
    return math.ceil(math.cbrt(2 * slope**2 / (4 / 3 * level**2)) * math.cbrt(n))


@pytest.mark.parametrize("seed", range(5))
def test_block_length_is_the_plain_rules(seed: int) -> None:
    """Lags taken all at once give what they give one by one."""
    values = autoregressive(np.random.default_rng(seed), 900, 0.2 * seed)
    assert block_length(values) == plain_block_length(values)


def test_resamples_are_blocks_on_a_circle() -> None:
    """Each resample's mean is that of its blocks, gathered one value at a time."""
    values = np.random.default_rng(4).normal(size=53)
    drawn = BlockBootstrap(53, 10, 40)
    starts = np.random.Generator(np.random.PCG64(SEED)).integers(0, 53, (40, 6))
    gathered = [[(s + k) % 53 for s in begins for k in range(10)][:53] for begins in starts]
    assert drawn.means(values) == pytest.approx([values[g].mean() for g in gathered], abs=1e-12)


def test_blocks_that_do_not_overlap_are_drawn_with_replacement() -> None:
    """Each resample has as many blocks as there are, and each block comes as often on average."""
    counts = block_counts(50, 400)
    assert counts.shape == (400, 50)
    assert set(counts.sum(axis=1).tolist()) == {50}
    assert counts.mean(axis=0) == pytest.approx(np.ones(50), abs=0.2)
    assert counts.var() == pytest.approx(1.0, abs=0.1)


def test_long_streams_are_cut_into_long_blocks() -> None:
    """Two thousand blocks are enough, however little the lessons remember."""
    assert block_length(np.random.default_rng(7).normal(size=100_000)) == 50


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
