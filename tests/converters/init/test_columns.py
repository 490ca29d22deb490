"""What a column of a sample becomes: its kind, its range, its missing cells, and what is told."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.support.rows.tables import NOISE, Cell, column, decided, warnings


def word(i: int) -> str:
    """A word that is another for each number."""
    return "".join(chr(97 + int(d)) for d in str(i))


KINDS: list[tuple[str, Cell, dict[str, Any]]] = [
    ("floats", lambda i: NOISE[i] * 10, {"kind": "numeric"}),
    ("amounts", lambda i: int(NOISE[i] * 9_999), {"kind": "numeric"}),
    ("hour", lambda i: i % 24, {"kind": "categorical"}),
    ("month day", lambda i: i % 31 + 1, {"kind": "categorical"}),
    ("minute", lambda i: i % 32, {"kind": "numeric"}),
    ("flag", lambda i: i % 2, {"kind": "boolean"}),
    ("approved", lambda i: ["Yes", "no"][i % 2], {"kind": "boolean"}),
    ("on and off", lambda i: ["on", "off", "TRUE", "FALSE"][i % 4], {"kind": "boolean"}),
    ("half a pair", lambda i: ["yes", "0"][i % 2], {"kind": "categorical"}),
    ("one more", lambda i: ["yes", "no", "maybe"][i % 3], {"kind": "categorical"}),
    ("0, 1 and 2", lambda i: i % 3, {"kind": "categorical"}),
    ("two spellings", lambda i: ["7", "7.0", "8"][i % 3], {"kind": "numeric"}),
    ("halves", lambda i: i % 4 / 2, {"kind": "numeric"}),
    ("date", lambda i: f"2013-0{i % 9 + 1}-0{i % 7 + 1}", {"kind": "time"}),
    ("created_at", lambda i: 1_357_034_400 + i * 999_983, {"kind": "time"}),
    ("amount", lambda i: 1_357_034_400 + (i * 7_919) % 100_003, {"role": "drop"}),
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


CODES: list[tuple[str, Cell]] = [
    ("store", lambda i: f"{i * 37 % 300:05}"),
    ("zip", lambda i: 10_000 + i * 7_919 % 89_000),
    ("homePostalCode", lambda i: 1_000 + i % 90),
    ("PLZ", lambda i: 10_000 + i),
]


@pytest.mark.parametrize(("name", "make"), CODES)
def test_codes_of_digits_are_names(name: str, make: Cell) -> None:
    """Numbers with leading zeros, or called as postal codes are, name; to measure stands beside."""
    decision = decided(make, name=name)
    assert decision.settings["kind"] == "categorical"
    assert decision.because.startswith("whole numbers treated as categories, since ")
    assert "numeric" in [other.settings.get("kind") for other in decision.otherwise]


def test_blanks_at_the_ends_of_categories_are_told() -> None:
    """A value with blanks and the same without are two, which is told; so are blanks in most."""
    said = 'holds 100 of 400 cells with blanks at an end, such as " u" in line 2: that and "u" are'
    assert said in warnings(lambda i: [" u", "u", "v", "v"][i % 4])
    assert 'such as "w "' in warnings(lambda i: ["w ", "v  ", "u"][i % 3])
    assert "blanks at an end" not in warnings(lambda i: ["w ", "v", "u"][i % 3])


def test_small_samples_call_nothing_an_id() -> None:
    """In a handful of rows everything is unique, which says nothing."""
    assert column(lambda i: f"N{i}", rows=12) == {"kind": "categorical"}
    assert column(lambda i: i * 3, rows=12)["kind"] == "numeric"


RANGES = [
    (lambda i: i % 101, (0, 200)),
    (lambda i: 50 + i % 101, (0, 250)),
    (lambda i: i % 101 - 20, (-120, 180)),
    (lambda i: -1 - i % 101, (-210, 0)),
    (lambda i: 200 + i % 101, (100, 400)),
    (lambda i: ["2.5", ""][i % 2], (0, 5)),
    (lambda i: i % 101 * 0.01 + 0.123, (0, 2.2)),
    (lambda i: i % 101 * 1e-9, (0, 2e-7)),
]


@pytest.mark.parametrize(("make", "bounds"), RANGES)
def test_range_is_generous(make: Cell, bounds: tuple[float, float]) -> None:
    """Bounds lie as far out again as the numbers spread, but not across zero for one sign."""
    found = column(make)
    assert (found["min"], found["max"]) == bounds


def test_range_stays_within_float32() -> None:
    """The widest range is what a learner can take."""
    found = column(lambda i: [-3e38, 3e38, 0.5, 1, 2][i % 5])
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


def test_times_that_never_come_again_are_told_as_times() -> None:
    """A column of times within one hour is dropped with a hint at ``--time``."""
    start = datetime(2013, 1, 1, tzinfo=UTC)
    assert '--time "a"' in warnings(lambda i: (start + timedelta(seconds=i)).isoformat())


def test_a_few_odd_cells_among_numbers_are_taken_for_missing() -> None:
    """A few cells of few spellings that are no numbers are listed as missing, and told."""
    make: Cell = lambda i: "x" if i in (6, 9) else NOISE[i]  # noqa: E731
    assert column(make)["missing_values"] == ["x"]
    assert 'numbers but for 2 of 400 cells ("x", first in line 8)' in warnings(make)
    assert "2 of 400 cells are no numbers and taken for missing" in decided(make).because


MARKED: list[Cell] = [
    lambda i: f"{NOISE[i]:.4f}a",
    lambda i: f"{NOISE[i]:.4f}(1)",
    lambda i: f"{NOISE[i]:.4f} e",
    lambda i: f"{NOISE[i]:.4f}U",
    lambda i: f"{NOISE[i]:.4f} [r]",
    lambda i: f"ND({NOISE[i]:.4f})",
    lambda i: f"<LOD({NOISE[i]:.4f})",
    lambda i: f"{NOISE[i]:.4f}{'abcdef*?'[i % 8]}",
    lambda i: f"x{i}",
]


@pytest.mark.parametrize("make", MARKED)
def test_footnotes_and_qualifiers_leave_a_column_numeric(make: Cell) -> None:
    """A column of mostly plain numbers is one, whatever the variety of the cells beside them."""
    decision = decided(lambda i: make(i) if i % 20 == 6 else f"{NOISE[i]:.4f}")
    assert decision.settings["kind"] == "numeric"
    assert len(decision.settings["missing_values"]) == 20
    assert "20 of 400 cells (5%)" in decision.warnings[0]
    assert "Such cells other than those listed refuse their rows" in decision.warnings[0]


@pytest.mark.parametrize("marks", ["U", "abc"])
def test_qualifiers_at_a_fifth(marks: str) -> None:
    """Decimal numbers with one of few letters behind them are numbers with a mark at any share."""
    assert column(lambda i: f"{NOISE[i]:.4f}{marks[i % len(marks)] * (i % 5 == 1)}")["kind"] == (
        "numeric"
    )


LETTERED: list[tuple[str, Cell]] = [
    ("stock codes", lambda i: f"{10_000 + i // 2}{'ABCDEFG'[i % 7] * (i % 20 == 6)}"),
    ("ICD-9", lambda i: f"V{i}" if i % 20 == 6 else f"{i % 300 / 10:05.1f}"),
]


@pytest.mark.parametrize(("_", "make"), LETTERED)
def test_codes_with_letters_are_no_numbers(_: str, make: Cell) -> None:
    """Codes that are mostly digits, some of them with letters, are not taken for numbers."""
    assert column(make).get("kind") != "numeric"


def test_many_odd_spellings_among_numbers_are_told() -> None:
    """Odd cells of many spellings are no spellings of missing: the first is told with its line."""
    make: Cell = lambda i: f"x{i}" if i % 5 == 1 else NOISE[i % 100]  # noqa: E731
    assert column(make)["kind"] == "categorical"
    said = warnings(make)
    assert 'numbers but for 80 of 400 cells, for example "x1" in line 3' in said
