"""What a column of a sample becomes: its kind, its range, its missing cells, and what is told."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from converters import leaks
from tests.tables import NOISE, Cell, column, warnings


def word(i: int) -> str:
    """A word that is another for each number."""
    return "".join(chr(97 + int(d)) for d in str(i))


KINDS: list[tuple[str, Cell, dict[str, Any]]] = [
    ("floats", lambda i: NOISE[i] * 10, {"kind": "numeric"}),
    ("amounts", lambda i: int(NOISE[i] * 9_999), {"kind": "numeric"}),
    ("hour", lambda i: i % 24, {"kind": "categorical"}),
    ("month day", lambda i: i % 31 + 1, {"kind": "categorical"}),
    ("minute", lambda i: i % 32, {"kind": "numeric"}),
    ("flag", lambda i: i % 2, {"kind": "categorical"}),
    ("two spellings", lambda i: ["7", "7.0", "8"][i % 3], {"kind": "numeric"}),
    ("halves", lambda i: i % 4 / 2, {"kind": "numeric"}),
    ("carrier", lambda i: ["UA", "AA", "B6"][i % 3], {"kind": "categorical"}),
    ("tail number", lambda i: f"N{i % 97}", {"kind": "categorical"}),
    ("some words", lambda i: f"New York {'AB'[i % 2]}", {"kind": "categorical"}),
    ("free text", lambda i: f"late by fog {word(i)} again", {"kind": "text"}),
    ("constant", lambda i: "x", {"role": "drop"}),
    ("always missing", lambda i: ["", "NA"][i % 2], {"role": "drop"}),
    ("counter", lambda i: i + 5, {"role": "drop"}),
    ("countdown", lambda i: 9_999 - i, {"role": "drop"}),
    ("account_id", lambda i: (i * 7_919) % 4_001, {"role": "drop"}),
    ("customerId", lambda i: (i * 7_919) % 4_001, {"role": "drop"}),
    ("eight digits", lambda i: 10_000_000 + (i * 7_919) % 1_000_003, {"role": "drop"}),
    ("uuid", lambda i: f"{i * 7_919:x}-{i}", {"role": "drop"}),
    ("name", lambda i: f"Ann {word(i)}", {"role": "drop"}),
    ("mixed numbers", lambda i: "1a5" if i % 5 == 0 else i % 9, {"kind": "categorical"}),
    ("infinite", lambda i: "inf" if i % 5 == 0 else i % 9, {"kind": "categorical"}),
]


@pytest.mark.parametrize(("name", "make", "expected"), KINDS, ids=[k[0] for k in KINDS])
def test_kind_of_a_column(name: str, make: Cell, expected: dict[str, Any]) -> None:
    """A column is numbers, categories, text, or nothing to learn from."""
    found = column(make, name=name)
    assert {k: found.get(k) for k in expected} == expected


def test_small_samples_call_nothing_an_id() -> None:
    """In a handful of rows everything is unique, which says nothing."""
    assert column(lambda i: f"N{i}", rows=12) == {"kind": "categorical"}
    assert column(lambda i: i * 3, rows=12)["kind"] == "numeric"


RANGES = [
    (lambda i: i % 101, (0, 200)),
    (lambda i: 50 + i % 101, (0, 250)),
    (lambda i: i % 101 - 20, (-120, 180)),
    (lambda i: -1 - i % 101, (-201, 0)),
    (lambda i: 200 + i % 101, (100, 400)),
    (lambda i: ["2.5", ""][i % 2], (0, 5)),
]


@pytest.mark.parametrize(("make", "bounds"), RANGES)
def test_range_is_generous(make: Cell, bounds: tuple[float, float]) -> None:
    """Bounds lie as far out again as the numbers spread, but not across zero for one sign."""
    found = column(make)
    assert (found["min"], found["max"]) == bounds


def test_range_stays_within_float32() -> None:
    """The widest range is what a learner can take."""
    found = column(lambda i: [-3e38, 3e38, 0.5][i % 3])
    assert (found["min"], found["max"]) == (-3.4028234663852886e38, 3.4028234663852886e38)


def test_spellings_of_missing() -> None:
    """Common spellings of missing are listed, so that numbers stay numbers."""
    spellings = ["NA", "NaN", "nan", "null", "NULL", "None", "none", "N/A", "?", "-", "  ", ""]
    found = column(lambda i: spellings[i // 9] if i % 9 == 0 and i < 108 else NOISE[i])
    assert found["kind"] == "numeric"
    assert found["missing_values"] == sorted(set(spellings) - {""})


@pytest.mark.parametrize(("every", "policy"), [(19, "indicator"), (21, None), (2, "indicator")])
def test_much_missing_is_a_feature(every: int, policy: str | None) -> None:
    """More than one cell in twenty missing is worth a feature of its own."""
    found = column(lambda i: "" if i % every == 0 else "AB"[i % 2], rows=4 * 19 * 21)
    assert found.get("missing") == policy


def test_mostly_missing_is_told() -> None:
    """A column with more than half of its cells missing is told."""
    assert 'column "a" is mostly missing (60%)' in warnings(
        lambda i: "" if i % 5 < 3 else "AB"[i % 2]
    )
    assert "missing" not in warnings(lambda i: "" if i % 5 < 2 else "AB"[i % 2])


def test_dropped_columns_are_told() -> None:
    """A column that is dropped unasked is told, with the way to keep it."""
    assert 'column "a" is constant (always "x")' in warnings(lambda i: "x")
    assert 'column "a" is always missing' in warnings(lambda i: "")
    unique = warnings(lambda i: f"k{i}")
    assert 'column "a" is nearly unique (400 distinct values in 400 rows)' in unique
    assert '--id "a"' in unique


def test_unique_times_are_told_as_times() -> None:
    """A column of differing times is dropped with a hint at ``--time``."""
    start = datetime(2013, 1, 1, tzinfo=UTC)
    assert '--time "a"' in warnings(lambda i: (start + timedelta(minutes=i)).isoformat())


def test_a_few_odd_cells_among_numbers_are_told() -> None:
    """When few cells keep a column from being numeric, the first is told with its line."""
    said = warnings(lambda i: "x" if i in (6, 9) else NOISE[i])
    assert 'numbers but for 2 of 400 cells, for example "x" in line 8' in said


def test_numeric_leak_is_told() -> None:
    """A number that alone tells the classes apart is told, whichever way it points."""
    for sign in (1, -1):
        said = warnings(lambda i, s=sign: s * (i % 3 == 0) + NOISE[i] / 2)  # type: ignore[misc]
        assert 'column "a" looks like a leak' in said
        assert "(AUC 1.00)" in said
        assert '--drop "a"' in said


def test_categorical_leak_is_told() -> None:
    """A category that alone tells the classes apart is told."""
    assert "looks like a leak" in warnings(lambda i: ["late", "early", "in time"][i % 3])


def test_leaking_absence_is_told() -> None:
    """A column that is there only for one class is told."""
    assert "looks like a leak" in warnings(lambda i: "" if i % 3 == 0 else NOISE[i])


@pytest.mark.parametrize(
    "make", [lambda i: NOISE[i], lambda i: "ABCD"[i % 4], lambda i: f"N{int(NOISE[i] * 200)}"]
)
def test_honest_columns_are_no_leaks(make: Cell) -> None:
    """Columns that say nothing of the label, even with many values, are not suspected."""
    assert warnings(make) == ""


def test_leak_stays_until_dropped() -> None:
    """A suspect stays a feature, for the person to judge; ``--drop`` takes it away."""
    leak = lambda i: (i % 3 == 0) + NOISE[i] / 2  # noqa: E731
    assert column(leak)["kind"] == "numeric"
    assert column(leak, drop=("a",)) == {"role": "drop"}
    assert warnings(leak, drop=("a",)) == ""


def test_area_under_the_curve() -> None:
    """The AUC counts pairs in order, ties half, and needs ten rows of each class."""
    labels = [0] * 10 + [1] * 10
    assert leaks.rank_auc([0.0] * 10 + [1.0] * 10, labels) == 1.0
    assert leaks.rank_auc([1.0] * 10 + [0.0] * 10, labels) == 0.0
    assert leaks.rank_auc([5.0] * 20, labels) == 0.5
    assert leaks.rank_auc([0.0] * 5 + [1.0] * 5 + [1.0] * 10, labels) == 0.75
    assert leaks.rank_auc([0.0, 1.0] * 5, [0, 1] * 5) is None


def test_area_by_the_share_of_each_value() -> None:
    """The AUC of a category ranks its values by their share of positives."""
    values = ["x"] * 10 + ["y"] * 20
    assert leaks.rate_auc(values, [0] * 10 + [1] * 20) == 1.0
    assert leaks.rate_auc(["x"] * 30, [0] * 10 + [1] * 20) == 0.5
