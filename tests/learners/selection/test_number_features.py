"""Scale and bins of a sample's numbers: short to read, and each bin with its share of them."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from learners.selection.number_features import BINS, scale_and_bins, shortest_between

FINITE = st.floats(-1e30, 1e30, allow_subnormal=False)


def bins_of(numbers: list[float]) -> Counter[int]:
    """How many of the numbers lie in each bin."""
    found = scale_and_bins(numbers)
    assert found is not None
    return Counter(bisect_right(found["edges"], number) for number in numbers)


def test_each_bin_has_its_share() -> None:
    """Numbers that all differ are spread over all bins, none with much more than its share."""
    numbers = np.random.default_rng(1).lognormal(3, 2, 4_000).tolist()
    counts = bins_of(numbers)
    assert len(counts) == BINS
    assert max(counts.values()) <= 1.3 * len(numbers) / BINS


def test_edges_are_short() -> None:
    """Where many numbers lie close, an edge among them has few digits."""
    found = scale_and_bins(np.random.default_rng(2).normal(0.5, 0.2, 5_000).tolist())
    assert found is not None
    assert all(len(repr(edge)) <= 6 for edge in found["edges"])
    assert len(repr(found["center"])) <= 7


def test_what_comes_often_is_alone() -> None:
    """Zeros, and whole numbers of which there are few, are not mixed with their neighbours."""
    numbers = [0.0] * 600 + [0.01 * n for n in range(1, 401)]
    assert bins_of(numbers)[0] == 600
    assert sorted(bins_of([1.0, 2.0, 2.0, 3.0, 7.0] * 100).values()) == [100, 100, 100, 200]


def test_numbers_that_do_not_differ() -> None:
    """One value has no scale and no bins; two at the ends of float32 have both."""
    assert scale_and_bins([3.0] * 50) is None
    assert scale_and_bins([3.4e38, -3.4e38] * 50) is not None


@given(numbers=st.lists(FINITE, min_size=2, max_size=60))
def test_edges_rise_and_part_the_numbers(numbers: list[float]) -> None:
    """Whatever the numbers: edges rise, and none lies beyond them."""
    found = scale_and_bins(numbers)
    if found is None:
        return
    edges = list(found["edges"])
    assert edges == sorted(set(edges))
    assert all(min(numbers) < edge <= max(numbers) for edge in edges)


@given(ends=st.tuples(FINITE, FINITE).filter(lambda ends: ends[0] != ends[1]))
def test_shortest_between(ends: tuple[float, float]) -> None:
    """It lies above the one and not above the other, and no shorter number does."""
    low, high = sorted(ends)
    found = shortest_between(low, high)
    assert low < found <= high
    assert len(f"{found:.17g}") <= 24
