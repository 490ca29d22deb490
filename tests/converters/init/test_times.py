"""Times: which parts of them are learned from, and which are known only afterwards."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from converters.init.declared import InferError
from tests.support.rows.tables import NOISE, ROWS, Cell, column, decided, inferred

START = datetime(2013, 1, 1, 6, tzinfo=UTC)


def every(step: timedelta, text: str = "%Y-%m-%dT%H:%M:%SZ") -> Cell:
    """A time a row, so far apart."""
    return lambda i: f"{START + i * step:{text}}"


SPANS: list[tuple[Cell, list[str]]] = [
    (every(timedelta(minutes=30)), ["hour"]),
    (every(timedelta(hours=1)), ["hour", "weekday"]),
    (every(timedelta(hours=13)), ["hour", "weekday", "month"]),
    (every(timedelta(days=1), "%Y-%m-%d"), ["weekday", "month"]),
    (every(timedelta(hours=2), "%Y%m%d %H:%M"), ["hour", "weekday"]),
]


@pytest.mark.parametrize(("make", "parts"), SPANS)
def test_parts_that_come_again_are_learned_from(make: Cell, parts: list[str]) -> None:
    """The hour if times of day vary, the weekday from two weeks on, the month from half a year."""
    assert column(make) == {"kind": "time", "parts": parts, "zone": "UTC"}
    assert "set it to the local one" in decided(make).because


def test_parts_of_the_events_own_time() -> None:
    """A time that was told gets parts by the same rule, and none where nothing comes again."""
    make = every(timedelta(hours=1))
    expected = {"role": "time", "parts": ["hour", "weekday"], "zone": "UTC"}
    assert column(make, time_column="a") == expected
    assert decided(make, time_column="a").otherwise[0].settings == {"role": "time"}
    assert column(every(timedelta(seconds=1)), time_column="a") == {"role": "time"}


def test_part_called_as_a_column_is_left_out() -> None:
    """Where the file has a column `a.hour`, none is derived: two features cannot share a name."""
    inference = inferred({"a": every(timedelta(hours=1)), "a.hour": lambda i: i % 24})
    assert inference.decisions[1].settings["parts"] == ["weekday"]


NUMBERS: list[tuple[str, Cell, str]] = [
    ("created_at", lambda i: 1_357_034_400 + i * 9_973, "time"),
    ("eventTime", lambda i: (1_357_034_400 + i * 9_973) * 1000, "time"),
    ("date", lambda i: 20130101 + i % 28, "time"),
    ("date", lambda i: 20139901 + i % 28, "categorical"),
    ("price", lambda i: 1_357_034_400.5 + i * NOISE[i], "numeric"),
    ("flight time", lambda i: 100_000_000_000_000 + i * NOISE[i], "numeric"),
]


@pytest.mark.parametrize(("name", "make", "kind"), NUMBERS)
def test_numbers_are_times_only_by_name(name: str, make: Cell, kind: str) -> None:
    """Numbers are times if they could be, lie in the usual years, and are called so."""
    assert column(make, name=name)["kind"] == kind


def test_time_that_always_comes_later_is_a_leak() -> None:
    """A time after the event's own in every row is known only afterwards, it seems."""
    columns: dict[str, Cell] = {
        "t": every(timedelta(hours=1)),
        "settled": lambda i: f"{START + timedelta(hours=i, days=1 + i % 9):%Y-%m-%d %H:%M}",
        "seen": lambda i: f"{START + timedelta(hours=i, days=i % 9 - 3):%Y-%m-%d %H:%M}",
    }
    inference = inferred(columns, time_column="t")
    settled, seen = inference.decisions[2:]
    assert settled.settings == {"role": "leak"}
    assert "It is always later than the event itself" in settled.because
    assert settled.otherwise[0].settings["kind"] == "time"
    assert 'column "settled" looks like a leak' in "".join(inference.warnings)
    assert seen.settings["kind"] == "time"


def test_the_line_beside_a_leak_knows_what_stands_for_a_missing_date() -> None:
    """Put in the leak's place, it takes 9999-12-31 for missing, as check would advise then."""
    start: Cell = every(timedelta(hours=1))
    ends: Cell = lambda i: (  # noqa: E731
        "9999-12-31" if i % 3 else f"{START + timedelta(hours=i, days=1 + i % 9):%Y-%m-%d}"
    )
    decision = inferred({"t": start, "ends": ends}, time_column="t").decisions[2]
    assert decision.settings == {"role": "leak"}
    assert decision.otherwise[0].settings["missing_values"] == ["9999-12-31"]
    assert '"9999-12-31", far from all others, is taken for missing' in decision.because
    assert 'holds "9999-12-31" in 266 of 400 rows' in decision.warnings[0]


WEIGHTS: list[tuple[Cell, dict[str, Any]]] = [
    (lambda i: i % 7, {"role": "weight"}),
    (lambda i: ["0.5", "NA", ""][i % 3], {"role": "weight", "missing_values": ["NA"]}),
    (lambda i: i * 10, {"role": "weight", "max": 8000}),
]


@pytest.mark.parametrize(("make", "settings"), WEIGHTS)
def test_weight_as_told(make: Cell, settings: dict[str, Any]) -> None:
    """A weight keeps its usual bound unless more is seen."""
    assert column(make, weight_column="a") == settings


def test_weight_that_is_none() -> None:
    """A weight column with a word is an error that names cell and line; odd bounds are told."""
    with pytest.raises(InferError, match=r'"heavy" in line 5: a weight is a number'):
        column(lambda i: "heavy" if i == 3 else "1", weight_column="a")
    (warning,) = decided(lambda i: i - 3, weight_column="a").warnings
    assert 'weight column "a" holds -3' in warning


def test_the_hour_that_comes_twice_is_told_of() -> None:
    """Local times that go back where clocks do are told of, with the settings that read them."""
    start = datetime(2024, 11, 3, 3, tzinfo=UTC)

    def local(i: int) -> str:
        moment = start + timedelta(minutes=i)
        return f"{moment - timedelta(hours=4 if moment.hour < 6 else 5):%Y-%m-%d %H:%M}"

    (warning,) = decided(local, time_column="a").warnings
    assert 'goes back from "2024-11-03 01:59" to "2024-11-03 01:00" in line 182' in warning
    assert "clocks of America/New_York were put back from 02:00 to 01:00" in warning
    assert "`fold = \"order\"` for the column 'a'" in warning
    assert not decided(lambda i: local(ROWS - i), time_column="a").warnings
