"""Ids, amounts and numbers of articles that look like times, and counts that are times."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from converters.files.csv_file import CsvFileError
from converters.init.nonnumeric_columns import is_called_a_time
from tests.support.rows.tables import NOISE, Cell, decided

ORDERS: list[Cell] = [
    lambda i: 2024010301 + i,  # of which the first 23 are hours of a day
    lambda i: 202401030952 + i,
    lambda i: 20240103095200 + i,
    lambda i: 2024010300 + i * 37,
    lambda i: 240103 + i,
    lambda i: 2401030 + i,
    lambda i: 2401030952 + i * 41,
]
AMOUNTS: list[Cell] = [
    lambda i: int(NOISE[i] * 9e9) + 10**9,
    lambda i: int(NOISE[i] * 9e11) + 10**11,
    lambda i: int(NOISE[i] * 9e12) + 10**12,
    lambda i: int(NOISE[i] * 9e13) + 10**13,
]
OTHERS: list[Cell] = [
    lambda i: f"49151{int(NOISE[i] * 10**7):07}",  # phones
    lambda i: f"202555{int(NOISE[i] * 10**4):04}",
    lambda i: f"40063813{int(NOISE[i] * 10**5):05}",  # EAN 13
    lambda i: f"0360002{int(NOISE[i] * 10**5):05}",  # EAN 12
    lambda i: f"2024-{i + 1:03}",  # bills of a year
    lambda i: f"{i % 3 + 1}.{i % 20}.{i % 7 + 10}",  # versions
]
NAMES = ["order_no", "amount", "ean", "phone", "time_id", "date_no", "a"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("make", [*ORDERS, *AMOUNTS, *OTHERS])
def test_numbers_of_other_things_are_no_times(make: Cell, name: str) -> None:
    """Whatever their digits could mean, where the column is not called a time."""
    assert decided(make, name=name).settings.get("kind") != "time"


@pytest.mark.parametrize("name", ["created", "order_date", "at"])
@pytest.mark.parametrize("make", [*ORDERS, *AMOUNTS])
def test_nor_where_they_are_called_so(make: Cell, name: str) -> None:
    """Not all of them form a time, or one of the usual years."""
    assert decided(make, name=name).settings.get("kind") != "time"


CALLED = ["ts", "created", "epoch", "event_ts", "created_ms", "timestampMillis", "epoch_seconds"]
SECONDS: list[Cell] = [
    lambda i: 1_704_275_520 + i * 9_973,
    lambda i: 1_704_275_520_000 + i * 9_973_123,
    lambda i: f"{1_704_275_520 + i * 9_973}.0",
    lambda i: f"{1_704_275_520_000 + i * 9_973_123}.0",
    lambda i: f"{1_704_275_520 + i * 9_973}.25",
]


@pytest.mark.parametrize("name", [*CALLED, "created_utc", "updated", "unixtime"])
@pytest.mark.parametrize("make", SECONDS)
def test_counts_since_1970_are_times(make: Cell, name: str) -> None:
    """Where the column is called so, perhaps with its unit; the reading is said beside it."""
    decision = decided(make, name=name)
    assert decision.settings["kind"] == "time"
    assert "format" not in decision.settings
    assert "is read as 2024-01-03 09:52 UTC" in decision.because


@pytest.mark.parametrize("unit", ["000", "000000"])
def test_smaller_units_get_a_format(unit: str) -> None:
    """Micro- and nanoseconds are no times without."""
    decision = decided(lambda i: f"{1_704_275_520_000 + i * 9_973_123}{unit}", name="ts")
    assert decision.settings["format"] == ("microseconds" if unit == "000" else "nanoseconds")


@pytest.mark.parametrize(
    "name", ["time_id", "time_s_no", "ms", "utc", "s", "runtime_no", "chances"]
)
def test_other_names(name: str) -> None:
    """A time word has to come last, but for a unit or zone behind it."""
    assert not is_called_a_time(name)


def test_a_feature_of_digits_is_told() -> None:
    """How a calendar time is read is said on the terminal too; of plain seconds, only beside it."""
    start = datetime(2024, 1, 3, 9, 52, tzinfo=UTC).timestamp()
    compact: Cell = lambda i: f"{datetime.fromtimestamp(start + i * 9_973, UTC):%Y%m%d%H%M}"  # noqa: E731
    (warning,) = decided(compact, name="created").warnings
    assert (
        warning == 'in the time column "created", "202401030952" is read as 2024-01-03 09:52 UTC.'
    )
    assert decided(SECONDS[0], name="created").warnings == ()


def test_implausible_years_are_told() -> None:
    """Counts that are read as times of hardly any event, with an example."""
    made = decided(lambda i: 150_000_000 + i * 7, name="created", time_column="created")
    assert any('"150000000" is read as 1974-10-03 02:40 UTC' in said for said in made.warnings)


def test_an_ambiguous_time_is_told() -> None:
    """With both of its readings, and the option that says which."""
    with pytest.raises(CsvFileError, match=r"another time \(20.*as YYYYDDDhhmm.* --time-format"):
        decided(lambda i: 20_240_030_952 + i * 60, name="created", time_column="created")


@pytest.mark.parametrize(("first", "rest"), [("", "-01-31"), ("01/31/", "")])
def test_times_before_1970_are_told(first: str, rest: str) -> None:
    """No event can be stamped so; what it is, is said."""
    with pytest.raises(CsvFileError, match=r"1968.* is before 1970, where no record can"):
        decided(lambda i: f"{first}{1968 + i % 9}{rest}", time_column="a")


def test_day_numbers_of_a_spreadsheet() -> None:
    """As the event's time they are an error that names them."""
    with pytest.raises(
        CsvFileError, match=r"45292\.5 is a day number of a spreadsheet: format the"
    ):
        decided(lambda i: f"{45292 + i}.5", name="date", time_column="date")
