"""What comparisons stand on: areas against a plain DeLong, and intervals against their promise."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm, rankdata  # type: ignore[import-untyped]

from learners.comparison.bootstrap import SEED, BlockBootstrap, block_counts, block_length, interval
from learners.comparison.delong import mid_ranks, paired_delong
from learners.metrics.arrays import BoolArray, FloatArray
from tests.support.learning.exact_metrics import score_metrics

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
