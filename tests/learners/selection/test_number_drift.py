"""Whether numbers have moved away from a column's settings, and what these would be."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from converters.config.column_settings import ColumnSettings
from learners.selection.number_drift import FEWEST, Drift, drift
from learners.selection.number_features import scale_and_bins

KEYS = ("center", "scale", "edges")


def numbers(middle: float = 0.0, spread: float = 1.0, count: int = 4_000, seed: int = 1) -> Any:
    """Normally distributed."""
    return np.random.default_rng(seed).normal(middle, spread, count).tolist()


def made_of(values: list[float], **more: Any) -> ColumnSettings:
    """A column as ``init`` writes it for these numbers."""
    found = scale_and_bins(values)
    assert found is not None
    return ColumnSettings(kind="numeric", **found, **more)


def today(column: ColumnSettings, values: list[float]) -> Drift:
    """All three keys are in the file."""
    return drift(column, KEYS, values)


@pytest.mark.parametrize("count", [FEWEST, 10_000])
def test_other_rows_of_the_same_stream_propose_nothing(count: int) -> None:
    """Also few of them, and where one number comes in a third of the rows."""
    assert not today(made_of(numbers()), numbers(count=count, seed=2)).changed
    zeros = [value if value > -0.43 else -5.0 for value in numbers()]
    later = [value if value > -0.43 else -5.0 for value in numbers(count=count, seed=2)]
    found = today(made_of(zeros), later)
    assert not found.changed
    assert found.words.startswith("has not moved: the fullest of its")


@pytest.mark.parametrize(("middle", "spread"), [(0.5, 1.0), (0.0, 2.0), (0.0, 0.5)])
def test_numbers_that_moved_give_other_settings(middle: float, spread: float) -> None:
    """What is proposed is what ``init`` would write for them."""
    later = numbers(middle, spread, seed=2)
    found = today(made_of(numbers()), later)
    assert found.words.startswith("moved: ")
    expected = scale_and_bins(later)
    assert expected is not None
    assert found.changed == {key: expected[key] for key in KEYS}


def test_a_column_keeps_its_number_of_bins() -> None:
    """Three edges by hand become three edges; keys that the file does not have are not added."""
    column = ColumnSettings(kind="numeric", transform="bucket", edges=(10, 20, 30))
    found = drift(column, ["edges"], numbers(60, 10))
    assert found.changed.keys() == {"edges"}
    assert found.changed["edges"] == pytest.approx((53.3, 60, 66.7), abs=1)
    assert not drift(column, ["edges"], np.arange(0, 40, 0.05).tolist()).changed


def test_scale_alone() -> None:
    """Without bins, mean and deviation decide."""
    column = ColumnSettings(kind="numeric", transform="scale", center=0, scale=1)
    assert not drift(column, ["center", "scale"], numbers(0.2, 1.2)).changed
    found = drift(column, ["center", "scale"], numbers(5, 1)).changed
    assert found["center"] == pytest.approx(5, abs=0.1)
    assert found.keys() == {"center", "scale"}


@pytest.mark.parametrize("out_of_range", ["clip", "reject"])
def test_bounds_hold(out_of_range: str) -> None:
    """Numbers are taken as the converter takes them, and many outside the bounds are told."""
    column = made_of(numbers(), min=-4, max=4, out_of_range=out_of_range)
    found = today(column, numbers(3, 1))
    assert max(found.changed["edges"]) <= 4
    assert "15% of its numbers lie outside min..max" in found.words
    assert ("are refused" in found.words) == (out_of_range == "reject")


def test_too_few_or_too_much_alike() -> None:
    """The old settings stay."""
    column = made_of(numbers())
    few, same = today(column, numbers(9, count=FEWEST - 1)), today(column, [7.0] * FEWEST)
    assert (few.changed, same.changed) == ({}, {})
    assert few.words == "kept: it has 499 numbers there, and it takes 500"
    assert same.words == "kept: its numbers hardly differ"
