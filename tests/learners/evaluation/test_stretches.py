"""Periods that hold too few labels are joined to their neighbours, and never over a gap."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from learners.evaluation.stretches import Stretch, gaps, stretches
from learners.metrics.metrics import FEWEST_LABELS


def daily(counts: Sequence[int], first: int = 0) -> list[Stretch]:
    """Periods with these labels, a third of them positive; those with none are left out."""
    return [
        Stretch(first + day, first + day + 1, count - count // 3, count // 3)
        for day, count in enumerate(counts)
        if count
    ]


def spans(found: Sequence[Stretch]) -> list[tuple[int, int]]:
    """From where to where."""
    return [(each.begin, each.end) for each in found]


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ([60] * 4, [(0, 1), (1, 2), (2, 3), (3, 4)]),
        ([15] * 8, [(0, 2), (2, 4), (4, 6), (6, 8)]),
        ([60, 60, 3], [(0, 1), (1, 3)]),
        ([3, 60, 60], [(0, 2), (2, 3)]),
        ([5], [(0, 1)]),
        ([1, 1, 1, 1, 1], [(0, 5)]),
        ([], []),
    ],
)
def test_neighbours_are_joined_until_each_has_enough(
    counts: list[int], expected: list[tuple[int, int]]
) -> None:
    """What is dense stays as it is; a rest goes to the period before it."""
    assert spans(stretches(daily(counts))) == expected


def test_the_rarer_class_decides_where_it_is_enough_for_two_points() -> None:
    """A day of two hundred labels with two positive ones says nothing of an AUC."""
    rare = [Stretch(day, day + 1, 198, 2) for day in range(20)]
    assert spans(stretches(rare)) == [(0, 5), (5, 10), (10, 15), (15, 20)]
    rarer = [Stretch(day, day + 1, 200, int(day == 7)) for day in range(20)]
    assert stretches(rarer) == rarer


@pytest.mark.parametrize("size", [4, 20, 100])
def test_two_clusters_a_year_apart_stay_two(size: int) -> None:
    """However few they are: a gap is not joined to what is beside it."""
    found = stretches([*daily([size]), *daily([size], first=365)])
    assert spans(found) == [(0, 1), (365, 366)]
    assert gaps(found) == [(1, 365)]


def test_labels_that_are_rare_everywhere_are_joined_over_the_days_between() -> None:
    """One label each third day: a point for as many days as it takes, and no gap."""
    found = stretches(daily([1, 0, 0] * 100))
    assert [each.count for each in found] == [30] * 2 + [40]
    assert gaps(found) == []


def test_nights_without_labels_are_joined_where_a_day_has_too_few() -> None:
    """By the hour: with enough labels nights are gaps, with a few an hour they are not."""
    night = [0] * 12
    dense = stretches(daily(([60] * 12 + night) * 3))
    assert gaps(dense) == [(12, 24), (36, 48)]
    sparse = stretches(daily(([1] * 12 + night) * 30))
    assert all(each.count >= FEWEST_LABELS for each in sparse)


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), max_size=40))
def test_no_label_is_lost_and_order_is_kept(counts: list[tuple[int, int]]) -> None:
    """Stretches are disjoint, rise, and hold all labels."""
    periods = [Stretch(day, day + 1, n, p) for day, (n, p) in enumerate(counts) if n + p]
    found = stretches(periods)
    assert sum(each.count for each in found) == sum(map(sum, counts))
    ends = [place for each in found for place in (each.begin, each.end)]
    assert ends == sorted(ends)
