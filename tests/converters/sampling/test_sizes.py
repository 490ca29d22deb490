"""``freshet check`` on files of too many rows to count all, and of hardly any."""

from __future__ import annotations

import math
import statistics

import pytest

from converters.sampling.sketches import Estimate
from tests.support.rows.check_files import LABELLED, checked, codes, column, report_on
from tests.support.rows.schemas import FLIGHT, Columns, build

ROWS = [["k", "2013-01-01", "1", "n", "7", "UA", "some words"]]


@pytest.fixture(scope="module")
def large() -> list[list[str]]:
    """More rows than are sampled, more values than are counted, and one long cell."""
    return [
        [
            str(int(i % 3 == 0)),
            repr(math.sin(i) * 1000),
            f"v{i % 15_000}",
            "u" * 200 if i == 7 else "w",
        ]
        for i in range(45_000)
    ]


def test_what_is_too_much_is_estimated(large: list[list[str]]) -> None:
    """Beyond what is counted, estimates hold their error, and what is added up stays exact."""
    columns: Columns = {**LABELLED, "c": {"kind": "categorical"}, "d": {"kind": "text"}}
    found = checked(columns, large)
    numbers, c = column(found, "x").numbers, column(found, "c")
    values = sorted(float(row[1]) for row in large)
    assert numbers is not None
    assert (numbers.min, numbers.max) == (values[0], values[-1])
    assert numbers.mean == pytest.approx(statistics.fmean(values), rel=1e-9)
    assert not c.counted
    assert abs(c.distinct.count - 15_000) <= c.distinct.margin < 1500
    assert column(found, "d").distinct.count == 2
    assert (found.sample.rows, found.sample.whole) == (20_000, False)
    for share, value in numbers.quantiles:
        rank = sum(each <= value for each in values) / len(values)
        assert abs(rank - share) <= found.sample.margin


def test_times_are_followed() -> None:
    """First and last time, rows out of order, and the longest step with its line."""
    times = ["2013-01-02", "", "2013-01-01T12:00:00Z", "1357300000", "soon", "2013-01-04"]
    columns: Columns = {**LABELLED, "at": {"role": "time"}}
    found = checked(columns, [(1, 1, time) for time in times])
    assert found.times is not None
    assert (found.times.rows, found.times.unsorted, found.times.unsorted_line) == (4, 2, 4)
    assert (found.times.first, found.times.last) == (1357041600000, 1357300000000)
    assert found.times.gap is not None
    assert (found.times.gap.milliseconds, found.times.gap.line) == (258400000, 5)
    assert "unsorted-time:at" in codes(found, "warning")


@pytest.mark.parametrize("rows", [0, 1])
def test_hardly_any_rows(rows: int) -> None:
    """A file of no row, or one, is reported on."""
    found = checked(FLIGHT, ROWS[:rows])
    assert found.rows == rows
    assert ("no-rows" in codes(found, "problem")) == (rows == 0)


def test_all_rows_refused() -> None:
    """Rows that cannot even be told apart leave columns without cells."""
    found = report_on(b"late,x\n1\n1,2,3\n\n", build(LABELLED))
    assert (found.rows, found.rejected) == (3, 3)
    assert column(found, "x").distinct.count == 0


def test_an_estimate_is_no_more_than_the_rows() -> None:
    """Of a column of unique values no more are told than it has rows."""
    columns: Columns = {**LABELLED, "c": {"kind": "categorical"}}
    found = checked(columns, [(number % 2, 1, f"{number:x}") for number in range(23_000)])
    distinct = column(found, "c").distinct
    assert 23_000 - distinct.margin <= distinct.count <= 23_000
    assert not distinct.exact


def test_ids_are_counted_beyond_what_other_values_are() -> None:
    """Ids that came before are counted exactly where other columns' values are estimated."""
    columns: Columns = {**LABELLED, "id": {"role": "id"}}
    found = checked(columns, [(number % 2, 1, f"k{number % 22_990}") for number in range(23_000)])
    assert found.repeated_ids == Estimate(10)
    assert found.repeated_rows == Estimate(10)
